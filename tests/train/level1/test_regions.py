"""Coarse regions, the composition of the background, and what the student is trained on."""

from dataclasses import replace

import numpy as np
import pytest

from trigforge.train.config import RegionNetwork
from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset, load_shipped
from trigforge.train.level1.background import natural_composition
from trigforge.train.level1.region_student import broken_regions
from trigforge.train.level1.regions import coarse, region_dataset
from trigforge.train.level1.scores import EXCESS_GEV, EXCESS_WEIGHT, LEVEL1_SCORES

NETWORK = RegionNetwork(
    architecture="l1_regions", export="encoder", filters=(4,), groups=(1,), shift=3, input_bits=5
)


@pytest.fixture(scope="module")
def shipped() -> EventDataset:
    return load_shipped()


def test_regions_lose_their_lowest_bits_and_saturate() -> None:
    fine = np.array([[[0, 7, 8, 31 * 8 - 1, 31 * 8, 32 * 8, 1023]]], np.uint16)
    assert coarse(fine, NETWORK).tolist() == [[[0, 0, 1, 30, 31, 31, 31]]]
    finer = replace(NETWORK, shift=1, input_bits=4)
    assert coarse(fine, finer).tolist() == [[[0, 3, 4, 15, 15, 15, 15]]]


def test_the_thresholds_of_the_excess_are_those_of_natural_crossings(
    shipped: EventDataset,
) -> None:
    regions = shipped.zero_bias["train"].level1.regions.astype(float)
    both = np.concatenate([regions, regions[:, :, ::-1]])
    spread = both.std(axis=(0, 1))[:7]
    threshold = both.mean(axis=(0, 1))[:7] + 2 * spread
    assert np.round(threshold).astype(int).tolist() == list(EXCESS_GEV)
    assert np.round(32 / spread).astype(int).tolist() == list(EXCESS_WEIGHT)
    one = shipped.zero_bias["train"].level1.take(slice(0, 1))
    expected = sum(
        max(int(one.regions[0, row, column]) - EXCESS_GEV[ring], 0) * EXCESS_WEIGHT[ring]
        for row in range(18)
        for column in range(14)
        for ring in [min(column, 13 - column)]
    )
    assert LEVEL1_SCORES["region_excess"].of(one).tolist() == [expected]


def test_the_background_has_the_natural_composition(shipped: EventDataset) -> None:
    crossings = shipped.zero_bias["test"]
    natural = natural_composition(crossings)
    share = natural.counts / len(natural)
    assert np.abs(share - crossings.probability).max() < 1 / len(natural)
    # stratified crossings are harder: thinning must change them
    assert crossings.counts[-1] / len(crossings) > 10 * share[-1]


def test_training_and_background_are_zero_bias(shipped: EventDataset) -> None:
    regions = region_dataset(shipped, NETWORK)
    assert regions.train.masks.shape[1:] == (18, 14)
    assert len(regions.train) + len(regions.validation) == len(shipped.zero_bias["train"])
    for name, events in regions.signals.items():
        level1 = shipped.signals[name].level1
        assert level1 is not None
        assert np.array_equal(events.masks, coarse(level1.regions, NETWORK))


def test_events_without_zero_bias_are_refused(shipped: EventDataset) -> None:
    with pytest.raises(InputError, match="no zero-bias crossings"):
        region_dataset(replace(shipped, zero_bias={}), NETWORK)


def test_broken_crossings_are_reproducible_within_range_and_busier(shipped: EventDataset) -> None:
    background = region_dataset(shipped, NETWORK).train.masks
    pool = broken_regions(background, 500, 31, np.random.default_rng(1))
    assert np.array_equal(pool, broken_regions(background, 500, 31, np.random.default_rng(1)))
    assert pool.max() == 31
    assert pool.mean() > 1.3 * background.mean()
