"""Chunks of generated events: the unit of seeding, parallel work and caching."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
import zipfile
from collections.abc import Generator as Yields
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np

from trigforge.train.artifacts import atomic_path
from trigforge.train.detector import (
    TrackerConfig,
    deposit_images,
    is_visible,
    reconstruct,
    track_counts,
)
from trigforge.train.events import Events, pack_masks, unpack_masks
from trigforge.train.particles import Particles
from trigforge.train.preselection import Preselection, scalar_ht
from trigforge.train.processes import Process
from trigforge.train.pythia import SCALAR, SEED_MAX, Generator
from trigforge.train.suep import decay_scalars

CHUNK_SCHEMA = 1
BATCH_EVENTS = 50  # events in memory at once; the random sequence does not depend on it


@dataclass(frozen=True, kw_only=True)
class ChunkTask:
    """Everything that decides the content of one chunk file."""

    sample: str
    split: str
    index: int
    seed: int
    process: Process
    tracker: TrackerConfig
    preselection: Preselection
    path: Path

    @property
    def seeds(self) -> np.random.SeedSequence:
        """Source of the chunk's Pythia seed and of its detector and decay generators."""
        label = hashlib.sha256(f"{self.sample}/{self.split}".encode()).digest()
        return np.random.SeedSequence([self.seed, int.from_bytes(label[:8], "little"), self.index])


@dataclass(frozen=True)
class Chunk:
    """A finished chunk: accepted events, and what was generated to get them."""

    events: Events
    n_generated: int
    cross_section_pb: float
    cross_section_err_pb: float


def make_chunk(task: ChunkTask) -> Chunk:
    """Generate one chunk in this process."""
    pythia_seeds, detector_seeds, decay_seeds = task.seeds.spawn(3)
    detector_rng = np.random.default_rng(detector_seeds)
    decay_rng = np.random.default_rng(decay_seeds)
    seed = 1 + int(pythia_seeds.generate_state(1, np.uint64)[0]) % SEED_MAX
    generator = Generator(task.process, seed)

    parts: list[Events] = []
    for start in range(0, task.process.chunk_events, BATCH_EVENTS):
        particles = generator.next(min(BATCH_EVENTS, task.process.chunk_events - start))
        if task.process.suep is not None:
            scalar = particles.pdg_id == SCALAR
            products = decay_scalars(particles.take(scalar), task.process.suep, decay_rng)
            particles = particles.take(~scalar).joined(products)
        parts.append(detect(particles, task.tracker, task.preselection, detector_rng))
    return Chunk(Events.concatenate(parts), generator.n_generated, *generator.cross_section_pb())


def detect(
    particles: Particles,
    tracker: TrackerConfig,
    preselection: Preselection,
    rng: np.random.Generator,
) -> Events:
    """Detector response and preselection: the accepted events among those given, weight 1."""
    visible = particles.take(is_visible(particles.pdg_id))
    ht = scalar_ht(visible, preselection)
    tracks = reconstruct(visible, tracker, rng)
    masks = (deposit_images(tracks, tracker) > 0).astype(np.uint8)
    keep = ht > preselection.ht_min_gev
    return Events(
        masks=masks[keep],
        n_tracks=track_counts(tracks)[keep],
        ht=ht[keep],
        weight=np.ones(int(keep.sum()), dtype=np.float32),
    )


def run_chunks(tasks: list[ChunkTask], workers: int) -> Yields[Chunk, None, None]:
    """Chunks of the tasks in their order, from the cache or computed by worker processes.

    Workers only compute; this process alone writes, so that a killed worker leaves no file behind.
    """
    cached = [read_chunk(task.path) for task in tasks]
    if None not in cached:
        yield from (chunk for chunk in cached if chunk is not None)
        return
    with _pool(workers) as pool:
        pending = [
            None if chunk else pool.apply_async(make_chunk, (task,))
            for task, chunk in zip(tasks, cached, strict=True)
        ]
        for task, chunk, result in zip(tasks, cached, pending, strict=True):
            if result is not None:
                chunk = result.get()
                write_chunk(task.path, chunk)
            if chunk is not None:
                yield chunk


def write_chunk(path: Path, chunk: Chunk) -> None:
    """Write a chunk file, whole or not at all.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            masks=pack_masks(chunk.events.masks),
            n_tracks=chunk.events.n_tracks,
            ht=chunk.events.ht,
            weight=chunk.events.weight,
            n_generated=np.int64(chunk.n_generated),
            cross_section_pb=np.array([chunk.cross_section_pb, chunk.cross_section_err_pb]),
        )


def read_chunk(path: Path) -> Chunk | None:
    """The chunk of a cache file; None where it is absent or damaged (it is then made again)."""
    try:
        if not zipfile.is_zipfile(path):
            return None
        with np.load(path, allow_pickle=False) as data:
            events = Events(
                masks=unpack_masks(data["masks"]),
                n_tracks=data["n_tracks"],
                ht=data["ht"],
                weight=data["weight"],
            )
            cross_section = data["cross_section_pb"]
            n_generated = int(data["n_generated"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Chunk(events, n_generated, float(cross_section[0]), float(cross_section[1]))


@contextmanager
def _pool(workers: int) -> Iterator[Pool]:
    """Worker processes that end with this block, with Ctrl-C and with their parent."""
    pool = multiprocessing.get_context("spawn").Pool(max(1, workers), initializer=_start_worker)
    try:
        yield pool
    finally:
        pool.terminate()
        pool.join()


def _start_worker() -> None:
    """Ctrl-C is the parent's business; a lost parent ends the worker; no banners on stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
    with open(os.devnull, "w") as sink:  # noqa: PTH123 (a file descriptor, not a path)
        os.dup2(sink.fileno(), 1)
