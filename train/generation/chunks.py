"""Chunks of generated events: the unit of seeding, parallel work and caching."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trigforge.train.artifacts import atomic_path
from trigforge.train.events import ETA_COLUMNS, PHI_ROWS, Events, pack_masks, unpack_masks
from trigforge.train.generation.calorimeter import calorimeter_hits
from trigforge.train.generation.detector import (
    TrackerConfig,
    deposit_images,
    is_visible,
    reconstruct,
    track_counts,
)
from trigforge.train.generation.level1 import Level1
from trigforge.train.generation.minimum_bias import load_pool
from trigforge.train.generation.particles import Particles
from trigforge.train.generation.pileup import Overlay
from trigforge.train.generation.preselection import Preselection, scalar_ht
from trigforge.train.generation.processes import Process
from trigforge.train.generation.pythia import SCALAR, SEED_MAX, Generator
from trigforge.train.generation.seeds import seed_sequence
from trigforge.train.generation.suep import decay_scalars

CHUNK_SCHEMA = 3
BATCH_EVENTS = 50  # events in memory at once; the random sequence does not depend on it


@dataclass(frozen=True, kw_only=True)
class Pileup:
    """What is laid over the events: a pool of collisions, and whether images are kept."""

    pool: Path
    mean: float
    images: bool


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
    pileup: Pileup | None = None

    @property
    def seeds(self) -> np.random.SeedSequence:
        """Source of the chunk's Pythia seed and of its other generators."""
        return seed_sequence(self.seed, f"{self.sample}/{self.split}", self.index)


@dataclass(frozen=True)
class Chunk:
    """A finished chunk: accepted events, and what was generated to get them."""

    events: Events
    n_generated: int
    cross_section_pb: float
    cross_section_err_pb: float


def make_chunk(task: ChunkTask) -> Chunk:
    """Generate one chunk in this process."""
    # new streams come last: the first three decide the masks
    pythia_seeds, detector_seeds, decay_seeds, pileup_seeds = task.seeds.spawn(4)
    detector_rng = np.random.default_rng(detector_seeds)
    decay_rng = np.random.default_rng(decay_seeds)
    seed = 1 + int(pythia_seeds.generate_state(1, np.uint64)[0]) % SEED_MAX
    generator = Generator(task.process, seed)
    overlay = None
    if task.pileup is not None:
        overlay = Overlay(load_pool(task.pileup.pool, task.pileup.mean), pileup_seeds)

    parts: list[Events] = []
    for start in range(0, task.process.chunk_events, BATCH_EVENTS):
        particles = generator.next(min(BATCH_EVENTS, task.process.chunk_events - start))
        if task.process.suep is not None:
            scalar = particles.pdg_id == SCALAR
            products = decay_scalars(particles.take(scalar), task.process.suep, decay_rng)
            particles = particles.take(~scalar).joined(products)
        events = detect(particles, task.tracker, task.preselection, detector_rng, overlay)
        if task.pileup is not None and not task.pileup.images:
            events = replace(events, calorimeters=None)
        parts.append(events)
    return Chunk(Events.concatenate(parts), generator.n_generated, *generator.cross_section_pb())


def detect(
    particles: Particles,
    tracker: TrackerConfig,
    preselection: Preselection,
    rng: np.random.Generator,
    overlay: Overlay | None = None,
) -> Events:
    """Detector response and preselection: the accepted events among those given, weight 1.

    With ``overlay`` they have pileup, calorimeter images and level-1 inputs; the masks, for which
    pileup tracks count as removed, do not depend on it.
    """
    visible = particles.take(is_visible(particles.pdg_id))
    ht = scalar_ht(visible, preselection)
    tracks = reconstruct(visible, tracker, rng)
    masks = (deposit_images(tracks, tracker) > 0).astype(np.uint8)
    keep = ht > preselection.ht_min_gev
    accepted = Events(
        masks=masks[keep],
        n_tracks=track_counts(tracks)[keep],
        ht=ht[keep],
        weight=np.ones(int(keep.sum()), dtype=np.float32),
    )
    if overlay is None:
        return accepted
    crossing = overlay.observe(calorimeter_hits(visible.of_events(keep), tracker))
    return replace(
        accepted,
        level1=crossing.level1,
        calorimeters=crossing.towers.images().astype(np.float16),
    )


def write_chunk(path: Path, chunk: Chunk) -> None:
    """Write a chunk file, whole or not at all.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    events = chunk.events
    optional: dict[str, Any] = {}
    if events.level1 is not None:
        optional = {"regions": events.level1.regions, "objects": events.level1.objects}
    if events.calorimeters is not None:
        index = np.flatnonzero(events.calorimeters)  # images are nearly empty
        optional |= {"lit": index, "lit_gev": events.calorimeters.ravel()[index]}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            masks=pack_masks(chunk.events.masks),
            n_tracks=chunk.events.n_tracks,
            ht=chunk.events.ht,
            weight=chunk.events.weight,
            n_generated=np.int64(chunk.n_generated),
            cross_section_pb=np.array([chunk.cross_section_pb, chunk.cross_section_err_pb]),
            **optional,
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
            if "regions" in data:
                events = replace(events, level1=Level1(data["regions"], data["objects"]))
            if "lit" in data:
                images = np.zeros((len(events), PHI_ROWS, ETA_COLUMNS, 2), dtype=np.float16)
                images.ravel()[data["lit"]] = data["lit_gev"]
                events = replace(events, calorimeters=images)
            cross_section = data["cross_section_pb"]
            n_generated = int(data["n_generated"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Chunk(events, n_generated, float(cross_section[0]), float(cross_section[1]))
