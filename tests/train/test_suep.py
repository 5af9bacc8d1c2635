"""The thermal decay: conservation laws, the distribution, the shape of the events."""

from __future__ import annotations

import numpy as np
import pytest

from trigforge.train.generation.particles import Particles
from trigforge.train.generation.processes import SuepDecay
from trigforge.train.generation.suep import boosted, decay_scalars, thermal_shower, two_body

DECAY = SuepDecay()


def make_scalars(mass_gev: list[float], momentum_gev: list[float]) -> Particles:
    mass, pz = np.array(mass_gev), np.array(momentum_gev)
    n = len(mass)
    px = 0.5 * pz
    return Particles(
        n, np.arange(n), np.full(n, 25), px, 0 * px, pz, np.sqrt(mass**2 + px**2 + pz**2)
    )


def test_every_scalar_gives_back_its_four_momentum() -> None:
    scalars = make_scalars([125.0, 400.0, 1000.0, 30.0], [0.0, 300.0, -50.0, 900.0])
    products = decay_scalars(scalars, DECAY, np.random.default_rng(1))
    for i in range(4):
        mine = products.take(products.event == i)
        for field in ("px", "py", "pz", "energy"):
            total, want = getattr(mine, field).sum(), getattr(scalars, field)[i]
            assert total == pytest.approx(want, abs=1e-6 * scalars.energy[i])
        assert len(mine) % 4 == 0
        assert mine.pdg_id.sum() == 0
    assert set(np.abs(products.pdg_id).tolist()) == {11, 13, 211}


def test_mesons_are_at_rest_with_their_scalar_and_on_their_mass_shell() -> None:
    mass = np.array([125.0, 700.0, 8.0])
    parent, momenta = thermal_shower(mass, DECAY, np.random.default_rng(2))
    energy = np.sqrt((momenta**2).sum(axis=1) + DECAY.meson_mass_gev**2)
    for i in range(3):
        np.testing.assert_allclose(momenta[parent == i].sum(axis=0), 0.0, atol=1e-9)
        assert energy[parent == i].sum() == pytest.approx(mass[i], rel=1e-9)


def test_momenta_follow_the_thermal_distribution() -> None:
    """Mean energy of p^2 exp(-E/T), by direct integration; a heavy scalar, so little rescaling."""
    _, momenta = thermal_shower(np.full(20, 5000.0), DECAY, np.random.default_rng(3))
    energy = np.sqrt((momenta**2).sum(axis=1) + DECAY.meson_mass_gev**2)
    p = np.linspace(0, 80, 400_001)
    e = np.sqrt(p**2 + DECAY.meson_mass_gev**2)
    density = p**2 * np.exp(-e / DECAY.temperature_gev)
    assert energy.mean() == pytest.approx((e * density).sum() / density.sum(), rel=0.02)
    share = (energy > 10.0).mean()
    assert share == pytest.approx(density[e > 10.0].sum() / density.sum(), rel=0.06)


def test_branching_fractions() -> None:
    products = decay_scalars(
        make_scalars([1000.0] * 40, [0.0] * 40), DECAY, np.random.default_rng(4)
    )
    code = np.abs(products.pdg_id)
    assert (code == 211).mean() == pytest.approx(0.70, abs=0.02)
    assert (code == 11).mean() == pytest.approx(0.15, abs=0.02)


def test_events_of_a_scalar_at_rest_are_spherical() -> None:
    products = decay_scalars(
        make_scalars([400.0] * 50, [0.0] * 50), DECAY, np.random.default_rng(5)
    )
    sphericity = []
    for i in range(50):
        mine = products.take(products.event == i)
        p = np.stack([mine.px, mine.py, mine.pz])
        values = np.sort(np.linalg.eigvalsh(p @ p.T / (p**2).sum()))
        sphericity.append(1.5 * (values[0] + values[1]))
    assert np.mean(sphericity) > 0.75


def test_same_generator_state_gives_the_same_particles() -> None:
    scalars = make_scalars([125.0, 300.0], [10.0, 20.0])
    first = decay_scalars(scalars, DECAY, np.random.default_rng(6))
    second = decay_scalars(scalars, DECAY, np.random.default_rng(6))
    np.testing.assert_array_equal(first.px, second.px)
    np.testing.assert_array_equal(first.pdg_id, second.pdg_id)


def test_two_body_decay_keeps_masses_and_momentum() -> None:
    parents = np.array([[10.0, 3.0, -2.0, 5.0], [2.0, 0.0, 0.0, 0.0]])
    daughters = two_body(parents, np.array([0.7, 0.7]), np.random.default_rng(7))
    mass_squared = daughters[:, 0] ** 2 - (daughters[:, 1:] ** 2).sum(axis=1)
    np.testing.assert_allclose(mass_squared, 0.49, rtol=1e-9)
    np.testing.assert_allclose(daughters.reshape(2, 2, 4).sum(axis=1), parents, atol=1e-12)


def test_boost_takes_a_rest_vector_to_the_frame() -> None:
    frame = np.array([[5.0, 0.0, 3.0, 0.0]])
    np.testing.assert_allclose(boosted(np.array([[4.0, 0.0, 0.0, 0.0]]), frame), frame)


def test_a_scalar_too_light_for_mesons_is_refused() -> None:
    with pytest.raises(ValueError, match="too light"):
        thermal_shower(np.array([5.0]), DECAY, np.random.default_rng(8))
