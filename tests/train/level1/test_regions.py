"""Coarse regions, the composition of the background, and what the student is trained on."""

from dataclasses import replace

import numpy as np
import pytest

from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset, load_shipped
from trigforge.train.level1.region_student import broken_regions
from trigforge.train.level1.regions import (
    LARGEST,
    SHIFT,
    coarse,
    natural_composition,
    region_dataset,
)


@pytest.fixture(scope="module")
def shipped() -> EventDataset:
    return load_shipped()


def test_regions_lose_their_lowest_bits_and_saturate() -> None:
    step = 1 << SHIFT
    fine = np.array([[[0, step - 1, step, LARGEST * step, LARGEST * step + step, 1023]]], np.uint16)
    assert coarse(fine).tolist() == [[[0, 0, 1, LARGEST, LARGEST, LARGEST]]]


def test_the_background_has_the_natural_composition(shipped: EventDataset) -> None:
    crossings = shipped.zero_bias["test"]
    natural = natural_composition(crossings)
    share = natural.counts / len(natural)
    assert np.abs(share - crossings.probability).max() < 1 / len(natural)
    # stratified crossings are harder: thinning must change them
    assert crossings.counts[-1] / len(crossings) > 10 * share[-1]


def test_training_and_background_are_zero_bias(shipped: EventDataset) -> None:
    regions = region_dataset(shipped)
    assert regions.train.masks.shape[1:] == (18, 14)
    assert len(regions.train) + len(regions.validation) == len(shipped.zero_bias["train"])
    for name, events in regions.signals.items():
        level1 = shipped.signals[name].level1
        assert level1 is not None
        assert np.array_equal(events.masks, coarse(level1.regions))


def test_events_without_zero_bias_are_refused(shipped: EventDataset) -> None:
    with pytest.raises(InputError, match="no zero-bias crossings"):
        region_dataset(replace(shipped, zero_bias={}))


def test_broken_crossings_are_reproducible_within_range_and_busier(shipped: EventDataset) -> None:
    background = region_dataset(shipped).train.masks
    pool = broken_regions(background, 500, np.random.default_rng(1))
    assert np.array_equal(pool, broken_regions(background, 500, np.random.default_rng(1)))
    assert pool.max() == LARGEST
    assert pool.mean() > 1.3 * background.mean()
