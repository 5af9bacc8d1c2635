"""The maximum mean discrepancy against its definition in loops, and against chance."""

import math

import numpy as np
import pytest

from trigforge.train.physics.nae.discrepancy import discrepancy


def test_it_is_the_definition(rng: np.random.Generator) -> None:
    x, y = rng.normal(0, 1, (7, 3)), rng.normal(0.5, 1, (5, 3))
    both = [*x, *y]
    distances = [math.dist(a, b) for i, a in enumerate(both) for b in both[i + 1 :]]
    width = math.sqrt(float(np.median(np.square(distances))))

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return math.exp(-(math.dist(a, b) ** 2) / (2 * width**2))

    within = [
        sum(kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j)
        / (len(z) * (len(z) - 1))
        for z in (x, y)
    ]
    between = sum(kernel(a, b) for a in x for b in y) / (len(x) * len(y))
    found = discrepancy(x, y, rng)
    assert found.width == pytest.approx(width)
    assert found.value == pytest.approx(sum(within) - 2 * between, abs=1e-12)


def test_alike_stays_below_chance_and_different_does_not(rng: np.random.Generator) -> None:
    below = [
        found.value <= found.level
        for _ in range(60)
        for found in [discrepancy(rng.normal(0, 1, (40, 2)), rng.normal(0, 1, (50, 2)), rng, 100)]
    ]
    assert 0.85 <= np.mean(below) <= 1.0, "95 % by construction"
    moved = discrepancy(rng.normal(0, 1, (60, 2)), rng.normal(1, 1, (60, 2)), rng)
    assert moved.value > 3 * moved.level > 0


def test_identical_points_are_alike(rng: np.random.Generator) -> None:
    found = discrepancy(np.ones((4, 3)), np.ones((5, 3)), rng)
    assert found.value == pytest.approx(0.0) and found.width == 0.0
