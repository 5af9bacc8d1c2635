"""Intervals of AUC differences between scores of the same events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True)
class GainKept:
    """How much of a teacher's gain over a baseline a student keeps, averaged over signals.

    Attributes:
        teacher: mean of AUC(teacher) - AUC(baseline); ``student``: the same of the student.
        kept: student / teacher with a percentile interval; absent when the teacher gains nothing.
    """

    teacher: float
    student: float
    kept: float | None
    low: float | None
    high: float | None


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


def auc_spread(
    signal: Scores, background: Scores, rng: np.random.Generator, replicas: int = 400
) -> float:
    """Standard deviation of the AUC over resampled events.

    Args:
        rng: decides the result; pass a seeded one.
        replicas: resamplings. 400 give the deviation to 4 %.
    """
    signal, background = checked(signal, "signal"), checked(background, "background")
    resampled = _Resampled(signal, background)
    draws = [
        resampled.auc(_multiplicities(len(signal), rng), _multiplicities(len(background), rng))
        for _ in range(replicas)
    ]
    return float(np.std(draws))


def gain_kept(
    student: Mapping[str, Scores],
    teacher: Mapping[str, Scores],
    baseline: Mapping[str, Scores],
    background: str,
    signals: Sequence[str],
    rng: np.random.Generator,
    replicas: int = 400,
    level: float = 0.95,
) -> GainKept:
    """Gain of a student over a baseline as a fraction of its teacher's, by a paired bootstrap.

    The fraction is that of the mean gains, not the mean of fractions: a signal that the baseline
    separates already has no gain to keep.

    Args:
        student, teacher, baseline: sample -> scores of the same events in the same order.
        rng: decides the interval; pass a seeded one.

    Raises:
        InputError: the three are not of the same number of events.
    """
    tables = [
        {name: checked(table[name], name) for name in (background, *signals)}
        for table in (student, teacher, baseline)
    ]
    for name in (background, *signals):
        counts = [len(table[name]) for table in tables]
        if len(set(counts)) > 1:
            raise InputError(f"{name}: {counts} scores of student, teacher and baseline")
    resampled = [[_Resampled(table[s], table[background]) for s in signals] for table in tables]

    def gains(counts: Mapping[str, Floats]) -> tuple[float, float]:
        mean = [
            float(
                np.mean(
                    [
                        r.auc(counts[s], counts[background])
                        for s, r in zip(signals, row, strict=True)
                    ]
                )
            )
            for row in resampled
        ]
        return mean[0] - mean[2], mean[1] - mean[2]

    sizes = {name: len(values) for name, values in tables[0].items()}
    own, taught = gains({name: np.ones(size) for name, size in sizes.items()})
    if taught <= 0:
        return GainKept(taught, own, None, None, None)
    draws = np.empty(replicas)
    for replica in range(replicas):
        numerator, denominator = gains({n: _multiplicities(size, rng) for n, size in sizes.items()})
        # a replica in which the teacher gains nothing says that no fraction is too large
        draws[replica] = numerator / denominator if denominator > 0 else np.inf
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(draws, [tail, 100.0 - tail], method="nearest")
    return GainKept(
        taught, own, own / taught, float(low), float(high) if np.isfinite(high) else None
    )


def _multiplicities(events: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.bincount(rng.integers(0, events, events), minlength=events).astype(np.float64)
