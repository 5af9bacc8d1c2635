"""Monte-Carlo samples: Pythia 8, the fast tracker, the HT preselection; parallel and resumable.

Events are made in chunks. Chunk ``i`` of a stream (sample, split) has its own seeds derived from
(seed, sample, split, i), is written to its own cache file (temporary name, then rename) and does
not depend on who computed it; a stream is the shortest run of chunks 0, 1, 2, ... that holds enough
accepted events. So the result has the same bytes whatever the number of workers, an interrupted run
goes on where it stopped, and streams never share events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trigforge.train.artifacts import sha256_json, versions
from trigforge.train.errors import InputError
from trigforge.train.event_file import save_dataset
from trigforge.train.events import EventDataset, Events, SampleInfo, load_dataset_file
from trigforge.train.generation.chunks import (
    CHUNK_SCHEMA,
    Chunk,
    ChunkTask,
    Pileup,
    make_chunk,
    read_chunk,
    write_chunk,
)
from trigforge.train.generation.crossings import generate_zero_bias
from trigforge.train.generation.detector import TrackerConfig
from trigforge.train.generation.minimum_bias import PoolConfig, build_pool
from trigforge.train.generation.preselection import Preselection
from trigforge.train.generation.processes import (
    BACKGROUND,
    COMMON_SETTINGS,
    SIGNALS,
    Process,
    get_process,
)
from trigforge.train.generation.streams import (
    GENERATOR_PACKAGES,
    require_generator,
    shortest_run,
)
from trigforge.train.generation.zero_bias import ZeroBias

SPLITS = ("train", "validation", "test")

SHIPPED_SEED = 20_230_612
SHIPPED_COUNTS: dict[str, int] = {
    f"{BACKGROUND}/train": 18_000,
    f"{BACKGROUND}/validation": 2_000,
    f"{BACKGROUND}/test": 10_000,
    **dict.fromkeys(SIGNALS, 1_000),
}


SHIPPED_LEVEL1 = (f"{BACKGROUND}/test", *SIGNALS)
"""Streams of the shipped sample with level-1 inputs; its calorimeter images would not fit."""


TRAIN_POOL = PoolConfig(collisions=(5_000, 1_500, 800, 300, 100, 50, 50))
TEST_POOL = PoolConfig(collisions=(10_000, 5_000, 2_600, 1_000, 500, 200, 100))


@dataclass(frozen=True, kw_only=True)
class Detail:
    """What is made besides masks and scalars.

    Attributes:
        mean_pileup: inelastic collisions per crossing.
        train_pool: minimum-bias collisions for training and validation.
        test_pool: those for test events and signals; no collision is in both.
        level1: streams that get level-1 inputs, None for all.
        images: keep calorimeter images as well.
        zero_bias_train: natural zero-bias crossings.
        zero_bias_test: crossings per stratum, see :mod:`trigforge.train.generation.minimum_bias`.
    """

    mean_pileup: float = 50.0
    train_pool: PoolConfig = TRAIN_POOL
    test_pool: PoolConfig = TEST_POOL
    level1: tuple[str, ...] | None = None
    images: bool = False
    zero_bias_train: int = 4_600
    zero_bias_test: tuple[int, ...] = (11_000, 5_000, 2_600, 1_000, 500, 200, 100)


def build_shipped(out: Path, workers: int, cache_dir: Path) -> EventDataset:
    """Remake the sample that ships with the package, byte for byte (same package versions)."""
    return generate_dataset(
        SHIPPED_COUNTS,
        SHIPPED_SEED,
        workers,
        cache_dir,
        out,
        detail=Detail(level1=SHIPPED_LEVEL1),
    )


def generate_dataset(
    counts: Mapping[str, int],
    seed: int,
    workers: int,
    cache_dir: Path,
    out: Path,
    *,
    chunk_events: int | None = None,
    detail: Detail | None = None,
) -> EventDataset:
    """A whole data set, written to ``out`` and returned.

    Args:
        counts: accepted events per stream: ``qcd/train``, ``qcd/validation`` and ``qcd/test``, all
            needed, and any of the signal samples.
        chunk_events: events per chunk in place of each process's own; small ones suit small
            samples. Part of what decides the bytes, as the seed is.
        detail: pileup, level-1 inputs, calorimeter images and zero-bias crossings; None for masks
            and scalars only. Masks do not depend on it.

    Raises:
        InputError: a stream is missing or unknown.
        ToolError, StorageError: as :func:`generate_sample`.
    """
    background = [f"{BACKGROUND}/{split}" for split in SPLITS]
    _check_counts(counts, background)
    require_generator()
    pools: dict[str, Path] = {}
    zero_bias: dict[str, ZeroBias] = {}
    if detail is not None:
        wanted: tuple[tuple[str, PoolConfig, int | tuple[int, ...]], ...] = (
            ("train", detail.train_pool, detail.zero_bias_train),
            ("test", detail.test_pool, detail.zero_bias_test),
        )
        for split, pool, crossings in wanted:
            folder = build_pool(pool, split, seed, TrackerConfig(), cache_dir, workers)
            pools[split] = folder
            zero_bias[split] = generate_zero_bias(
                split, crossings, seed, folder, detail.mean_pileup, cache_dir, workers
            )
    parts: dict[str, Events] = {}
    info: dict[str, SampleInfo] = {}
    for name in (*background, *(signal for signal in SIGNALS if signal in counts)):
        sample, _, split = name.partition("/")
        process = get_process(sample)
        if chunk_events is not None:
            process = replace(process, chunk_events=chunk_events)
        pileup = None
        if detail is not None and (detail.level1 is None or name in detail.level1):
            folder = pools["train" if split in ("train", "validation") else "test"]
            pileup = Pileup(pool=folder, mean=detail.mean_pileup, images=detail.images)
        parts[name], info[name] = generate_sample(
            sample,
            counts[name],
            seed,
            workers,
            cache_dir,
            split=split or "test",
            process=process,
            pileup=pileup,
        )
    save_dataset(
        out,
        train=parts[background[0]],
        validation=parts[background[1]],
        test=parts[background[2]],
        signals={name: events for name, events in parts.items() if name in SIGNALS},
        info=info,
        preselection=Preselection().text,
        seed=seed,
        zero_bias=zero_bias,
        mean_pileup=None if detail is None else detail.mean_pileup,
    )
    return load_dataset_file(out, "generated")


def generate_sample(
    sample: str,
    n_accepted: int,
    seed: int,
    workers: int,
    cache_dir: Path,
    *,
    split: str = "test",
    process: Process | None = None,
    tracker: TrackerConfig | None = None,
    preselection: Preselection | None = None,
    pileup: Pileup | None = None,
) -> tuple[Events, SampleInfo]:
    """``n_accepted`` events of one sample that pass the preselection.

    Args:
        sample: name in :data:`trigforge.train.generation.processes.PROCESSES`.
        seed: any non-negative integer.
        workers: processes; the result does not depend on it.
        cache_dir: where chunk files live; safe to delete, needed to resume.
        split: streams of different splits are statistically independent.
        process, tracker, preselection: in place of the sample's own and the defaults.
        pileup: laid over the events, which then have level-1 inputs.

    Raises:
        InputError: unknown sample.
        ToolError: Pythia or FastJet is not installed, or refuses a setting.
        StorageError: a chunk cannot be written.
    """
    process = process or get_process(sample)
    tracker, preselection = tracker or TrackerConfig(), preselection or Preselection()
    require_generator()
    overlay = None if pileup is None else (pileup.pool.name, pileup.mean, pileup.images)
    what = (CHUNK_SCHEMA, process, COMMON_SETTINGS, tracker, preselection, seed, overlay)
    key = sha256_json([*what, versions(*GENERATOR_PACKAGES)])[:16]
    folder = cache_dir / f"{sample}-{split}-{key}"

    def task(index: int) -> ChunkTask:
        return ChunkTask(
            sample=sample,
            split=split,
            index=index,
            seed=seed,
            process=process,
            tracker=tracker,
            preselection=preselection,
            path=folder / f"chunk_{index:05d}.npz",
            pileup=pileup,
        )

    chunks = shortest_run(
        task,
        n_accepted,
        workers,
        make=make_chunk,
        read=read_chunk,
        write=write_chunk,
        size=lambda chunk: len(chunk.events),
        label=f"{sample} ({split})",
        unit="ev",
    )
    return _merge(sample, chunks, n_accepted, process)


def _merge(
    sample: str, chunks: list[Chunk], n_accepted: int, process: Process
) -> tuple[Events, SampleInfo]:
    n_generated = sum(c.n_generated for c in chunks)
    n_passed = sum(len(c.events) for c in chunks)
    errors = np.array([c.cross_section_err_pb for c in chunks])
    info = SampleInfo(
        name=sample,
        cross_section_pb=float(np.mean([c.cross_section_pb for c in chunks])),
        cross_section_err_pb=float(np.sqrt((errors**2).sum()) / len(chunks)),
        preselection_efficiency=n_passed / n_generated,
        n_generated=n_generated,
        n_accepted=n_accepted,
        generator=f"Pythia {versions('pythia8mc')['pythia8mc']}: {process.note}",
    )
    return Events.concatenate([c.events for c in chunks]).head(n_accepted), info


def _check_counts(counts: Mapping[str, int], background: list[str]) -> None:
    for name in background:
        if name not in counts:
            raise InputError(f"event counts lack {name!r}; the background needs all its parts")
    for name, count in counts.items():
        if name not in background:
            get_process(name)
        if count < 1:
            raise InputError(f"event count of {name!r} is {count}, expected at least 1")
