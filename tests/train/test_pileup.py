"""Pileup: pools, overlays and zero-bias crossings that only their seeds decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="event generation needs pythia8mc")
pytest.importorskip("fastjet", reason="event generation needs fastjet")

from trigforge.train.event_file import save_dataset
from trigforge.train.events import load_dataset_file, load_shipped
from trigforge.train.generation.calorimeter import Hits
from trigforge.train.generation.chunks import ChunkTask, Pileup, make_chunk, read_chunk, write_chunk
from trigforge.train.generation.crossings import generate_zero_bias
from trigforge.train.generation.detector import TrackerConfig
from trigforge.train.generation.generate import SHIPPED_SEED
from trigforge.train.generation.minimum_bias import (
    PTHAT_EDGES_GEV,
    Pool,
    PoolConfig,
    build_pool,
    is_kept,
    load_pool,
)
from trigforge.train.generation.pileup import Overlay, stratum_probabilities
from trigforge.train.generation.preselection import Preselection
from trigforge.train.generation.processes import get_process

SMALL = PoolConfig(collisions=(60, 20, 20, 10, 10, 5, 5), piece_events=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    cache = tmp_path_factory.mktemp("pool")
    yield build_pool(SMALL, "test", 5, TrackerConfig(), cache, 1)


@pytest.fixture(scope="module")
def pool(folder: Path) -> Pool:
    return load_pool(folder, 50.0)


def hand_made_pool(mean: tuple[float, ...]) -> Pool:
    """Collision c of stratum s (four each) has one hit of s + 1 GeV in column 10 + c."""
    count = 4 * len(mean)
    number = np.arange(count)
    none = np.zeros(count, dtype=np.float32)
    energy = (number // 4 + 1).astype(np.float32)
    column = (10 + number % 4).astype(np.int16)
    hits = Hits(count, number, np.zeros(count, np.int16), column, energy, none, none)
    first = 4 * np.arange(len(mean) + 1)
    return Pool(hits, first, np.array(mean), np.ones(len(mean)), np.arange(count + 1))


def test_the_pool_is_whole_and_its_strata_add_up(pool: Pool) -> None:
    assert len(pool.mean) == len(PTHAT_EDGES_GEV) + 1
    assert pool.mean.sum() == pytest.approx(50.0)
    assert (np.diff(pool.mean) < 0).all()
    sizes = np.diff(pool.first)
    assert sizes[1:].tolist() == [20, 20, 10, 10, 5, 5]
    assert 50 <= sizes[0] <= 60
    # 70 to 80 mb inelastic, about 0.7 mb of it above 20 GeV
    assert 70e9 < pool.inelastic_pb < 85e9
    assert pool.cross_section_pb[1:].sum() == pytest.approx(0.7e9, rel=0.4)
    per_collision = np.diff(pool.start)
    assert per_collision[: sizes[0]].mean() < 150 < per_collision[sizes[0] :].mean()


def test_misplaced_collisions_are_left_out() -> None:
    """By the pT of the hardest partons, and of particles that no parton explains."""
    import awkward as ak

    def event(*particles: tuple[int, float]) -> list[dict[str, object]]:
        return [{"status": s, "p": {"px": 0.6 * pt, "py": 0.8 * pt}} for s, pt in particles]

    batch = ak.Array(
        {
            "prt": [
                event((-23, 12.0), (-23, 12.0), (83, 9.0)),
                event((-23, 21.0), (-23, 21.0), (83, 9.0)),  # hardest too hard
                event((-23, 6.0), (-33, 5.0), (-71, 10.0), (84, 105.0)),  # junction
                event((-23, 12.0), (-51, 14.0), (84, 21.0)),
                event((14, 0.5), (14, 0.4)),  # elastic-like: no partons
            ]
        }
    )
    assert is_kept(batch, 20.0).tolist() == [True, False, False, True, True]
    assert is_kept(batch, np.inf).tolist() == [True, True, False, True, True]


def test_a_damaged_piece_is_made_again(folder: Path, pool: Pool, tmp_path: Path) -> None:
    piece = folder / "stratum_1_0000.npz"
    content = piece.read_bytes()
    piece.write_bytes(content[:500])
    assert build_pool(SMALL, "test", 5, TrackerConfig(), folder.parent, 1) == folder
    assert piece.read_bytes() == content


def test_collisions_land_in_their_event_turned_and_mirrored() -> None:
    pool = hand_made_pool((30.0, 2.0))
    overlay = Overlay(pool, np.random.SeedSequence(1))
    counts = overlay._draws.poisson(pool.mean, (200, 2))
    hits = overlay._collisions(counts)
    np.testing.assert_array_equal(np.bincount(hits.event, minlength=200), counts.sum(axis=1))
    hard = hits.ecal_gev == 2
    np.testing.assert_array_equal(np.bincount(hits.event[hard], minlength=200), counts[:, 1])
    assert set(np.unique(hits.column)) == {*range(10, 14), *range(336, 340)}
    assert np.mean(hits.column < 100) == pytest.approx(0.5, abs=0.03)
    assert len(np.unique(hits.row)) > 330


def test_strata_of_the_hardest_collision(pool: Pool) -> None:
    """Probabilities against counting, and stratified crossings against natural ones."""
    made = hand_made_pool((3.0, 0.5, 0.1))
    probability = stratum_probabilities(made.mean)
    assert probability.sum() == pytest.approx(1.0)
    rng = np.random.default_rng(2)
    counts = rng.poisson(made.mean, (200_000, 3))
    hardest = np.where(counts[:, 2] > 0, 2, np.where(counts[:, 1] > 0, 1, 0))
    np.testing.assert_allclose(np.bincount(hardest) / 200_000, probability, atol=0.004)
    level1, found = Overlay(pool, np.random.SeedSequence(3)).natural(40)
    assert level1.regions.shape == (40, 18, 14)
    assert np.mean(found == 0) == pytest.approx(stratum_probabilities(pool.mean)[0], abs=0.3)
    total = level1.regions.sum(axis=(1, 2)).mean()
    hard = Overlay(pool, np.random.SeedSequence(4)).stratified(5, 0, 5)
    assert hard.regions.sum(axis=(1, 2)).mean() > 1.2 * total


def test_zero_bias_does_not_depend_on_workers(folder: Path, tmp_path: Path) -> None:
    results = [
        generate_zero_bias("test", (6, 4, 2, 2, 2, 1, 1), 5, folder, 50.0, tmp_path / str(n), n)
        for n in (1, 2)
    ]
    one, two = results
    np.testing.assert_array_equal(one.level1.regions, two.level1.regions)
    np.testing.assert_array_equal(one.level1.objects, two.level1.objects)
    assert one.counts.tolist() == [6, 4, 2, 2, 2, 1, 1]
    assert one.weight.sum() == pytest.approx(1.0)
    again = generate_zero_bias("test", (6, 4, 2, 2, 2, 1, 1), 5, folder, 50.0, tmp_path / "1", 1)
    np.testing.assert_array_equal(one.level1.objects, again.level1.objects)


def test_masks_are_those_of_the_shipped_sample_with_and_without_pileup(
    folder: Path, tmp_path: Path
) -> None:
    """Pileup has random streams of its own: not a bit of a mask changes."""
    process = replace(get_process("svj_3100"), chunk_events=50)  # one batch of draws
    task = ChunkTask(
        sample="svj_3100",
        split="test",
        index=0,
        seed=SHIPPED_SEED,
        process=process,
        tracker=TrackerConfig(),
        preselection=Preselection(),
        path=tmp_path / "chunk.npz",
        pileup=Pileup(pool=folder, mean=50.0, images=True),
    )
    chunk = make_chunk(task)
    bare = make_chunk(replace(task, pileup=None)).events
    events = chunk.events
    assert len(events) >= 40
    np.testing.assert_array_equal(events.masks, bare.masks)
    np.testing.assert_array_equal(events.n_tracks, bare.n_tracks)
    assert bare.level1 is None and bare.calorimeters is None
    shipped = load_shipped().signals["svj_3100"].head(len(events))
    np.testing.assert_allclose(events.ht, shipped.ht, rtol=1e-5)
    # another processor may round a track across the edge of a pixel now and then
    assert np.mean(events.masks != shipped.masks) < 1e-5

    assert events.level1 is not None and events.calorimeters is not None
    assert events.calorimeters.shape == (len(events), 72, 58, 2)
    lit = (events.calorimeters > 0).sum(axis=(1, 2)).mean(axis=0)
    assert 100 < lit[0] < 500 and 30 < lit[1] < 200
    assert (events.level1.kind("jet")[:, 0, 0] > 200).mean() > 0.8

    write_chunk(task.path, chunk)
    read = read_chunk(task.path)
    assert read is not None and read.events.level1 is not None
    np.testing.assert_array_equal(read.events.calorimeters, events.calorimeters)
    np.testing.assert_array_equal(read.events.level1.objects, events.level1.objects)

    # and through a data-set file, whose training masks have a name of their own
    zero_bias = generate_zero_bias("train", 3, 5, folder, 50.0, tmp_path / "zb", 1)
    parts = {"train": events, "validation": events.head(2), "test": bare}
    signals = {"svj_3100": events}
    for name, extra in (("a.npz", {"train": zero_bias}), ("b.npz", {})):
        save_dataset(
            tmp_path / name,
            **parts,
            signals=signals,
            info={},
            preselection="HT",
            seed=1,
            zero_bias=extra,
        )
    a, b = (load_dataset_file(tmp_path / name) for name in ("a.npz", "b.npz"))
    assert a.masks_sha256 == b.masks_sha256
    assert a.sha256 != b.sha256
    np.testing.assert_array_equal(a.train.calorimeters, events.calorimeters)
    assert a.test.level1 is None and b.zero_bias == {}
    np.testing.assert_array_equal(a.zero_bias["train"].level1.regions, zero_bias.level1.regions)
    np.testing.assert_array_equal(a.zero_bias["train"].weight, zero_bias.weight)
