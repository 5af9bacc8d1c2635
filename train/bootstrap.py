"""Interval of an AUC difference between two scores of the same events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigforge.train.errors import InputError
from trigforge.train.metrics import Floats, Scores, auc, checked


@dataclass(frozen=True)
class Difference:
    """AUC(first) - AUC(second) on the same events, with a percentile interval."""

    value: float
    low: float
    high: float


class _Resampled:
    """AUC of one score under event multiplicities, with the sorting done once."""

    def __init__(self, signal: Scores, background: Scores) -> None:
        self.order = np.argsort(background, kind="stable")
        ordered = background[self.order]
        self.left = np.searchsorted(ordered, signal, "left")
        self.right = np.searchsorted(ordered, signal, "right")

    def auc(self, signal_counts: Floats, background_counts: Floats) -> float:
        below = np.concatenate([[0.0], np.cumsum(background_counts[self.order])])
        placed = below[self.left] + below[self.right]
        total = 2.0 * signal_counts.sum() * background_counts.sum()
        return float(signal_counts @ placed / total)


def auc_difference(
    first: tuple[Scores, Scores],
    second: tuple[Scores, Scores],
    rng: np.random.Generator,
    replicas: int = 400,
    level: float = 0.95,
) -> Difference:
    """Paired bootstrap: both scores see the same resampled events.

    Args:
        first: (signal, background) scores; ``second``: another score of the same events in the
            same order.
        rng: decides the result; pass a seeded one.
        replicas: resamplings. 400 place the ends of a 95 % interval to about 10 % of its width.
        level: probability content of the interval (Efron's percentile method).

    Raises:
        InputError: the two scores are not of the same number of events.
    """
    signal_a, background_a = (checked(v, "first") for v in first)
    signal_b, background_b = (checked(v, "second") for v in second)
    if signal_a.shape != signal_b.shape or background_a.shape != background_b.shape:
        raise InputError(
            f"paired comparison of {len(signal_a)}/{len(background_a)} with "
            f"{len(signal_b)}/{len(background_b)} events, expected the same events"
        )
    value = auc(signal_a, background_a).value - auc(signal_b, background_b).value
    a, b = _Resampled(signal_a, background_a), _Resampled(signal_b, background_b)
    draws = np.empty(replicas)
    for replica in range(replicas):
        s = _multiplicities(len(signal_a), rng)
        n = _multiplicities(len(background_a), rng)
        draws[replica] = a.auc(s, n) - b.auc(s, n)
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(draws, [tail, 100.0 - tail])
    return Difference(value, float(low), float(high))


def _multiplicities(events: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.bincount(rng.integers(0, events, events), minlength=events).astype(np.float64)
