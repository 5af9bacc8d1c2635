"""Rates in Hz of level-1 thresholds, from zero-bias crossings in strata.

Stratum k stands for the probability P_k; of its N_k crossings a_k are accepted. The rate is
R = f sum_k P_k a_k / N_k with the crossing rate f; its statistical error is binomial in every
stratum. A stratum without an accepted crossing is not empty for certain: one event in each of
them, f P_k / N_k added in squares, is quoted as ``unseen_hz``. A rate is within reach of the
sample where both together stay below half of it and enough crossings are accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset
from trigforge.train.generation.zero_bias import CROSSING_RATE_HZ, ZeroBias
from trigforge.train.level1.scores import LEVEL1_SCORES
from trigforge.train.metrics import MIN_EVENTS

Scores = npt.NDArray[np.int64]
TARGETS_HZ = (1e6, 1e5, 1e4, 1e3)
LARGEST_ERROR = 0.5


@dataclass(frozen=True, kw_only=True)
class Efficiency:
    """Accepted fraction of a sample with its binomial error (at least that of one event)."""

    value: float
    error: float
    n: int


@dataclass(frozen=True, kw_only=True)
class RatePoint:
    """The working point ``score >= threshold_int``.

    Attributes:
        accepted: zero-bias crossings of the sample.
        rate_hz: of zero-bias crossings.
        rate_err_hz: statistical, one standard deviation.
        unseen_hz: what one event in every stratum without accepted ones would add.
        efficiency: of other samples, by name.
    """

    threshold_int: int
    accepted: int
    rate_hz: float
    rate_err_hz: float
    unseen_hz: float
    efficiency: Mapping[str, Efficiency]

    @property
    def within_reach(self) -> bool:
        """Whether the sample supports this rate."""
        error = float(np.hypot(self.rate_err_hz, self.unseen_hz))
        return self.accepted >= MIN_EVENTS and error <= LARGEST_ERROR * self.rate_hz


@dataclass(frozen=True, kw_only=True)
class ScoreRates:
    """Thresholds of one score.

    Attributes:
        points: target rate in Hz -> the lowest threshold whose rate does not exceed it, None
            where the sample does not reach it.
        reach_hz: smallest rate within reach, None where none is.
    """

    points: Mapping[float, RatePoint | None]
    reach_hz: float | None


def rate_point(
    threshold_int: int,
    scores: Scores,
    crossings: ZeroBias,
    samples: Mapping[str, Scores] | None = None,
    crossing_rate_hz: float = CROSSING_RATE_HZ,
) -> RatePoint:
    """Rate and efficiencies of one threshold.

    Args:
        scores: (N,) of the crossings.
        samples: name -> (S,) scores of other events.
    """
    total = crossings.counts
    present = total > 0
    share = np.where(present, crossings.probability, 0.0)
    share = share / share.sum()
    accepted = np.bincount(
        crossings.stratum[scores >= threshold_int], minlength=len(crossings.probability)
    )
    n = np.maximum(total, 1)
    fraction = accepted / n
    variance = share**2 * fraction * (1.0 - fraction) / n
    unseen = np.where((accepted == 0) & present, share / n, 0.0)
    return RatePoint(
        threshold_int=threshold_int,
        accepted=int(accepted.sum()),
        rate_hz=float(crossing_rate_hz * (share * fraction).sum()),
        rate_err_hz=float(crossing_rate_hz * np.sqrt(variance.sum())),
        unseen_hz=float(crossing_rate_hz * np.sqrt((unseen**2).sum())),
        efficiency={name: _efficiency(s >= threshold_int) for name, s in (samples or {}).items()},
    )


def score_rates(
    scores: Scores,
    crossings: ZeroBias,
    samples: Mapping[str, Scores],
    targets_hz: Sequence[float] = TARGETS_HZ,
) -> ScoreRates:
    """Thresholds at the target rates, as far as the sample reaches."""
    weight = crossings.weight * CROSSING_RATE_HZ
    levels, inverse = np.unique(scores, return_inverse=True)
    at_level = np.bincount(inverse, weights=weight)
    above = np.cumsum(at_level[::-1])[::-1]  # rate at or above each level
    points: dict[float, RatePoint | None] = {}
    for target in targets_hz:
        allowed = np.flatnonzero(above <= target)
        point = None
        if len(allowed):
            # thresholds between two levels are equivalent: the lowest of them
            first = int(allowed[0])
            threshold = int(levels[first - 1]) + 1 if first else int(levels[0])
            found = rate_point(threshold, scores, crossings, samples)
            point = found if found.within_reach else None
        points[target] = point
    reach = None
    for level in levels:
        point = rate_point(int(level), scores, crossings)
        if not point.within_reach:
            break
        reach = point.rate_hz
    return ScoreRates(points=points, reach_hz=reach)


def level1_rates(data: EventDataset) -> dict[str, ScoreRates]:
    """Rates of every score of :data:`LEVEL1_SCORES` on the zero-bias test crossings.

    Raises:
        InputError: the events have no zero-bias crossings or no level-1 inputs.
    """
    if "test" not in data.zero_bias:
        raise InputError(
            f"{data.source} events have no zero-bias crossings, which rates need; use the shipped "
            "sample or generate events with detail"
        )
    crossings = data.zero_bias["test"]
    samples = {"qcd": data.test, **data.signals}
    inputs = {name: events.level1 for name, events in samples.items() if events.level1 is not None}
    return {
        name: score_rates(
            score.of(crossings.level1),
            crossings,
            {sample: score.of(level1) for sample, level1 in inputs.items()},
        )
        for name, score in LEVEL1_SCORES.items()
    }


def _efficiency(accepted: npt.NDArray[np.bool_]) -> Efficiency:
    n, value = len(accepted), float(accepted.mean())
    error = max(float(np.sqrt(value * (1.0 - value) / n)), 1.0 / n)
    return Efficiency(value=value, error=error, n=n)
