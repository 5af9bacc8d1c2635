"""Calorimeters: cells, fractions, resolution and the geometry they share with the tracker."""

from __future__ import annotations

import numpy as np
import pytest

from trigforge.train.generation.calorimeter import (
    CELL_ETA,
    Hits,
    calorimeter_hits,
    ecal_resolution_gev,
    hcal_resolution_gev,
    respond,
    smeared,
)
from trigforge.train.generation.detector import TrackerConfig, Tracks, deposit_images
from trigforge.train.generation.particles import Particles


def single(code: int, pt: float, eta: float, phi: float) -> Particles:
    """One event with one massless particle."""
    return Particles(
        1,
        np.zeros(1, dtype=np.int64),
        np.array([code]),
        np.array([pt * np.cos(phi)]),
        np.array([pt * np.sin(phi)]),
        np.array([pt * np.sinh(eta)]),
        np.array([pt * np.cosh(eta)]),
    )


@pytest.mark.parametrize(
    ("code", "ecal", "muon"),
    [(22, 1.0, False), (-11, 1.0, False), (211, 0.0, False), (310, 0.3, False), (13, 0.0, True)],
)
def test_every_kind_of_particle_leaves_its_share(code: int, ecal: float, muon: bool) -> None:
    hits = calorimeter_hits(single(code, 20.0, 1.0, 0.5), TrackerConfig())
    energy = 0.0 if muon else 20.0 * np.cosh(1.0)
    assert hits.ecal_gev[0] == pytest.approx(energy * ecal)
    assert hits.hcal_gev[0] == pytest.approx(energy * (1 - ecal))
    assert hits.muon_pt_gev[0] == pytest.approx(20.0 if muon else 0.0)


def test_neutral_particles_fly_straight_and_charged_ones_bend() -> None:
    config = TrackerConfig()
    row = int((0.5 + np.pi) / (2 * np.pi) * 360)
    assert calorimeter_hits(single(22, 2.0, 0.3, 0.5), config).row[0] == row
    turn = np.degrees(np.arcsin(0.735 / 2.0))
    assert abs(int(calorimeter_hits(single(211, 2.0, 0.3, 0.5), config).row[0]) - (row - turn)) < 2
    assert len(calorimeter_hits(single(22, 2.0, 3.05, 0.5), config)) == 0


def test_pixels_are_those_of_the_tracker(rng: np.random.Generator) -> None:
    """The same directions light the same pixels, the outermost columns included."""
    count = 3000
    phi, eta = rng.uniform(-np.pi, np.pi, count), rng.uniform(-2.5, 2.5, count)
    event = np.arange(count)
    tracks = Tracks(count, event, phi, eta, np.ones(count))
    want = deposit_images(tracks, TrackerConfig()) > 0
    row = np.floor((phi + np.pi) / (2 * np.pi) * 360).astype(np.int16)
    column = (np.floor(eta / CELL_ETA) + 175).astype(np.int16)
    energy = np.full(count, 500.0, dtype=np.float32)
    none = np.zeros(count, dtype=np.float32)
    towers = respond(Hits(count, event, row, column, energy, energy, none), rng)
    images = towers.images() > 0
    np.testing.assert_array_equal(images[..., 0], want)
    np.testing.assert_array_equal(images[..., 1], want)
    edge = images[..., 1][:, :, 0].any(axis=1)
    assert edge.sum() > 10
    # an edge pixel holds 3 of the 5 fine columns of its HCAL cell
    np.testing.assert_allclose(
        towers.images()[edge][..., 1].sum((1, 2)), 0.6 * towers.hcal[edge].sum((1, 2)), rtol=1e-6
    )
    inner = ~(images[..., 0][:, :, [0, -1]].any(axis=(1, 2)))
    np.testing.assert_allclose(
        towers.images()[inner][..., 0].sum((1, 2)), towers.ecal[inner].sum((1, 2)), rtol=1e-6
    )


def test_cells_add_up_before_they_are_smeared(rng: np.random.Generator) -> None:
    """Many small hits of one cell are one large one; a slow dictionary is the oracle."""
    count = 20_000
    event = rng.integers(0, 4, count)
    row, column = rng.integers(0, 8, count), rng.integers(170, 180, count)
    ecal = rng.exponential(5.0, count).astype(np.float32)
    ecal[rng.random(count) < 0.3] = 0
    zero = np.zeros(count, dtype=np.float32)
    hits = Hits(4, event, row.astype(np.int16), column.astype(np.int16), ecal, zero, zero)
    sums: dict[tuple[int, int, int], float] = {}
    for e, r, c, gev in zip(event, row // 5, column // 5, ecal, strict=True):
        sums[e, r, c] = sums.get((e, r, c), 0.0) + float(gev)
    towers = respond(hits, rng)
    assert towers.hcal.sum() == 0
    assert (towers.ecal > 0).sum() == len(sums)
    for (e, r, c), gev in sums.items():
        eta = (c * 5 + 2.5 - 175) * CELL_ETA
        assert towers.ecal[e, r, c] == pytest.approx(gev / np.cosh(eta), rel=0.06)


def test_smearing_keeps_the_mean_and_the_resolution(rng: np.random.Generator) -> None:
    energy, eta = np.full(200_000, 60.0), np.full(200_000, 0.5)
    found = smeared(energy, hcal_resolution_gev, eta, 1.0, rng)
    want = float(hcal_resolution_gev(np.array([60.0]), np.array([0.5]))[0])
    assert found.mean() == pytest.approx(60.0, rel=0.002)
    assert found.std() == pytest.approx(want, rel=0.02)


def test_suppression_starts_where_the_published_deposits_do(rng: np.random.Generator) -> None:
    """Smallest pixels of the published images: 0.825 GeV (ECAL) and 9.07 GeV (HCAL) at eta = 0."""
    for resolution, minimum, smallest in (
        (ecal_resolution_gev, 0.5, 0.825),
        (hcal_resolution_gev, 1.0, 9.07),
    ):
        energy = rng.uniform(0.1, 30.0, 200_000)
        found = smeared(energy, resolution, np.zeros_like(energy), minimum, rng)
        assert found[found > 0].min() == pytest.approx(smallest, rel=0.005)


def test_tiny_deposits_do_not_become_spikes(rng: np.random.Generator) -> None:
    energy = np.full(500_000, 0.001)
    found = smeared(energy, ecal_resolution_gev, np.zeros_like(energy), 0.5, rng)
    assert found.max() < 2.0
