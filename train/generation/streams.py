"""Streams of chunks: as many as a request needs, in their order, whoever computes them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from trigforge.train.artifacts import versions
from trigforge.train.errors import ToolError
from trigforge.train.generation.workers import Task, run_tasks

MAX_CHUNKS_QUEUED = 64
GENERATOR_PACKAGES = ("pythia8mc", "fastjet", "numpy")

T = TypeVar("T", bound=Task)
R = TypeVar("R")


def shortest_run(
    task: Callable[[int], T],
    wanted: int,
    workers: int,
    *,
    make: Callable[[T], R],
    read: Callable[[Path], R | None],
    write: Callable[[Path, R], None],
    size: Callable[[R], int],
    label: str,
    unit: str,
) -> list[R]:
    """The shortest run of chunks 0, 1, 2, ... that holds ``wanted`` accepted things.

    Args:
        task: of the index of a chunk.
        make, read, write: as :func:`trigforge.train.generation.workers.run_tasks`.
        size: accepted things in a chunk.
        label, unit: of the progress bar.
    """
    chunks: list[R] = []
    gained = 0
    with tqdm(total=wanted, desc=label, unit=unit, disable=None, file=sys.stderr) as progress:
        while gained < wanted:
            # as many chunks as the acceptance so far suggests
            per_chunk = max(gained / len(chunks), 1.0) if chunks else float(wanted)
            missing = min(int(np.ceil((wanted - gained) / per_chunk)), MAX_CHUNKS_QUEUED)
            first = len(chunks)
            tasks: Sequence[T] = [task(first + i) for i in range(max(missing, workers, 1))]
            with closing(run_tasks(tasks, workers, make, read, write)) as finished:
                for chunk in finished:
                    chunks.append(chunk)
                    gained += size(chunk)
                    progress.update(min(gained, wanted) - progress.n)
                    if gained >= wanted:
                        break
    return chunks


def require_generator() -> None:
    """Raise a ToolError where Pythia or FastJet is not installed."""
    for package in ("pythia8mc", "fastjet"):
        if versions(package)[package] == "absent":
            raise ToolError(
                f"generating events needs {package}: pip install 'trigforge[generate]', "
                "or use the shipped sample"
            )
