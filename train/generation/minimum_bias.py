"""A pool of single inelastic collisions, in strata of the hardest one's pTHat.

A crossing holds Poisson(50) inelastic collisions. The interesting ones are rare, so the pool is
stratified: below :data:`PTHAT_EDGES_GEV` [0] come from Pythia's ``SoftQCD:inelastic`` without
the events whose hardest parton-parton collision is above the edge, the others from
``HardQCD:all`` in bins of pTHat. In a crossing the collisions of each stratum are Poisson
distributed with mean 50 x cross section of the stratum / inelastic cross section, independently.

Pythia 8.317 makes, in about one of 10,000 soft events, hadrons of 100 GeV in pT out of a junction
between soft partons. A crossing holds 50 collisions, so these would be most of a level-1 rate:
events with a particle much harder than every parton are left out.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trigforge.train.artifacts import atomic_path, sha256_json, versions
from trigforge.train.generation.calorimeter import Hits, calorimeter_hits
from trigforge.train.generation.detector import TrackerConfig, is_visible
from trigforge.train.generation.particles import Int
from trigforge.train.generation.processes import COMMON_SETTINGS, Process
from trigforge.train.generation.pythia import SEED_MAX, Generator
from trigforge.train.generation.seeds import seed_sequence
from trigforge.train.generation.workers import run_tasks

POOL_SCHEMA = 2
PTHAT_EDGES_GEV = (20.0, 30.0, 50.0, 80.0, 120.0, 200.0)
BATCH_EVENTS = 100
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True, kw_only=True)
class PoolConfig:
    """Collisions generated per stratum, softest first.

    ``piece_events`` is the unit of seeding and caching; starting ``SoftQCD:inelastic`` takes
    seconds.
    """

    collisions: tuple[int, ...]
    piece_events: int = 2_500


@dataclass(frozen=True, kw_only=True)
class PieceTask:
    """Everything that decides the content of one file of the pool."""

    split: str
    stratum: int
    index: int
    count: int
    seed: int
    tracker: TrackerConfig
    path: Path


@dataclass(frozen=True)
class Piece:
    """Collisions of one stratum; ``cross_section_pb`` of the process with its error."""

    hits: Hits
    n_generated: int
    cross_section_pb: tuple[float, float]


@dataclass(frozen=True)
class Pool:
    """All strata one after the other.

    Attributes:
        hits: of all collisions, grouped by collision.
        first: (S + 1,) first collision of every stratum, and the number of collisions.
        mean: (S,) collisions of each stratum per crossing.
        cross_section_pb: (S,) of each stratum.
        start: (C + 1,) first hit of every collision.
    """

    hits: Hits
    first: Int
    mean: npt.NDArray[np.float64]
    cross_section_pb: npt.NDArray[np.float64]
    start: Int

    @property
    def inelastic_pb(self) -> float:
        """Inelastic cross section."""
        return float(self.cross_section_pb.sum())


def stratum_process(stratum: int) -> Process:
    """Pythia settings of a stratum."""
    if stratum == 0:
        return Process(settings=("SoftQCD:inelastic = on",))
    edges = (*PTHAT_EDGES_GEV, -1.0)
    return Process(
        settings=(
            "HardQCD:all = on",
            f"PhaseSpace:pTHatMin = {edges[stratum - 1]:g}",
            f"PhaseSpace:pTHatMax = {edges[stratum]:g}",
        )
    )


def make_piece(task: PieceTask) -> Piece:
    """Generate one piece in this process."""
    label = f"minimum_bias/{task.split}/{task.stratum}"
    (pythia_seeds,) = seed_sequence(task.seed, label, task.index).spawn(1)
    seed = 1 + int(pythia_seeds.generate_state(1, np.uint64)[0]) % SEED_MAX
    generator = Generator(stratum_process(task.stratum), seed)
    limit = PTHAT_EDGES_GEV[0] if task.stratum == 0 else np.inf
    parts = []
    for start in range(0, task.count, BATCH_EVENTS):
        count = min(BATCH_EVENTS, task.count - start)
        particles = generator.next(count, keep=lambda batch: is_kept(batch, limit))
        visible = particles.take(is_visible(particles.pdg_id))
        parts.append(calorimeter_hits(visible, task.tracker))
    return Piece(Hits.concatenate(parts), task.count, generator.cross_section_pb())


def is_kept(batch: Any, hardest_max_gev: float) -> npt.NDArray[np.bool_]:
    """(N,) events of a Pythia batch that belong into the stratum.

    The outgoing partons of the hardest subprocess (status 23) stay below ``hardest_max_gev``, and
    no final particle exceeds every parton (status 21 to 79) by a fifth and 5 GeV.
    """
    import awkward as ak

    status = abs(batch.prt.status)
    pt = np.hypot(batch.prt.p.px, batch.prt.p.py)

    def largest(chosen: Any) -> npt.NDArray[np.float64]:
        return np.asarray(ak.to_numpy(ak.fill_none(ak.max(pt[chosen], axis=1), 0.0)))

    hardest = largest(status == 23)
    parton = largest((status >= 21) & (status <= 79))
    particle = largest(batch.prt.status > 0)
    kept: npt.NDArray[np.bool_] = (hardest <= hardest_max_gev) & (particle <= 1.2 * parton + 5.0)
    return kept


def pool_key(config: PoolConfig, seed: int, tracker: TrackerConfig) -> str:
    """Hash of everything that decides the pools of a seed."""
    what = [POOL_SCHEMA, config, seed, tracker, PTHAT_EDGES_GEV, COMMON_SETTINGS]
    return sha256_json([*what, versions("pythia8mc", "numpy")])[:16]


def build_pool(
    config: PoolConfig, split: str, seed: int, tracker: TrackerConfig, cache: Path, workers: int
) -> Path:
    """The folder of the pool of a split, all its pieces there.

    Raises:
        ToolError, StorageError: as :func:`trigforge.train.generation.generate.generate_sample`.
    """
    folder = cache / f"pool-{split}-{pool_key(config, seed, tracker)}"
    tasks = []
    for stratum, wanted in enumerate(config.collisions):
        for index, start in enumerate(range(0, wanted, config.piece_events)):
            tasks.append(
                PieceTask(
                    split=split,
                    stratum=stratum,
                    index=index,
                    count=min(config.piece_events, wanted - start),
                    seed=seed,
                    tracker=tracker,
                    path=folder / f"stratum_{stratum}_{index:04d}.npz",
                )
            )
    for _ in run_tasks(tasks, workers, make_piece, read_piece, write_piece):
        pass
    return folder


@lru_cache(maxsize=2)
def load_pool(folder: Path, mean_pileup: float) -> Pool:
    """The pool in a folder that :func:`build_pool` filled."""
    pieces: dict[int, list[Piece]] = {}
    for path in sorted(folder.glob("stratum_*.npz")):
        piece = read_piece(path)
        if piece is None:
            raise OSError(5, "damaged piece of the pileup pool; delete it", str(path))
        pieces.setdefault(int(path.stem.split("_")[1]), []).append(piece)
    strata = [pieces[stratum] for stratum in sorted(pieces)]
    hits = Hits.concatenate([piece.hits for stratum in strata for piece in stratum])
    sizes = [sum(piece.hits.n_events for piece in stratum) for stratum in strata]
    process_pb = np.array([np.mean([p.cross_section_pb[0] for p in s]) for s in strata])
    # the first stratum's process is all inelastic collisions; the others are parts of it
    cross_section_pb = process_pb.copy()
    cross_section_pb[0] -= process_pb[1:].sum()
    counts = np.bincount(hits.event, minlength=hits.n_events)
    return Pool(
        hits,
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        mean_pileup * cross_section_pb / process_pb[0],
        cross_section_pb,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )


def write_piece(path: Path, piece: Piece) -> None:
    """Write a piece, whole or not at all.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    hits = piece.hits
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            n_events=np.int64(hits.n_events),
            event=hits.event.astype(np.int32),
            row=hits.row,
            column=hits.column,
            ecal_gev=hits.ecal_gev,
            hcal_gev=hits.hcal_gev,
            muon_pt_gev=hits.muon_pt_gev,
            n_generated=np.int64(piece.n_generated),
            cross_section_pb=np.array(piece.cross_section_pb),
        )


def read_piece(path: Path) -> Piece | None:
    """The piece of a file; None where it is absent or damaged (it is then made again)."""
    try:
        if not zipfile.is_zipfile(path):
            return None
        with np.load(path, allow_pickle=False) as data:
            hits = Hits(
                int(data["n_events"]),
                data["event"].astype(np.int64),
                data["row"],
                data["column"],
                data["ecal_gev"],
                data["hcal_gev"],
                data["muon_pt_gev"],
            )
            value, error = (float(x) for x in data["cross_section_pb"])
            return Piece(hits, int(data["n_generated"]), (value, error))
    except UNREADABLE:
        return None
