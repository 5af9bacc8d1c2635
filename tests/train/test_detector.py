"""The vectorised tracker against slow per-particle twins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trigforge.train.generation.detector import (
    CHARGE,
    ETA_CELLS,
    ETA_COLUMNS,
    PHI_CELLS,
    PHI_ROWS,
    TrackerConfig,
    Tracks,
    cell_indices,
    charge_of,
    deposit_images,
    efficiency,
    helix_exit,
    is_visible,
    reconstruct,
    track_counts,
)
from trigforge.train.generation.particles import Particles

PERFECT = TrackerConfig(
    resolution=0.0,
    efficiency=tuple((kind, ((1.0, 1.0), (1.0, 1.0))) for kind in ("hadron", "electron", "muon")),
)


def make_particles(
    n_events: int, count: int, seed: int, codes: tuple[int, ...] = (211, -211, 11, -13, 22, 2112)
) -> Particles:
    """Random particles: falling pT spectrum, |eta| up to 3, any azimuth."""
    rng = np.random.default_rng(seed)
    pt = 0.05 + rng.exponential(1.5, count)
    eta = rng.uniform(-3.0, 3.0, count)
    phi = rng.uniform(-np.pi, np.pi, count)
    return Particles(
        n_events,
        rng.integers(0, n_events, count),
        rng.choice(codes, count),
        pt * np.cos(phi),
        pt * np.sin(phi),
        pt * np.sinh(eta),
        pt * np.cosh(eta),
    )


def slow_helix(px: float, py: float, pz: float, charge: int, config: TrackerConfig) -> tuple:
    """Exit point (phi, eta) by small steps along the trajectory in a field along z."""
    pt = math.hypot(px, py)
    bend_m = pt / (0.3 * config.field_t)
    x = y = z = 0.0
    direction = math.atan2(py, px)
    step = 2e-4 * bend_m
    turn = -charge * step / bend_m
    while math.hypot(x, y) < config.radius_m and abs(z) < config.half_length_m:
        x += step * math.cos(direction + 0.5 * turn)
        y += step * math.sin(direction + 0.5 * turn)
        z += step * pz / pt
        direction += turn
    return math.atan2(y, x), math.asinh(z / math.hypot(x, y))


@pytest.mark.parametrize(
    ("pt", "eta", "code"),
    [
        (5.0, 0.3, 211),
        (1.0, -1.2, -211),
        (0.8, 0.1, 13),
        (0.5, 0.8, 211),  # below 0.735 GeV: loops to the endcap
        (0.4, -1.4, 321),
        (0.31, 0.9, -2212),  # more than half a turn
        (2.0, 2.3, 11),  # endcap at once
    ],
)
def test_helix_ends_where_small_steps_end(pt: float, eta: float, code: int) -> None:
    config = TrackerConfig()
    px, py, pz = pt * math.cos(2.9), pt * math.sin(2.9), pt * math.sinh(eta)
    one = Particles(
        1,
        np.array([0]),
        np.array([code]),
        *(np.array([value]) for value in (px, py, pz, pt * math.cosh(eta))),
    )
    charge = charge_of(one.pdg_id)
    phi, outer_eta = helix_exit(one, charge, config)
    want_phi, want_eta = slow_helix(px, py, pz, int(charge[0]), config)
    assert math.remainder(float(phi[0]) - want_phi, 2 * math.pi) == pytest.approx(0, abs=2e-3)
    assert float(outer_eta[0]) == pytest.approx(want_eta, abs=2e-3)


def test_barrel_shift_is_the_arc_sine_of_0_735_over_pt() -> None:
    pt = np.array([0.9, 1.0, 3.0, 20.0])
    zero = np.zeros(4)
    particles = Particles(
        1, np.zeros(4, dtype=int), np.array([211, -211, 211, -11]), pt, zero, zero, pt
    )
    charge = charge_of(particles.pdg_id)
    phi, eta = helix_exit(particles, charge, TrackerConfig())
    np.testing.assert_allclose(phi, -charge * np.arcsin(0.735 / pt), rtol=1e-3)
    np.testing.assert_allclose(eta, 0.0)


def test_images_equal_explicit_five_by_five_sums() -> None:
    """Oracle: fill the fine image track by track, pad 2 and 2, sum each block."""
    tracks = reconstruct(make_particles(4, 900, seed=1), PERFECT, np.random.default_rng(0))
    row, column, inside = cell_indices(tracks, PERFECT)
    fine = np.zeros((4, PHI_CELLS, ETA_CELLS))
    for i in range(len(tracks.pt)):
        if inside[i]:
            fine[tracks.event[i], row[i], column[i]] += tracks.pt[i]
    padded = np.pad(fine, ((0, 0), (0, 0), (2, 2)))
    want = np.zeros((4, PHI_ROWS, ETA_COLUMNS))
    for r in range(PHI_ROWS):
        for c in range(ETA_COLUMNS):
            want[:, r, c] = padded[:, 5 * r : 5 * r + 5, 5 * c : 5 * c + 5].sum(axis=(1, 2))
    images = deposit_images(tracks, PERFECT)
    assert images.shape == (4, 72, 58)
    np.testing.assert_allclose(images, want, rtol=1e-6)
    assert 100 < np.count_nonzero(images) < 900


def test_whole_chain_equals_a_loop_over_particles() -> None:
    """Oracle: with full efficiency, decide for every particle alone where it ends up."""
    particles = make_particles(3, 400, seed=2)
    tracks = reconstruct(particles, PERFECT, np.random.default_rng(0))
    want = np.zeros((3, PHI_ROWS, ETA_COLUMNS))
    counts = [0, 0, 0]
    for i in range(len(particles)):
        charge = CHARGE.get(abs(int(particles.pdg_id[i])), 0)
        pt = math.hypot(particles.px[i], particles.py[i])
        if not charge or pt <= 0.3 or abs(math.asinh(particles.pz[i] / pt)) >= 2.5:
            continue
        counts[particles.event[i]] += 1
        one = particles.take(np.array([i]))
        phi, eta = (float(v[0]) for v in helix_exit(one, charge_of(one.pdg_id), PERFECT))
        if abs(eta) < 2.5:
            r = math.floor((phi + math.pi) / math.radians(1)) // 5
            c = (math.floor((eta + 2.5) / 5.0 * 286) + 2) // 5
            want[particles.event[i], r, c] += pt
    np.testing.assert_allclose(deposit_images(tracks, PERFECT), want, rtol=1e-5)
    assert track_counts(tracks).tolist() == counts


def test_turning_the_event_by_five_degrees_rolls_the_image_by_one_row() -> None:
    rng = np.random.default_rng(3)
    event, pt = np.zeros(200, dtype=np.int64), np.ones(200)
    eta = rng.uniform(-2.4, 2.4, 200)
    # cell centres, so that rounding cannot move a track across an edge
    phi = np.radians(rng.integers(-180, 180, 200) + 0.5)
    turned = np.mod(phi + np.radians(5.0) + np.pi, 2 * np.pi) - np.pi
    images = deposit_images(Tracks(1, event, phi, eta, pt), PERFECT)
    rolled = deposit_images(Tracks(1, event, turned, eta, pt), PERFECT)
    np.testing.assert_array_equal(np.roll(images, 1, axis=1), rolled)
    flipped = deposit_images(Tracks(1, event, phi, -eta, pt), PERFECT)
    np.testing.assert_array_equal(images[:, :, ::-1], flipped)


def test_the_outer_columns_hold_three_cells() -> None:
    """286 = 58 * 5 - 4: the first and last column lose two cells each to padding."""
    fine = np.arange(ETA_CELLS)
    eta = -2.5 + (fine + 0.5) * 5.0 / ETA_CELLS
    tracks = Tracks(
        1, np.zeros(ETA_CELLS, dtype=np.int64), np.zeros(ETA_CELLS), eta, np.ones(ETA_CELLS)
    )
    filled = deposit_images(tracks, PERFECT)[0].sum(axis=0)
    assert filled[0] == filled[-1] == 3
    assert set(filled[1:-1].tolist()) == {5.0}


def test_efficiency_follows_its_table() -> None:
    config = TrackerConfig()
    pt = np.array([0.5, 0.5, 2.0, 2.0, 2.0, 2.0])
    eta = np.array([0.0, 2.0, 0.0, 2.0, 0.0, 2.0])
    code = np.array([211, 211, 321, -321, 11, -13])
    particles = Particles(
        1, np.zeros(6, dtype=int), code, pt, 0 * pt, pt * np.sinh(eta), pt * np.cosh(eta)
    )
    assert efficiency(particles, config).tolist() == [0.70, 0.60, 0.95, 0.85, 0.95, 0.98]

    many = 20_000
    central = Particles(
        1,
        np.zeros(many, dtype=int),
        np.full(many, 211),
        np.full(many, 2.0),
        np.zeros(many),
        np.zeros(many),
        np.full(many, 2.0),
    )
    tracks = reconstruct(central, config, np.random.default_rng(5))
    assert len(tracks.pt) / many == pytest.approx(0.95, abs=0.006)
    assert float(tracks.pt.std()) == pytest.approx(0.02, rel=0.05)


def test_invisible_and_neutral_particles_leave_no_track() -> None:
    codes = np.array([12, -14, 16, 51, 53, 4900101, 4900211, 22, 130, 2112, 211])
    assert is_visible(codes).tolist() == [False] * 7 + [True] * 4
    ones = np.ones(len(codes))
    particles = Particles(1, np.zeros(len(codes), dtype=int), codes, ones, 0 * ones, 0 * ones, ones)
    assert track_counts(reconstruct(particles, PERFECT, np.random.default_rng(0))).tolist() == [1]


def test_charges_flip_with_the_sign_and_unknown_codes_are_refused() -> None:
    assert charge_of(np.array([11, -11, 211, -211, 3112, -3334, 22])).tolist() == [
        -1, 1, 1, -1, -1, 1, 0,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="1000022"):
        charge_of(np.array([211, 1000022]))


def test_an_event_without_particles_is_an_empty_image() -> None:
    particles = make_particles(1, 50, seed=4)
    padded = Particles(
        3,
        particles.event + 1,
        *(getattr(particles, k) for k in ("pdg_id", "px", "py", "pz", "energy")),
    )
    tracks = reconstruct(padded, PERFECT, np.random.default_rng(0))
    images = deposit_images(tracks, PERFECT)
    assert images.shape[0] == 3
    assert [bool(image.any()) for image in images] == [False, True, False]
