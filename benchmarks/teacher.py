"""Scores of the released CoDAE as a teacher: the plain network against the teacher's copy of it.

The plain network runs batch after batch with all threads inside an operation; the teacher runs
narrow copies of it, a batch per thread. Both take turns, so that other work on the machine meets
them alike; the shortest time of each counts.

Usage: python benchmarks/teacher.py [rounds]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from trigforge.train.config import TeacherConfig
from trigforge.train.events import ETA_COLUMNS, PHI_ROWS, load_shipped
from trigforge.train.scores import evaluate_scores
from trigforge.train.teacher import load_teacher
from trigforge.train.train_codae import codae_from_state, load_released_codae

EVENTS = 128
ROUNDS = 3


def main(rounds: int) -> None:
    """Measure and print."""
    teacher = load_teacher(TeacherConfig(weights="codae_v2"), PHI_ROWS, ETA_COLUMNS)
    plain = codae_from_state(
        teacher.network, load_released_codae(teacher.network, "codae_v2").state
    )
    masks = load_shipped().test.masks[:EVENTS]
    runs: dict[str, Callable[[], np.ndarray]] = {
        "plain": lambda: evaluate_scores(plain, masks)["dice"],
        "teacher": lambda: teacher.scores(masks),
    }
    shortest = dict.fromkeys(runs, float("inf"))
    found = {}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            found[name] = run()
            shortest[name] = min(shortest[name], time.perf_counter() - start)
    difference = float(np.abs(found["plain"] - found["teacher"]).max())
    assert difference < 1e-6, "the teacher has other scores"
    print(
        f"{EVENTS} events, {torch.get_num_threads()} thread(s), largest difference {difference:.1g}"
    )
    for name, seconds in shortest.items():
        ratio = shortest["plain"] / seconds
        print(f"  {name:8} {seconds / EVENTS * 1e3:6.1f} ms per event  {ratio:4.1f} x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
