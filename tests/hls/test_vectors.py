from __future__ import annotations

import numpy as np
import pytest

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge
from trigforge.hls.vectors import extreme_masks, random_masks, to_input


def test_extremes_hold_what_they_promise() -> None:
    masks = extreme_masks(6, 5)
    sums = masks.sum(axis=(1, 2))
    assert set(np.unique(masks)) == {0, 1}
    assert {0, 1, 15, 30} <= set(sums.tolist())
    assert len(np.unique(masks.reshape(len(masks), -1), axis=0)) == len(masks)
    assert any(np.array_equal(m, np.indices((6, 5)).sum(0) % 2) for m in masks)


def test_random_masks_span_densities_and_repeat() -> None:
    masks = random_masks(np.random.default_rng(1), 500, 8, 9)
    density = masks.mean(axis=(1, 2))
    assert density.min() < 0.02 and density.max() > 0.9
    assert 0.4 < (density < 0.1).mean() < 0.7
    assert np.array_equal(masks, random_masks(np.random.default_rng(1), 500, 8, 9))


def test_masks_become_input_integers_only_on_the_grid_of_one() -> None:
    masks = extreme_masks(6, 5)
    x = to_input(masks, Edge.full((6, 5, 1), Format(1, 1, False)))
    assert x.shape == (len(masks), 6, 5, 1) and x.dtype == np.int64
    with pytest.raises(ValueError, match="grid"):
        to_input(masks, Edge.full((6, 5, 1), Format(2, 1, False)))
