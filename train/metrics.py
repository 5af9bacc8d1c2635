"""How well a score separates: AUC, background efficiency at a signal efficiency, rank correlation.

Scores are one-dimensional arrays, one number per event, higher is more anomalous; integers and
floats alike. Ties count half everywhere, so a score on a coarse grid is neither favoured nor
punished. Nothing here knows about stages, models or rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from trigforge.train.errors import InputError

Scores = NDArray[Any]
Floats = NDArray[np.float64]

# Below this many background events left, an inverse efficiency or a rate is not quoted: its
# relative statistical error would exceed 1 / sqrt(10) = 32 %.
MIN_EVENTS = 10


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve with its statistical error (one standard deviation)."""

    value: float
    error: float


@dataclass(frozen=True)
class Efficiency:
    """Background efficiency at a fixed signal efficiency.

    Attributes:
        value: interpolated along the ROC curve, whose ties are straight segments.
        error: one standard deviation; at least that of one background event.
        events: background events that it stands for (not an integer where the ROC is interpolated).
    """

    value: float
    error: float
    events: float

    @property
    def inverse(self) -> float | None:
        """1 / efficiency, absent when fewer than :data:`MIN_EVENTS` background events are left."""
        return 1.0 / self.value if self.events >= MIN_EVENTS else None


def checked(scores: Scores, what: str) -> Scores:
    """The scores as a finite, non-empty vector.

    Raises:
        InputError: empty, not one-dimensional, or not finite.
    """
    array = np.asarray(scores)
    if array.ndim != 1 or array.size == 0:
        raise InputError(f"{what} scores have shape {array.shape}, expected (events,), at least 1")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise InputError(f"{what} scores: {bad} of {array.size} are not finite; check the model")
    return array


def placements(values: Scores, reference: Scores) -> Floats:
    """For each value the fraction of the reference below it, equal ones counted half.

    Args:
        values: (N,).
        reference: (M,) in any order.
    """
    ordered = np.sort(reference)
    below = np.searchsorted(ordered, values, "left")
    upto = np.searchsorted(ordered, values, "right")
    return np.asarray((below + upto) / (2.0 * len(ordered)), np.float64)


def auc(signal: Scores, background: Scores) -> Auc:
    """Probability that a signal event scores higher than a background event.

    The error is DeLong's (Biometrics 44 (1988) 837): the placements of signal events among the
    background and of background events among the signal vary independently, so their variances of
    the mean add. It is zero for perfectly separated samples, where the events say no more than
    that.
    """
    signal, background = checked(signal, "signal"), checked(background, "background")
    of_signal = placements(signal, background)
    of_background = placements(background, signal)
    variance = _variance_of_mean(of_signal) + _variance_of_mean(of_background)
    return Auc(float(of_signal.mean()), float(np.sqrt(variance)))


def roc(signal: Scores, background: Scores) -> tuple[Floats, Floats, Scores]:
    """Background efficiency, signal efficiency and threshold of every distinct cut ``score >= t``.

    Returns:
        Efficiencies rise from 0 to 1; thresholds fall. The first point accepts nothing and its
        threshold is the largest score.
    """
    signal, background = checked(signal, "signal"), checked(background, "background")
    cuts = np.unique(np.concatenate([signal, background]))[::-1]
    s = (len(signal) - np.searchsorted(np.sort(signal), cuts, "left")) / len(signal)
    b = (len(background) - np.searchsorted(np.sort(background), cuts, "left")) / len(background)
    return np.concatenate([[0.0], b]), np.concatenate([[0.0], s]), np.concatenate([cuts[:1], cuts])


def background_efficiency(
    signal: Scores, background: Scores, signal_efficiency: float
) -> Efficiency:
    """Background efficiency at a signal efficiency (``fpr40`` is that at 0.40).

    The error combines the binomial one of the background with half the change of the result when
    the signal efficiency moves by its own binomial error.
    """
    if not 0 < signal_efficiency < 1:
        raise ValueError(f"signal_efficiency is {signal_efficiency}, expected within (0, 1)")
    b, s, _ = roc(signal, background)
    spread = float(np.sqrt(signal_efficiency * (1 - signal_efficiency) / len(signal)))
    around = (signal_efficiency - spread, signal_efficiency, signal_efficiency + spread)
    low, value, high = (_along(s, b, min(max(point, 0.0), 1.0)) for point in around)
    count = len(background)
    binomial = max(value * (1 - value) / count, 1.0 / count**2)
    error = float(np.sqrt(binomial + ((high - low) / 2) ** 2))
    return Efficiency(value, error, value * count)


def spearman(a: Scores, b: Scores) -> float | None:
    """Rank correlation of two quantities on the same events; absent when one is constant."""
    a, b = checked(a, "first"), checked(b, "second")
    if a.shape != b.shape:
        raise InputError(
            f"rank correlation of {len(a)} and {len(b)} values, expected the same events"
        )
    ranks_a, ranks_b = rankdata(a) - (len(a) + 1) / 2, rankdata(b) - (len(b) + 1) / 2
    norm = float(np.sqrt((ranks_a**2).sum() * (ranks_b**2).sum()))
    return float((ranks_a * ranks_b).sum() / norm) if norm > 0 else None


def _variance_of_mean(values: Floats) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0


def _along(s: Floats, b: Floats, point: float) -> float:
    """Background efficiency at a signal efficiency: the lowest where the ROC runs flat."""
    index = int(np.searchsorted(s, point, "left"))
    if s[index] == point:
        return float(b[index])
    fraction = (point - s[index - 1]) / (s[index] - s[index - 1])
    return float(b[index - 1] + fraction * (b[index] - b[index - 1]))
