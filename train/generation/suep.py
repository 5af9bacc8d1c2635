"""Soft unclustered energy patterns: thermal decay of a heavy scalar, vectorised over events.

The scalar decays to dark mesons whose momenta follow a relativistic Maxwell-Boltzmann distribution
in its rest frame (arXiv:1612.00850, after arXiv:1305.5226): p^2 exp(-E / T). Mesons are drawn until
their energies reach the mass; the momenta are then shifted to sum to zero and scaled by one factor
so that the energies sum to the mass. Every meson decays to two dark photons, each to two charged
particles, isotropically.
"""

from __future__ import annotations

import numpy as np

from trigforge.train.generation.particles import Float, Int, Particles
from trigforge.train.generation.processes import SuepDecay

# masses of the charged daughters in GeV (PDG)
DAUGHTER_MASS_GEV = {11: 0.000511, 13: 0.105658, 211: 0.139570}


def decay_scalars(scalars: Particles, decay: SuepDecay, rng: np.random.Generator) -> Particles:
    """Charged particles from the thermal decay of each scalar given, in the laboratory frame."""
    mass = np.sqrt(
        scalars.energy**2 - scalars.px**2 - scalars.py**2 - scalars.pz**2,
    )
    parent, momenta = thermal_shower(mass, decay, rng)
    energy = np.sqrt((momenta**2).sum(axis=1) + decay.meson_mass_gev**2)
    frame = np.stack([scalars.energy, scalars.px, scalars.py, scalars.pz], axis=1)
    mesons = boosted(np.column_stack([energy, momenta]), frame[parent])

    m_photon = np.full(2 * len(mesons), decay.photon_mass_gev)
    photons = two_body(mesons, m_photon[::2], rng)
    parent = np.repeat(parent, 2)

    codes = np.array([code for code, _ in decay.branching], dtype=np.int64)
    fractions = np.array([fraction for _, fraction in decay.branching])
    kind = rng.choice(len(codes), size=len(photons), p=fractions)
    m_daughter = np.array([DAUGHTER_MASS_GEV[abs(int(code))] for code in codes])[kind]
    daughters = two_body(photons, m_daughter, rng)
    pdg_id = np.stack([codes[kind], -codes[kind]], axis=1).ravel()
    return Particles(
        scalars.n_events,
        scalars.event[np.repeat(parent, 2)],
        pdg_id,
        daughters[:, 1],
        daughters[:, 2],
        daughters[:, 3],
        daughters[:, 0],
    )


def thermal_shower(
    mass_gev: Float, decay: SuepDecay, rng: np.random.Generator
) -> tuple[Int, Float]:
    """Dark mesons at rest with their scalar.

    Args:
        mass_gev: (S,) mass of each scalar, at least three meson masses.

    Returns:
        parent (M,) index of the scalar; momenta (M, 3) in GeV that sum to zero per scalar, with
        energies that sum to its mass.
    """
    if len(mass_gev) and float(mass_gev.min()) < 3 * decay.meson_mass_gev:
        raise ValueError(f"scalar of {mass_gev.min():.3g} GeV is too light for three mesons")
    # no meson is lighter than this, so the first crossing lies within the block drawn
    n_draw = int(np.ceil(mass_gev.max(initial=0.0) / decay.meson_mass_gev)) + 1
    magnitude = _thermal_momentum(decay, rng.random((len(mass_gev), n_draw)))
    reached = np.sqrt(magnitude**2 + decay.meson_mass_gev**2).cumsum(axis=1)
    n_mesons = 1 + (reached < mass_gev[:, None]).sum(axis=1)
    keep = np.arange(n_draw) < n_mesons[:, None]
    parent = np.nonzero(keep)[0].astype(np.int64)
    momenta = magnitude[keep][:, None] * _isotropic(len(parent), rng)

    starts = np.concatenate([[0], n_mesons.cumsum()[:-1]]).astype(np.int64)
    if not len(parent):
        return parent, momenta
    momenta -= (np.add.reduceat(momenta, starts) / n_mesons[:, None])[parent]

    # one factor per scalar: sum sqrt(a^2 p^2 + m^2) = M is monotonic in a
    p_squared = (momenta**2).sum(axis=1)
    low, high = np.zeros(len(mass_gev)), np.full(len(mass_gev), 64.0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        energy = np.sqrt(middle[parent] ** 2 * p_squared + decay.meson_mass_gev**2)
        above = np.add.reduceat(energy, starts) > mass_gev
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return parent, momenta * low[parent][:, None]


def two_body(parents: Float, daughter_mass_gev: Float, rng: np.random.Generator) -> Float:
    """Isotropic decay to two daughters of equal mass.

    Args:
        parents: (P, 4) four-momenta (E, px, py, pz) in GeV.
        daughter_mass_gev: (P,) mass of either daughter, at most half the parent's.

    Returns:
        (2P, 4), the two daughters of a parent next to each other.
    """
    mass = np.sqrt(parents[:, 0] ** 2 - (parents[:, 1:] ** 2).sum(axis=1))
    momentum = np.sqrt(0.25 * mass**2 - daughter_mass_gev**2)
    direction = _isotropic(len(parents), rng) * momentum[:, None]
    pair = np.empty((len(parents), 2, 4))
    pair[:, :, 0] = 0.5 * mass[:, None]
    pair[:, 0, 1:] = direction
    pair[:, 1, 1:] = -direction
    return boosted(pair.reshape(-1, 4), np.repeat(parents, 2, axis=0))


def boosted(vectors: Float, frame: Float) -> Float:
    """Four-momenta (P, 4) given at rest with ``frame`` (P, 4), seen where ``frame`` is measured."""
    mass = np.sqrt(frame[:, 0] ** 2 - (frame[:, 1:] ** 2).sum(axis=1))
    along = (vectors[:, 1:] * frame[:, 1:]).sum(axis=1)
    energy = (vectors[:, 0] * frame[:, 0] + along) / mass
    factor = (along / (frame[:, 0] + mass) + vectors[:, 0]) / mass
    return np.column_stack([energy, vectors[:, 1:] + factor[:, None] * frame[:, 1:]])


def _thermal_momentum(decay: SuepDecay, uniform: Float) -> Float:
    """Momenta in GeV from uniform numbers, by inversion of the tabulated distribution."""
    grid = np.linspace(0.0, 60.0 * decay.temperature_gev, 60_001)
    energy = np.sqrt(grid**2 + decay.meson_mass_gev**2)
    density = grid**2 * np.exp(-(energy - decay.meson_mass_gev) / decay.temperature_gev)
    cumulative = np.concatenate([[0.0], (0.5 * (density[1:] + density[:-1])).cumsum()])
    inverse: Float = np.interp(uniform, cumulative / cumulative[-1], grid)
    return inverse


def _isotropic(count: int, rng: np.random.Generator) -> Float:
    """(count, 3) unit vectors."""
    cosine = rng.uniform(-1.0, 1.0, count)
    phi = rng.uniform(-np.pi, np.pi, count)
    sine = np.sqrt(1.0 - cosine**2)
    return np.column_stack([sine * np.cos(phi), sine * np.sin(phi), cosine])
