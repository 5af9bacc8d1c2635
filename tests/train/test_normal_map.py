"""Variables mapped to the background's normal distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from trigforge.train.errors import InputError
from trigforge.train.jets.normal_map import fit_normal_map


def background(count: int, seed: int = 1) -> np.ndarray:
    """A falling, a narrow and a spiky variable: the last is zero for a third of the jets."""
    rng = np.random.default_rng(seed)
    spiky = np.where(rng.random(count) < 1 / 3, 0.0, rng.exponential(80.0, count))
    columns = [rng.exponential(0.1, count), rng.normal(0.3, 1e-3, count), spiky]
    return np.stack(columns, axis=1).astype(np.float32)


def test_unseen_background_becomes_normal() -> None:
    mapped = fit_normal_map(background(20_000))(background(5_000, seed=2))
    assert mapped.dtype == np.float32
    for column in mapped.T[:2]:
        assert kstest(column, "norm").statistic < 0.025
    zero = mapped[:, 2] == mapped[:, 2].min()
    assert zero.mean() == pytest.approx(1 / 3, abs=0.03)
    # the mean target of the lowest third of the knots
    assert -2.0 < mapped[zero, 2][0] < -1.0


def test_maps_rise_and_stay_within_the_limit() -> None:
    normal = fit_normal_map(background(2_000), limit=4.0)
    line = np.linspace(-1.0, 2.0, 400, dtype=np.float32)
    mapped = normal(np.stack([line, line, 500 * line], axis=1))
    assert (np.diff(mapped, axis=0) >= 0).all()
    assert mapped.min() == -4.0 and mapped.max() == 4.0


def test_one_standard_deviation_of_a_normal_variable_is_one() -> None:
    rng = np.random.default_rng(3)
    normal = fit_normal_map(rng.normal(5.0, 2.0, (50_000, 1)).astype(np.float32))
    points = np.array([[1.0], [3.0], [5.0], [7.0], [12.0]], dtype=np.float32)
    np.testing.assert_allclose(normal(points)[:, 0], [-2.0, -1.0, 0.0, 1.0, 3.5], atol=0.15)


def test_samples_that_cannot_be_mapped_are_refused() -> None:
    with pytest.raises(InputError, match="999 jets, expected at least 1000"):
        fit_normal_map(background(999))
    with pytest.raises(InputError, match="variable 0 of the background is always 1"):
        fit_normal_map(np.ones((1_000, 2), np.float32))
