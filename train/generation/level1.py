"""Level-1 inputs: calorimeter regions and a list of objects on integer grids.

Axes: N events, 72 x 70 towers and 18 x 14 regions of (phi, eta); a region is 4 x 5 towers, 20
degrees times 0.437, together |eta| < 3.06. Regions count in steps of 1 GeV (10 bits), transverse
momenta of objects in steps of 0.5 GeV; both truncate and saturate. Azimuth is in degrees from -pi,
0..359; eta in steps of 5/286, signed. Empty places of the list are zeros.

The algorithms are simple ones in the style of the calorimeter trigger of Run 1 (CMS TDR 6.1):

- missing ET: minus the vector sum of all towers;
- e/gamma: an ECAL tower that is the largest of its 3 x 3, with the largest of its four neighbours;
  the HCAL tower behind holds less than a tenth of it; from 4 GeV on;
- jets: 3 x 3 regions around a region that is the largest of them, less nine times the median
  region of the event (pileup), from 15 GeV on;
- muons: true ones with |eta| < 2.4 and pT > 3 GeV, found with 95 % and measured to 20 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trigforge.train.generation.calorimeter import CELL_ETA, FINE_ETA, Hits, Towers
from trigforge.train.generation.detector import BLOCK, PHI_ROWS

Int16 = npt.NDArray[np.int16]
IntGrid = npt.NDArray[np.int64]

LSB_GEV = 0.5
REGION_LSB_GEV = 1.0
REGION_ROWS, REGION_COLUMNS = 18, 14
REGIONS = REGION_ROWS * REGION_COLUMNS
REGION_TOWERS = (4, 5)  # (phi, eta)
REGION_MAX = 1023
OBJECTS = {"missing_et": 1, "egamma": 4, "muon": 4, "jet": 10}
PT_MAX = {"missing_et": 4095, "egamma": 511, "muon": 511, "jet": 2047}
N_OBJECTS = sum(OBJECTS.values())
EGAMMA_MIN, JET_MIN = 8, 30  # 4 and 15 GeV
H_OVER_E_MAX = 0.1
MUON_ETA_MAX, MUON_PT_MIN_GEV = 2.4, 3.0
MUON_EFFICIENCY, MUON_RESOLUTION = 0.95, 0.20


@dataclass(frozen=True)
class Level1:
    """What the level-1 trigger sees of N events.

    Attributes:
        regions: (N, 18, 14) uint16, transverse energy in steps of 1 GeV, 10 bits.
        objects: (N, 19, 3) int16: missing ET, 4 e/gamma, 4 muons, 10 jets, each kind in falling
            order; (pT, eta, phi) in the units above.
    """

    regions: npt.NDArray[np.uint16]
    objects: Int16

    def __len__(self) -> int:
        return len(self.regions)

    def take(self, index: slice | npt.NDArray[np.generic]) -> Level1:
        """A subset by slice, index array or boolean mask."""
        return Level1(self.regions[index], self.objects[index])

    def kind(self, name: str) -> Int16:
        """(N, count, 3) objects of one kind of :data:`OBJECTS`."""
        first = sum(count for other, count in list(OBJECTS.items())[: list(OBJECTS).index(name)])
        return self.objects[:, first : first + OBJECTS[name]]

    @staticmethod
    def concatenate(parts: Sequence[Level1]) -> Level1:
        """Events of several parts one after the other."""
        return Level1(
            np.concatenate([p.regions for p in parts]), np.concatenate([p.objects for p in parts])
        )


def level1_inputs(towers: Towers, hits: Hits, rng: np.random.Generator) -> Level1:
    """Regions and objects; ``rng`` is for the muons."""
    total = towers.ecal + towers.hcal
    regions = region_sums(total)
    objects = np.concatenate(
        [
            missing_et(total),
            find_egamma(towers),
            find_muons(hits, rng),
            find_jets(regions),
        ],
        axis=1,
    )
    return Level1(regions.astype(np.uint16), objects.astype(np.int16))


def region_sums(towers_gev: npt.NDArray[np.float32]) -> IntGrid:
    """(N, 18, 14) region energies in steps of 1 GeV from (N, 72, 70) towers."""
    phi, eta = REGION_TOWERS
    shape = (len(towers_gev), REGION_ROWS, phi, REGION_COLUMNS, eta)
    return _steps(towers_gev.reshape(shape).sum(axis=(2, 4)), REGION_MAX, REGION_LSB_GEV)


def missing_et(towers_gev: npt.NDArray[np.float32]) -> IntGrid:
    """(N, 1, 3); eta is 0."""
    rows = towers_gev.sum(axis=2, dtype=np.float64)
    phi = (np.arange(PHI_ROWS) + 0.5) * 2.0 * np.pi / PHI_ROWS - np.pi
    x, y = -(rows @ np.cos(phi)), -(rows @ np.sin(phi))
    degrees = np.floor((np.arctan2(y, x) + np.pi) * 180.0 / np.pi).astype(np.int64) % 360
    pt = _steps(np.hypot(x, y), PT_MAX["missing_et"])
    return np.stack([pt, np.zeros_like(pt), np.where(pt > 0, degrees, 0)], axis=-1)[:, None]


def find_egamma(towers: Towers) -> IntGrid:
    """(N, 4, 3), see the head of this file."""
    ecal = _steps(towers.ecal, PT_MAX["egamma"])
    around = _neighbours(ecal)
    beside = np.maximum.reduce([around[shift] for shift in ((-1, 0), (1, 0), (0, -1), (0, 1))])
    electromagnetic = towers.hcal < H_OVER_E_MAX * towers.ecal
    seed = (ecal >= EGAMMA_MIN) & _is_highest(ecal, around) & electromagnetic
    pt = np.where(seed, np.minimum(ecal + beside, PT_MAX["egamma"]), 0)
    return _list(pt, OBJECTS["egamma"], BLOCK, BLOCK)


def find_jets(regions: IntGrid) -> IntGrid:
    """(N, 10, 3) from (N, 18, 14) regions, see the head of this file."""
    around = _neighbours(regions)
    pileup = np.floor(np.median(regions.reshape(-1, REGIONS), axis=1)).astype(np.int64)
    pt = regions - 9 * pileup[:, None, None]
    for shifted in around.values():
        pt = pt + np.maximum(shifted, 0)
    pt = pt * int(REGION_LSB_GEV / LSB_GEV)
    seed = (pt >= JET_MIN) & _is_highest(regions, around)
    phi, eta = REGION_TOWERS
    pt = np.where(seed, np.minimum(pt, PT_MAX["jet"]), 0)
    return _list(pt, OBJECTS["jet"], phi * BLOCK, eta * BLOCK)


def find_muons(hits: Hits, rng: np.random.Generator) -> IntGrid:
    """(N, 4, 3), see the head of this file."""
    eta = hits.column.astype(np.int64) - FINE_ETA // 2
    candidate = np.flatnonzero(
        (hits.muon_pt_gev > MUON_PT_MIN_GEV) & (np.abs(eta + 0.5) * CELL_ETA < MUON_ETA_MAX)
    )
    draws = rng.random(len(candidate)), rng.standard_normal(len(candidate))
    pt = _steps(hits.muon_pt_gev[candidate] * np.exp(MUON_RESOLUTION * draws[1]), PT_MAX["muon"])
    found = (draws[0] < MUON_EFFICIENCY) & (pt > 0)
    candidate, pt = candidate[found], pt[found]
    event = hits.event[candidate]
    order = np.lexsort((-pt, event))
    candidate, pt, event = candidate[order], pt[order], event[order]
    place = np.arange(len(event)) - np.searchsorted(event, event)
    kept = place < OBJECTS["muon"]
    muons = np.zeros((hits.n_events, OBJECTS["muon"], 3), dtype=np.int64)
    triples = np.stack([pt, eta[candidate], hits.row[candidate].astype(np.int64)], axis=1)
    muons[event[kept], place[kept]] = triples[kept]
    return muons


def _steps(gev: npt.NDArray[np.floating], largest: int, lsb_gev: float = LSB_GEV) -> IntGrid:
    steps: IntGrid = np.minimum(np.floor(gev / lsb_gev), largest).astype(np.int64)
    return steps


def _neighbours(grid: IntGrid) -> dict[tuple[int, int], IntGrid]:
    """(dphi, deta) -> what lies there; phi closes, beyond the ends of eta lies -1."""
    padded = np.pad(grid, ((0, 0), (1, 1), (0, 0)), mode="wrap")
    padded = np.pad(padded, ((0, 0), (0, 0), (1, 1)), constant_values=-1)
    _, rows, columns = grid.shape
    return {
        (i, j): padded[:, 1 + i : 1 + i + rows, 1 + j : 1 + j + columns]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if (i, j) != (0, 0)
    }


def _is_highest(grid: IntGrid, around: dict[tuple[int, int], IntGrid]) -> npt.NDArray[np.bool_]:
    """Where a cell exceeds the four neighbours before it and is not below the four after it."""
    highest = np.ones(grid.shape, dtype=np.bool_)
    for shift, shifted in around.items():
        highest &= grid > shifted if shift < (0, 0) else grid >= shifted
    return highest


def _list(pt: IntGrid, count: int, phi_degrees: int, eta_cells: int) -> IntGrid:
    """(N, count, 3) of the highest cells, the first in row order where equal."""
    n, _, columns = pt.shape
    event, row, column = np.nonzero(pt)
    height = pt[event, row, column]
    order = np.lexsort((-height, event))
    event, row, column, height = event[order], row[order], column[order], height[order]
    place = np.arange(len(event)) - np.searchsorted(event, event)
    kept = place < count
    found = np.zeros((n, count, 3), dtype=np.int64)
    eta = (column - columns // 2) * eta_cells + eta_cells // 2
    phi = row * phi_degrees + phi_degrees // 2
    found[event[kept], place[kept]] = np.stack([height, eta, phi], axis=1)[kept]
    return found
