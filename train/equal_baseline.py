"""What a score knows beyond a cheap baseline: AUC among events of the same baseline value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trigforge.train.errors import InputError
from trigforge.train.metrics import Floats, Scores, checked

MIN_PARTNERS = 5
RELATIVE_WINDOW = 0.05
ABSOLUTE_WINDOW = 1.0

_NO_ORDER = 1e-12  # mean square of placements that are rounding errors
_BLOCK = 1 << 20  # comparisons held in memory at once


@dataclass(frozen=True)
class EqualAuc:
    """AUC at equal baseline.

    Attributes:
        value: mean over signal events of the fraction of their partners that they beat (ties
            half); absent when no signal event has enough partners.
        error: one standard deviation, signal and background contributions added in quadrature;
            absent with ``value`` or for a single signal event.
        n_used: signal events with at least :data:`MIN_PARTNERS` partners.
        n_left_out: signal events without.
    """

    value: float | None
    error: float | None
    n_used: int
    n_left_out: int


def auc_at_equal(
    signal: Scores, background: Scores, signal_baseline: Scores, background_baseline: Scores
) -> EqualAuc:
    """Compare each signal event only with background events of the same baseline value.

    Partners of a signal event with baseline b are the background events within 5 % of b, and at
    least within one unit. The window has a width: where the background falls steeply, partners lie
    below b on average, so that even the baseline itself scores somewhat above 0.5. Quote that value
    beside (same call with the baseline as the score) and compare with it.

    Args:
        signal: (S,) scores; ``signal_baseline``: (S,) the baseline of the same events.
        background: (B,) scores; ``background_baseline``: (B,).

    The error treats signal events as independent given their partners, and each background event's
    summed influence (it is partner of many signal events) as one independent term.
    """
    signal, background = checked(signal, "signal"), checked(background, "background")
    base_s = checked(signal_baseline, "signal baseline").astype(np.float64)
    base_b = checked(background_baseline, "background baseline").astype(np.float64)
    if base_s.shape != signal.shape or base_b.shape != background.shape:
        raise InputError(
            f"{len(signal)} signal and {len(background)} background scores with {len(base_s)} and "
            f"{len(base_b)} baseline values, expected one baseline value per event"
        )
    order = np.argsort(base_b, kind="stable")
    base_b, partners = base_b[order], background[order]
    half = np.maximum(RELATIVE_WINDOW * np.abs(base_s), ABSOLUTE_WINDOW)
    start = np.searchsorted(base_b, base_s - half, "left")
    stop = np.searchsorted(base_b, base_s + half, "right")
    used = np.flatnonzero(stop - start >= MIN_PARTNERS)
    if not used.size:
        return EqualAuc(None, None, 0, len(signal))
    beaten, influence = _compare(signal, partners, start, stop, used)
    mean = float(beaten.mean())
    error = None
    if used.size > 1:
        of_signal = beaten.var(ddof=1) / used.size
        of_background = ((influence / used.size) ** 2).sum()
        error = float(np.sqrt(of_signal + of_background))
    return EqualAuc(mean, error, int(used.size), int(len(signal) - used.size))


def rank_correlation_at_equal(first: Scores, second: Scores, baseline: Scores) -> float | None:
    """How alike two scores order events of the same baseline value, between -1 and 1.

    Every event is placed among its partners (the window of :func:`auc_at_equal`) by each score:
    the fraction that it beats, ties half. The result is the partial correlation of the two
    placements given the baseline's own placement: windows have a width, are one-sided at the ends
    and hold by chance more events on one side, which both scores see alike through the baseline.

    Args:
        first, second, baseline: (N,) of the same events.

    Returns:
        None when fewer than two events have partners, or when one score orders them no further
        than the baseline does.
    """
    first, second = checked(first, "first"), checked(second, "second")
    base = checked(baseline, "baseline").astype(np.float64)
    if not len(first) == len(second) == len(base):
        raise InputError(
            f"{len(first)} and {len(second)} scores with {len(base)} baseline values, expected the "
            "same events"
        )
    order = np.argsort(base, kind="stable")
    base = base[order]
    half = np.maximum(RELATIVE_WINDOW * np.abs(base), ABSOLUTE_WINDOW)
    start = np.searchsorted(base, base - half, "left")
    stop = np.searchsorted(base, base + half, "right")
    # an event is in its own window, where it ties with itself
    used = np.flatnonzero(stop - start > MIN_PARTNERS)
    if used.size < 2:
        return None
    given, a, b = (
        values - values.mean()
        for scores in (base, first[order], second[order])
        for values in [_compare(scores, scores, start, stop, used)[0]]
    )
    if squared := float(given @ given):
        a, b = (values - given * float(values @ given) / squared for values in (a, b))
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > _NO_ORDER * used.size else None


def _compare(
    signal: Scores,
    partners: Scores,
    start: np.ndarray,
    stop: np.ndarray,
    used: np.ndarray,
) -> tuple[Floats, Floats]:
    """Fraction of partners beaten per used signal event, and each partner's summed deviation.

    Signal events with the same window are compared at once; integer baselines have few windows.
    """
    beaten = np.empty(used.size)
    influence = np.zeros(len(partners))
    windows, group = np.unique(np.stack([start[used], stop[used]]), axis=1, return_inverse=True)
    by_group = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[by_group], np.arange(windows.shape[1] + 1))
    for index, (low, high) in enumerate(windows.T):
        members = by_group[bounds[index] : bounds[index + 1]]
        window = partners[low:high]
        rows = max(1, _BLOCK // len(window))
        for first in range(0, len(members), rows):
            chunk = members[first : first + rows]
            values = signal[used[chunk], None]
            wins = (values > window) + 0.5 * (values == window)
            fractions = wins.mean(1)
            beaten[chunk] = fractions
            influence[low:high] += (wins - fractions[:, None]).sum(0) / len(window)
    return beaten, influence
