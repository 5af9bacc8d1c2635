"""Making zero-bias crossings: in tasks with seeds and cache files of their own, as the chunks."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trigforge.train.artifacts import atomic_path, sha256_json
from trigforge.train.generation.level1 import Level1
from trigforge.train.generation.minimum_bias import UNREADABLE, load_pool
from trigforge.train.generation.pileup import Overlay, stratum_probabilities
from trigforge.train.generation.seeds import seed_sequence
from trigforge.train.generation.workers import run_tasks
from trigforge.train.generation.zero_bias import ZeroBias

CROSSING_SCHEMA = 2
TASK_CROSSINGS = 1_000
BATCH_CROSSINGS = 50


@dataclass(frozen=True, kw_only=True)
class CrossingTask:
    """Everything that decides one cache file; ``stratum`` None for natural crossings."""

    split: str
    stratum: int | None
    index: int
    first: int
    count: int
    seed: int
    pool: Path
    mean_pileup: float
    path: Path


def make_crossings(task: CrossingTask) -> ZeroBias:
    """Draw the crossings of one task in this process."""
    label = f"zero_bias/{task.split}/{task.stratum}"
    pool = load_pool(task.pool, task.mean_pileup)
    overlay = Overlay(pool, seed_sequence(task.seed, label, task.index))
    parts, strata = [], []
    for start in range(0, task.count, BATCH_CROSSINGS):
        count = min(BATCH_CROSSINGS, task.count - start)
        if task.stratum is None:
            level1, hardest = overlay.natural(count)
        else:
            level1 = overlay.stratified(task.stratum, task.first + start, count)
            hardest = np.full(count, task.stratum, dtype=np.int8)
        parts.append(level1)
        strata.append(hardest)
    probability = stratum_probabilities(pool.mean)
    return ZeroBias(Level1.concatenate(parts), np.concatenate(strata), probability)


def generate_zero_bias(
    split: str,
    counts: int | tuple[int, ...],
    seed: int,
    pool: Path,
    mean_pileup: float,
    cache_dir: Path,
    workers: int,
) -> ZeroBias:
    """Zero-bias crossings.

    Args:
        counts: a number of natural crossings, or numbers of crossings per stratum of the hardest
            collision, softest first.
        pool: folder made by :func:`trigforge.train.generation.minimum_bias.build_pool`.

    Raises:
        StorageError: a cache file cannot be written.
    """
    key = sha256_json([CROSSING_SCHEMA, pool.name, mean_pileup, seed, TASK_CROSSINGS])[:16]
    folder = cache_dir / f"zero_bias-{split}-{key}"
    wanted = {None: counts} if isinstance(counts, int) else dict(enumerate(counts))
    tasks = [
        CrossingTask(
            split=split,
            stratum=stratum,
            index=index,
            first=first,
            count=min(TASK_CROSSINGS, total - first),
            seed=seed,
            pool=pool,
            mean_pileup=mean_pileup,
            path=folder / f"{stratum}_{index:04d}_{min(TASK_CROSSINGS, total - first)}.npz",
        )
        for stratum, total in wanted.items()
        for index, first in enumerate(range(0, total, TASK_CROSSINGS))
    ]
    return ZeroBias.concatenate(
        list(run_tasks(tasks, workers, make_crossings, read_crossings, write_crossings))
    )


def write_crossings(path: Path, crossings: ZeroBias) -> None:
    """Write a cache file, whole or not at all.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            regions=crossings.level1.regions,
            objects=crossings.level1.objects,
            stratum=crossings.stratum,
            probability=crossings.probability,
        )


def read_crossings(path: Path) -> ZeroBias | None:
    """The crossings of a file; None where it is absent or damaged (it is then made again)."""
    try:
        if not zipfile.is_zipfile(path):
            return None
        with np.load(path, allow_pickle=False) as data:
            level1 = Level1(data["regions"], data["objects"])
            return ZeroBias(level1, data["stratum"], data["probability"])
    except UNREADABLE:
        return None
