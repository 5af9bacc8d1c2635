"""Jet samples: Pythia 8, energy flow, anti-kT; parallel and resumable as events are.

A part (label, split) is a stream of chunks with seeds of their own, see
:mod:`trigforge.train.generation.generate`: the same bytes whatever the number of workers and
interruptions, and no jet, nor any jet of the same event, in two parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trigforge.train.artifacts import sha256_json, versions
from trigforge.train.errors import InputError
from trigforge.train.events import SampleInfo
from trigforge.train.generation.detector import TrackerConfig
from trigforge.train.generation.jet_chunks import (
    JET_CHUNK_SCHEMA,
    JetTask,
    make_jet_chunk,
    read_jet_chunk,
    write_jet_chunk,
)
from trigforge.train.generation.jet_processes import (
    DARK_JETS,
    SEMIVISIBLE,
    SVJ_POINTS,
    TOP_TAGGING,
    JetProcess,
    get_jet_process,
)
from trigforge.train.generation.processes import COMMON_SETTINGS
from trigforge.train.generation.streams import (
    GENERATOR_PACKAGES,
    require_generator,
    shortest_run,
)
from trigforge.train.jets.jet_file import Encoding, read_jets, save_jets
from trigforge.train.jets.jets import Jets
from trigforge.train.jets.sample import SPLITS, JetSample

SHIPPED_SEED = 20_220_614


@dataclass(frozen=True, kw_only=True)
class ShippedJets:
    """What a shipped sample holds; ``constituents`` False keeps the variables alone."""

    counts: Mapping[str, int]
    selection: str
    constituents: bool


SHIPPED_JETS: dict[str, ShippedJets] = {
    "top_tagging": ShippedJets(
        counts={
            f"{label}/{split}": count
            for split, count in (("train", 10_000), ("validation", 1_000), ("test", 3_000))
            for label in ("qcd", "top")
        },
        selection=TOP_TAGGING.text,
        constituents=True,
    ),
    "semivisible": ShippedJets(
        counts={
            "ttbar/train": 10_000,
            "ttbar/validation": 1_500,
            "ttbar/test": 3_000,
            **{f"svj_{mass}_{r_inv}/test": 2_000 for mass, r_inv in SVJ_POINTS},
        },
        selection=SEMIVISIBLE.text,
        constituents=False,
    ),
    "dark": ShippedJets(
        counts={f"{label}/test": 3_000 for label in ("qcd_low", "aachen", "heidelberg")},
        selection=DARK_JETS.text,
        constituents=True,
    ),
}


def build_shipped_jets(name: str, out: Path, workers: int, cache_dir: Path) -> JetSample:
    """Remake a shipped sample, byte for byte (same package versions, same kind of processor)."""
    what = SHIPPED_JETS[name]
    return generate_jets(
        what.counts,
        SHIPPED_SEED,
        workers,
        cache_dir,
        out,
        selection=what.selection,
        encoding="packed",
        constituents=what.constituents,
    )


def generate_jets(
    counts: Mapping[str, int],
    seed: int,
    workers: int,
    cache_dir: Path,
    out: Path,
    *,
    selection: str,
    encoding: Encoding = "float32",
    constituents: bool = True,
    chunk_events: int | None = None,
) -> JetSample:
    """A jet sample, written to ``out`` and returned.

    Args:
        counts: accepted jets per ``<label>/<split>``, labels from
            :data:`trigforge.train.generation.jet_processes.JET_PROCESSES`.
        selection: one line for reports.
        encoding: of the file; ``packed`` is coarse and small.
        constituents: False leaves them out of the file.
        chunk_events: events per chunk in place of each process's own.

    Raises:
        InputError: an unknown label or split, or a count below one.
        ToolError, StorageError: as :func:`generate_part`.
    """
    for name, count in counts.items():
        label, _, split = name.rpartition("/")
        get_jet_process(label)
        if split not in SPLITS or count < 1:
            raise InputError(
                f"jet counts: {name!r} is {count}, expected <label>/ and one of "
                f"{', '.join(SPLITS)}, and at least one jet"
            )
    require_generator()
    parts: dict[str, Jets] = {}
    info: dict[str, SampleInfo] = {}
    for name, count in counts.items():
        label, _, split = name.rpartition("/")
        process = get_jet_process(label)
        if chunk_events is not None:
            events = replace(process.process, chunk_events=chunk_events)
            process = replace(process, process=events)
        parts[name], info[name] = generate_part(
            label, split, count, seed, workers, cache_dir, process=process
        )
        if not constituents:
            parts[name] = replace(parts[name], constituents=None)
    save_jets(out, parts, info=info, selection=selection, seed=seed, encoding=encoding)
    return read_jets(out, "generated")


def generate_part(
    label: str,
    split: str,
    n_jets: int,
    seed: int,
    workers: int,
    cache_dir: Path,
    *,
    process: JetProcess | None = None,
    tracker: TrackerConfig | None = None,
) -> tuple[Jets, SampleInfo]:
    """``n_jets`` accepted jets of one label.

    Args:
        split: part of the seed; streams of different splits are statistically independent.
        workers: processes; the result does not depend on it.
        cache_dir: where chunk files live; safe to delete, needed to resume.
        process, tracker: in place of the label's own and the default.

    Raises:
        InputError: unknown label.
        ToolError: Pythia or FastJet is not installed, or refuses a setting.
        StorageError: a chunk cannot be written.
    """
    process, tracker = process or get_jet_process(label), tracker or TrackerConfig()
    require_generator()
    what = (JET_CHUNK_SCHEMA, process, COMMON_SETTINGS, tracker, seed)
    key = sha256_json([*what, versions(*GENERATOR_PACKAGES)])[:16]
    folder = cache_dir / f"jets-{label}-{split}-{key}"

    def task(index: int) -> JetTask:
        return JetTask(
            label=label,
            split=split,
            index=index,
            seed=seed,
            process=process,
            tracker=tracker,
            path=folder / f"chunk_{index:05d}.npz",
        )

    chunks = shortest_run(
        task,
        n_jets,
        workers,
        make=make_jet_chunk,
        read=read_jet_chunk,
        write=write_jet_chunk,
        size=lambda chunk: len(chunk.jets),
        label=f"{label} ({split})",
        unit="jet",
    )
    n_generated = sum(c.n_generated for c in chunks)
    errors = np.array([c.cross_section_err_pb for c in chunks])
    info = SampleInfo(
        name=label,
        cross_section_pb=float(np.mean([c.cross_section_pb for c in chunks])),
        cross_section_err_pb=float(np.sqrt((errors**2).sum()) / len(chunks)),
        preselection_efficiency=sum(len(c.jets) for c in chunks) / n_generated,
        n_generated=n_generated,
        n_accepted=n_jets,
        generator=f"Pythia {versions('pythia8mc')['pythia8mc']}: {process.process.note}",
    )
    return Jets.concatenate([c.jets for c in chunks]).head(n_jets), info
