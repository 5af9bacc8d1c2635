"""Chunks of generated jets: seeding, parallel work and caching as for events."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trigforge.train.artifacts import atomic_path
from trigforge.train.generation.detector import TrackerConfig
from trigforge.train.generation.energy_flow import energy_flow
from trigforge.train.generation.jet_finding import find_jets, matched
from trigforge.train.generation.jet_processes import JetProcess
from trigforge.train.generation.pythia import SEED_MAX, Generator
from trigforge.train.generation.seeds import seed_sequence
from trigforge.train.jets.jets import Constituents, Jets
from trigforge.train.jets.variables import substructure

JET_CHUNK_SCHEMA = 1
BATCH_EVENTS = 50  # events in memory at once


@dataclass(frozen=True, kw_only=True)
class JetTask:
    """Everything that decides the content of one chunk file."""

    label: str
    split: str
    index: int
    seed: int
    process: JetProcess
    tracker: TrackerConfig
    path: Path

    @property
    def seeds(self) -> np.random.SeedSequence:
        """Source of the chunk's Pythia seed and of its detector's generator."""
        return seed_sequence(self.seed, f"jets/{self.label}/{self.split}", self.index)


@dataclass(frozen=True)
class JetChunk:
    """A finished chunk: accepted jets, and what was generated to get them."""

    jets: Jets
    n_generated: int
    cross_section_pb: float
    cross_section_err_pb: float


def make_jet_chunk(task: JetTask) -> JetChunk:
    """Generate one chunk in this process."""
    pythia_seeds, detector_seeds = task.seeds.spawn(2)
    rng = np.random.default_rng(detector_seeds)
    seed = 1 + int(pythia_seeds.generate_state(1, np.uint64)[0]) % SEED_MAX
    events = task.process.process
    generator = Generator(events, seed)
    parts: list[Jets] = []
    for start in range(0, events.chunk_events, BATCH_EVENTS):
        count = min(BATCH_EVENTS, events.chunk_events - start)
        particles, partons = generator.next_with_partons(count)
        selection = task.process.selection
        jets, event, phi = find_jets(energy_flow(particles, task.tracker, rng), selection)
        wanted = matched(jets, event, phi, partons, task.process.match, selection.radius)
        parts.append(jets.take(wanted))
    jets = Jets.concatenate(parts)
    if task.process.variables and jets.constituents is not None:
        values = substructure(jets.constituents, task.process.selection.radius)
        jets = replace(jets, variables=values)
    return JetChunk(jets, generator.n_generated, *generator.cross_section_pb())


def write_jet_chunk(path: Path, chunk: JetChunk) -> None:
    """Write a chunk file, whole or not at all.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    jets, inside = chunk.jets, chunk.jets.constituents
    optional: dict[str, Any] = {}
    if inside is not None:
        optional = {
            "counts": inside.counts,
            "constituents": np.stack([inside.pt, inside.eta, inside.phi]),
        }
    if jets.variables is not None:
        optional["variables"] = jets.variables
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            kinematics=np.stack([jets.pt, jets.eta, jets.mass]),
            n_generated=np.int64(chunk.n_generated),
            cross_section_pb=np.array([chunk.cross_section_pb, chunk.cross_section_err_pb]),
            **optional,
        )


def read_jet_chunk(path: Path) -> JetChunk | None:
    """The chunk of a cache file; None where it is absent or damaged (it is then made again)."""
    try:
        if not zipfile.is_zipfile(path):
            return None
        with np.load(path, allow_pickle=False) as data:
            jets = Jets(*data["kinematics"])
            if "counts" in data:
                inside = Constituents(data["counts"], *data["constituents"])
                jets = replace(jets, constituents=inside)
            if "variables" in data:
                jets = replace(jets, variables=data["variables"])
            cross_section = data["cross_section_pb"]
            n_generated = int(data["n_generated"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
    return JetChunk(jets, n_generated, float(cross_section[0]), float(cross_section[1]))
