"""What a detector makes of the particles of a jet: tracks and calorimeter cells.

A light form of the energy flow of Delphes, from the same pieces as the events
(:mod:`trigforge.train.generation.detector` and ``calorimeter``, which follow its CMS card): charged
particles that the tracker finds become candidates in their own direction with smeared pT;
everything else, lost charged particles included, goes to ECAL cells of 1 degree x 0.0175 and HCAL
cells of 5 degrees x 0.087, smeared and zero-suppressed, and every cell that keeps energy becomes a
candidate at a random place inside it. Found muons are candidates, others are lost. No pileup.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trigforge.train.generation.calorimeter import (
    CELL_ETA,
    ECAL_MIN_GEV,
    FINE_ETA,
    HCAL_MIN_GEV,
    Hits,
    calorimeter_hits,
    cell_sums,
    ecal_resolution_gev,
    hcal_resolution_gev,
    smeared,
)
from trigforge.train.generation.detector import (
    BLOCK,
    PHI_CELLS,
    TrackerConfig,
    charge_of,
    efficiency,
    is_visible,
)
from trigforge.train.generation.particles import Float, Int, Particles

TRACK, ECAL_CELL, HCAL_CELL = 211, 22, 130
"""What stands as the PDG code of a candidate."""


def energy_flow(
    particles: Particles, tracker: TrackerConfig, rng: np.random.Generator
) -> Particles:
    """Massless candidates of every event, grouped by event; codes say where they come from."""
    visible = particles.take(is_visible(particles.pdg_id))
    inside = (
        (charge_of(visible.pdg_id) != 0)
        & (visible.pt > tracker.pt_min_gev)
        & (np.abs(visible.eta) < tracker.eta_max)
    )
    found = np.zeros(len(visible), dtype=np.bool_)
    charged = visible.take(inside)
    found[inside] = rng.random(len(charged)) < efficiency(charged, tracker)
    tracks = visible.take(found)
    pt = tracks.pt * np.maximum(0.0, 1.0 + tracker.resolution * rng.standard_normal(len(tracks)))
    candidates = massless(tracks.n_events, tracks.event, TRACK, pt, tracks.eta, tracks.phi)
    hits = calorimeter_hits(visible.take(~found), tracker)
    for cells in (
        _cells(hits, hits.ecal_gev, 1, ecal_resolution_gev, ECAL_MIN_GEV, ECAL_CELL, rng),
        _cells(hits, hits.hcal_gev, BLOCK, hcal_resolution_gev, HCAL_MIN_GEV, HCAL_CELL, rng),
    ):
        candidates = candidates.joined(cells)
    return candidates.take(candidates.pt > 0)


def massless(n_events: int, event: Int, code: int, pt: Float, eta: Float, phi: Float) -> Particles:
    """Massless particles of one kind from pT, eta and phi."""
    codes = np.full(len(event), code, dtype=np.int64)
    px, py = pt * np.cos(phi), pt * np.sin(phi)
    return Particles(n_events, event, codes, px, py, pt * np.sinh(eta), pt * np.cosh(eta))


def _cells(
    hits: Hits,
    energy_gev: np.ndarray[tuple[int], np.dtype[np.float32]],
    block: int,
    resolution: Callable[[Float, Float], Float],
    minimum_gev: float,
    code: int,
    rng: np.random.Generator,
) -> Particles:
    """Candidates from cells of ``block`` x ``block`` fine cells that keep energy."""
    rows, columns = PHI_CELLS // block, FINE_ETA // block
    row, column = hits.row.astype(np.int64) // block, hits.column.astype(np.int64) // block
    cell, energy = cell_sums((hits.event * rows + row) * columns + column, energy_gev)
    event, row, column = cell // (rows * columns), cell // columns % rows, cell % columns
    width = block * CELL_ETA
    centre: Float = (column.astype(np.float64) + 0.5 - columns / 2) * width
    found = smeared(energy, resolution, centre, minimum_gev, rng)
    place = rng.random((2, len(cell)))
    eta = centre + (place[0] - 0.5) * width
    phi = (row + place[1]) * (2.0 * np.pi / rows) - np.pi
    return massless(hits.n_events, event, code, found / np.cosh(eta), eta, phi)
