"""Two calorimeters: from particles to energy in cells, smeared and zero-suppressed.

Axes: N events, H hits, 360 x 350 fine cells of (phi, eta) over |eta| < 3.06, each 1 degree times
5/286; 5 x 5 fine cells are a tower, 72 x 70 of them. The fine cells of |eta| < 2.5 and the pixels
of the images are those of the tracker (:mod:`trigforge.train.generation.detector`): pixel (r, c) is
tower (r, c + 6), except that the first and the last column end at 2.5 and hold 3 of 5 fine columns.

ECAL cells are fine cells, HCAL cells are towers, 25 times coarser as in arXiv:2306.12955, appendix
A.2, where an HCAL deposit is spread evenly over its 25 fine cells. Fractions, resolutions and the
zero suppression at twice the resolution are those of the CMS card of Delphes 3.5, and the smallest
deposits of the published images follow these curves as functions of eta.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trigforge.train.generation.detector import (
    BLOCK,
    ETA_CELLS,
    ETA_COLUMNS,
    PHI_CELLS,
    PHI_ROWS,
    TrackerConfig,
    charge_of,
    helix_exit,
)
from trigforge.train.generation.particles import Float, Int, Particles

Float32 = npt.NDArray[np.float32]
FINE_ETA = 350
TOWER_ETA = FINE_ETA // BLOCK
CELL_ETA = 5.0 / ETA_CELLS
ETA_MAX = 3.0
IMAGE_FIRST = (TOWER_ETA - ETA_COLUMNS) // 2  # tower column of the first pixel column
EDGE_FRACTION = 0.6  # 3 of 5 fine columns
FINE_FIRST = (FINE_ETA - ETA_CELLS) // 2  # first fine column inside |eta| < 2.5
MOMENTUM_ETA_MAX = 5.0
MUON_PT_MIN_GEV = 2.0
ECAL_ONLY, MIXED, MUON = (11, 22), (310, 3122), 13
MIXED_ECAL_FRACTION = 0.3
SIGNIFICANCE_MIN = 2.0
LARGEST_FLUCTUATION = 4.0
ECAL_MIN_GEV, HCAL_MIN_GEV = 0.5, 1.0


@dataclass(frozen=True)
class Hits:
    """What H particles bring to the calorimeters, and the muons.

    Attributes:
        event: (H,) index of the event, 0..N-1.
        row, column: (H,) fine cell; where the particle enters the calorimeter, for muons where
            they start.
        ecal_gev, hcal_gev: (H,) energy; none for muons.
        muon_pt_gev: (H,) transverse momentum of a muon, 0 for everything else.
    """

    n_events: int
    event: Int
    row: npt.NDArray[np.int16]
    column: npt.NDArray[np.int16]
    ecal_gev: Float32
    hcal_gev: Float32
    muon_pt_gev: Float32

    def __len__(self) -> int:
        return len(self.event)

    @staticmethod
    def concatenate(parts: Sequence[Hits], *, same_events: bool = False) -> Hits:
        """Hits of several groups of events one after the other, or of the same events."""
        sizes = [0 if same_events else part.n_events for part in parts]
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        return Hits(
            parts[0].n_events if same_events else sum(sizes),
            np.concatenate([p.event + shift for p, shift in zip(parts, first, strict=True)]),
            np.concatenate([p.row for p in parts]),
            np.concatenate([p.column for p in parts]),
            np.concatenate([p.ecal_gev for p in parts]),
            np.concatenate([p.hcal_gev for p in parts]),
            np.concatenate([p.muon_pt_gev for p in parts]),
        )


@dataclass(frozen=True)
class Towers:
    """Transverse energy in GeV of N events after smearing and zero suppression.

    Attributes:
        ecal, hcal: (N, 72, 70).
        ecal_image: (N, 72, 58), the ECAL inside |eta| < 2.5.
    """

    ecal: Float32
    hcal: Float32
    ecal_image: Float32

    def images(self) -> Float32:
        """(N, 72, 58, 2): ECAL and HCAL pixels of the published layout."""
        hcal = self.hcal[:, :, IMAGE_FIRST : IMAGE_FIRST + ETA_COLUMNS].copy()
        hcal[:, :, [0, -1]] *= np.float32(EDGE_FRACTION)
        return np.stack([self.ecal_image, hcal], axis=-1)


def calorimeter_hits(visible: Particles, config: TrackerConfig) -> Hits:
    """Hits of visible particles: neutral ones fly straight, charged ones on their helix."""
    used = visible.take(np.abs(visible.eta) < MOMENTUM_ETA_MAX)
    code = np.abs(used.pdg_id)
    charge = charge_of(used.pdg_id)
    is_muon = code == MUON
    phi, eta = used.phi, used.eta
    bends = (charge != 0) & ~is_muon
    phi[bends], eta[bends] = helix_exit(used.take(bends), charge[bends], config)
    muon_pt = np.where(is_muon, used.pt, 0.0)
    keep = (np.abs(eta) < ETA_MAX) & (~is_muon | (muon_pt > MUON_PT_MIN_GEV))

    in_ecal = np.where(np.isin(code, MIXED), MIXED_ECAL_FRACTION, np.isin(code, ECAL_ONLY))
    energy = np.where(is_muon, 0.0, used.energy)
    row = np.floor((phi[keep] + np.pi) / (2.0 * np.pi) * PHI_CELLS).astype(np.int64) % PHI_CELLS
    column = np.floor(eta[keep] / CELL_ETA).astype(np.int64) + FINE_ETA // 2
    return Hits(
        used.n_events,
        used.event[keep],
        row.astype(np.int16),
        column.astype(np.int16),
        (energy * in_ecal)[keep].astype(np.float32),
        (energy * (1.0 - in_ecal))[keep].astype(np.float32),
        muon_pt[keep].astype(np.float32),
    )


def respond(hits: Hits, rng: np.random.Generator) -> Towers:
    """The calorimeters' answer to N events.

    Random numbers are drawn cell by cell, ECAL before HCAL.
    """
    n, row, column = hits.n_events, hits.row.astype(np.int64), hits.column.astype(np.int64)
    size = PHI_CELLS * FINE_ETA
    cell, energy = cell_sums((hits.event * PHI_CELLS + row) * FINE_ETA + column, hits.ecal_gev)
    column = cell % FINE_ETA
    eta = (column.astype(np.float64) + 0.5 - FINE_ETA / 2) * CELL_ETA
    et = smeared(energy, ecal_resolution_gev, eta, ECAL_MIN_GEV, rng) / np.cosh(eta)
    tower_row = cell // size * PHI_ROWS + cell % size // FINE_ETA // BLOCK
    tower = tower_row * TOWER_ETA + column // BLOCK
    ecal = _image(tower, et, (n, PHI_ROWS, TOWER_ETA))
    inside = (column >= FINE_FIRST) & (column < FINE_ETA - FINE_FIRST)
    pixel = (tower_row * ETA_COLUMNS + column // BLOCK - IMAGE_FIRST)[inside]
    ecal_image = _image(pixel, et[inside], (n, PHI_ROWS, ETA_COLUMNS))

    row, column = hits.row.astype(np.int64) // BLOCK, hits.column.astype(np.int64) // BLOCK
    cell, energy = cell_sums((hits.event * PHI_ROWS + row) * TOWER_ETA + column, hits.hcal_gev)
    eta = ((cell % TOWER_ETA).astype(np.float64) + 0.5 - TOWER_ETA / 2) * BLOCK * CELL_ETA
    et = smeared(energy, hcal_resolution_gev, eta, HCAL_MIN_GEV, rng) / np.cosh(eta)
    return Towers(ecal, _image(cell, et, (n, PHI_ROWS, TOWER_ETA)), ecal_image)


def ecal_resolution_gev(energy: Float, eta: Float) -> Float:
    """Standard deviation of an ECAL cell (Delphes, CMS card, |eta| < 3)."""
    distance = np.abs(eta)
    central = np.sqrt(energy**2 * 0.008**2 + energy * 0.11**2 + 0.40**2)
    forward = np.sqrt(energy**2 * 0.107**2 + energy * 2.08**2)
    endcap = (2.16 + 5.6 * (distance - 2.0) ** 2) * central
    return np.where(
        distance <= 1.5,
        (1.0 + 0.64 * distance**2) * central,
        np.where(distance <= 2.5, endcap, forward),
    )


def hcal_resolution_gev(energy: Float, _eta: Float) -> Float:
    """Standard deviation of an HCAL cell (Delphes, CMS card, |eta| < 3)."""
    return np.sqrt(energy**2 * 0.050**2 + energy * 1.50**2)


def smeared(
    energy: Float,
    resolution: Callable[[Float, Float], Float],
    eta: Float,
    minimum_gev: float,
    rng: np.random.Generator,
) -> Float:
    """Energies after a log-normal smearing that keeps the mean, zero where insignificant.

    As in Delphes (SimpleCalorimeter): a cell is dropped below ``minimum_gev`` and below twice the
    resolution at its smeared energy. Unlike there, fluctuations end at four standard deviations: a
    log-normal law that is much wider than its mean turns a deposit of MeV into one of tens of GeV
    about once in a thousand crossings, which would make up most of a level-1 rate.
    """
    spread = np.log1p((resolution(energy, eta) / energy) ** 2)
    normal = rng.standard_normal(len(energy))
    found = energy * np.exp(np.sqrt(spread) * normal - 0.5 * spread)
    found = np.minimum(found, energy + LARGEST_FLUCTUATION * resolution(energy, eta))
    kept = (found > minimum_gev) & (found > SIGNIFICANCE_MIN * resolution(found, eta))
    return np.where(kept, found, 0.0)


def cell_sums(key: Int, energy: Float32) -> tuple[Int, Float]:
    """Cells that hold energy, in ascending order, and their sums."""
    some = np.flatnonzero(energy > 0)
    if not len(some):
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    order = some[np.argsort(key[some], kind="stable")]
    cell = key[order]
    first = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
    return cell[first], np.add.reduceat(energy[order].astype(np.float64), first)


def _image(index: Int, et: Float, shape: tuple[int, int, int]) -> Float32:
    sums = np.bincount(index, weights=et, minlength=int(np.prod(shape)))
    return sums.reshape(shape).astype(np.float32)
