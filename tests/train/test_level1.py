"""Level-1 inputs against slow loops over towers and regions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from trigforge.train.generation.calorimeter import CELL_ETA, Hits, Towers
from trigforge.train.generation.level1 import (
    EGAMMA_MIN,
    H_OVER_E_MAX,
    JET_MIN,
    N_OBJECTS,
    OBJECTS,
    Level1,
    find_egamma,
    find_jets,
    find_muons,
    level1_inputs,
    missing_et,
    region_sums,
)

Triple = tuple[int, int, int]


def random_towers(rng: np.random.Generator, count: int) -> Towers:
    ecal = rng.exponential(1.5, (count, 72, 70)) * (rng.random((count, 72, 70)) < 0.3)
    hcal = rng.exponential(4.0, (count, 72, 70)) * (rng.random((count, 72, 70)) < 0.05)
    hot = rng.random((count, 72, 70)) < 0.003
    ecal[hot] *= 60
    ecal[:, ::9, ::7] = np.round(ecal[:, ::9, ::7])  # equal neighbours occur
    hcal[hot & (rng.random(hot.shape) < 0.7)] = 0
    image = np.zeros((count, 72, 58))
    return Towers(ecal.astype(np.float32), hcal.astype(np.float32), image.astype(np.float32))


def no_hits(count: int) -> Hits:
    nothing = np.zeros(0)
    short = nothing.astype(np.int16)
    single = nothing.astype(np.float32)
    return Hits(count, nothing.astype(np.int64), short, short, single, single, single)


def is_peak(grid: npt.NDArray[np.int64], row: int, column: int) -> bool:
    """Higher than the neighbours before it in reading order, not lower than those after it."""
    rows, columns = grid.shape
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            if (i, j) == (0, 0) or not 0 <= column + j < columns:
                continue
            other, here = grid[(row + i) % rows, column + j], grid[row, column]
            if other > here or (other == here and (i, j) < (0, 0)):
                return False
    return True


def best(found: list[Triple], count: int) -> list[Triple]:
    ordered = sorted(found, key=lambda item: -item[0])  # stable: reading order where equal
    return (ordered + [(0, 0, 0)] * count)[:count]


def slow_jets(regions: npt.NDArray[np.int64]) -> list[Triple]:
    pileup = int(np.floor(np.median(regions)))
    found = []
    for r in range(18):
        for c in range(14):
            around = [
                int(regions[(r + i) % 18, c + j])
                for i in (-1, 0, 1)
                for j in (-1, 0, 1)
                if 0 <= c + j < 14
            ]
            pt = 2 * (sum(around) - 9 * pileup)
            if pt >= JET_MIN and is_peak(regions, r, c):
                found.append((min(pt, 2047), 25 * (c - 7) + 12, 20 * r + 10))
    return best(found, OBJECTS["jet"])


def slow_egamma(ecal: npt.NDArray[np.float32], hcal: npt.NDArray[np.float32]) -> list[Triple]:
    steps = np.minimum(np.floor(ecal / 0.5), 511).astype(np.int64)
    found = []
    for r in range(72):
        for c in range(70):
            if steps[r, c] < EGAMMA_MIN or not hcal[r, c] < H_OVER_E_MAX * ecal[r, c]:
                continue
            beside = [int(steps[(r - 1) % 72, c]), int(steps[(r + 1) % 72, c])]
            beside += [int(steps[r, c + j]) for j in (-1, 1) if 0 <= c + j < 70]
            if is_peak(steps, r, c):
                pt = min(int(steps[r, c]) + max(beside), 511)
                found.append((pt, 5 * (c - 35) + 2, 5 * r + 2))
    return best(found, OBJECTS["egamma"])


def test_regions_are_sums_of_four_by_five_towers(rng: np.random.Generator) -> None:
    towers = random_towers(rng, 3).ecal
    towers[0, 5, 6] = 5000.0
    regions = region_sums(towers)
    assert regions.shape == (3, 18, 14)
    for n, r, c in [(0, 1, 1), (1, 17, 13), (2, 0, 0), (2, 9, 4)]:
        total = towers[n, 4 * r : 4 * r + 4, 5 * c : 5 * c + 5].sum()
        assert regions[n, r, c] == min(int(total), 1023)
    assert regions[0, 1, 1] == 1023


def test_jets_equal_a_loop_over_regions(rng: np.random.Generator) -> None:
    regions = rng.poisson(4, (20, 18, 14)) * (rng.random((20, 18, 14)) < 0.7)
    regions += (rng.random(regions.shape) < 0.05) * rng.integers(0, 300, regions.shape)
    regions[0, 0, 0] = regions[0, 17, 0] = 200  # equal across the seam in phi
    found = find_jets(regions)
    for n in range(20):
        assert [tuple(jet) for jet in found[n].tolist()] == slow_jets(regions[n])
    assert (found[:, 0, 0] > 0).all()
    assert find_jets(np.zeros((1, 18, 14), dtype=np.int64)).sum() == 0


def test_egamma_equal_a_loop_over_towers(rng: np.random.Generator) -> None:
    towers = random_towers(rng, 6)
    found = find_egamma(towers)
    for n in range(6):
        want = slow_egamma(towers.ecal[n], towers.hcal[n])
        assert [tuple(item) for item in found[n].tolist()] == want
    assert (found[:, 0, 0] >= 8).all()
    # hadronic energy behind the tower removes it
    behind = Towers(towers.ecal, towers.ecal, towers.ecal_image)
    assert find_egamma(behind).sum() == 0


def test_missing_et_points_away_from_a_single_tower() -> None:
    towers = np.zeros((2, 72, 70), dtype=np.float32)
    towers[0, 10, 30] = 40.3
    found = missing_et(towers)
    assert found.shape == (2, 1, 3)
    assert found[0, 0].tolist() == [80, 0, (10 * 5 + 2 + 180) % 360]
    assert found[1, 0].tolist() == [0, 0, 0]


def test_muons_are_the_hardest_inside_the_acceptance() -> None:
    rng = np.random.default_rng(1)
    count = 4000
    pt = np.tile(np.array([10.0, 2.5, 30.0, 20.0], dtype=np.float32), count)
    column = np.tile(np.array([175, 175, 175, 340], dtype=np.int16), count)  # the last: eta 2.9
    none = np.zeros(4 * count, dtype=np.float32)
    row = np.tile(np.array([1, 2, 3, 4], dtype=np.int16), count)
    event = np.repeat(np.arange(count), 4)
    found = find_muons(Hits(count, event, row, column, none, none, pt), rng)
    seen = (found[:, :, 0] > 0).sum(axis=1)
    assert seen.max() == 2
    assert np.mean(seen) == pytest.approx(1.9, abs=0.03)
    both = found[seen == 2]
    assert (both[:, 0, 0] >= both[:, 1, 0]).all()
    assert set(np.unique(both[:, :2, 2])) == {1, 3}
    hardest = found[found[:, 0, 2] == 3, 0, 0] * 0.5
    assert np.median(hardest) == pytest.approx(30, abs=0.7)
    assert np.std(np.log(hardest)) == pytest.approx(0.20, abs=0.02)
    assert abs(0.5 * CELL_ETA) < 2.4


def test_the_list_of_objects_is_in_its_order_and_survives_empty_batches(
    rng: np.random.Generator,
) -> None:
    towers = random_towers(rng, 2)
    level1 = level1_inputs(towers, no_hits(2), rng)
    assert level1.regions.dtype == np.uint16
    assert level1.objects.shape == (2, N_OBJECTS, 3)
    np.testing.assert_array_equal(level1.kind("egamma"), find_egamma(towers))
    np.testing.assert_array_equal(level1.kind("jet"), find_jets(level1.regions.astype(np.int64)))
    assert level1.kind("muon").sum() == 0
    assert len(level1.take(np.array([False, True]))) == 1
    empty = Towers(towers.ecal[:0], towers.hcal[:0], towers.ecal_image[:0])
    assert len(Level1.concatenate([level1, level1_inputs(empty, no_hits(0), rng)])) == 2
