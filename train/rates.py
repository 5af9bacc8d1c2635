"""Thresholds on an integer score in the trigger's language: a rate in Hz, and what it keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trigforge.train.errors import InputError
from trigforge.train.metrics import MIN_EVENTS, Scores, checked

# HL-LHC would be 5 to 7.5e34; 2e34 is the levelled luminosity of LHC Run 3.
LUMINOSITY_PER_CM2_S = 2e34
CM2_PER_PB = 1e-36


@dataclass(frozen=True)
class Threshold:
    """The working point ``score >= threshold_int``.

    Attributes:
        threshold_int: on the firmware's integer grid.
        background_events: accepted background events of the sample.
        background_efficiency: of the preselected sample.
        rate_hz: absent when the background's cross section is not known.
        rate_err_hz: statistical, one standard deviation.
        signal_efficiency: signal -> fraction accepted.
    """

    threshold_int: int
    background_events: int
    background_efficiency: float
    rate_hz: float | None
    rate_err_hz: float | None
    signal_efficiency: Mapping[str, float]


def input_rate_hz(
    cross_section_pb: float,
    preselection_efficiency: float,
    luminosity_per_cm2_s: float = LUMINOSITY_PER_CM2_S,
) -> float:
    """Rate of preselected background events: cross section x luminosity x efficiency."""
    if cross_section_pb <= 0 or not 0 < preselection_efficiency <= 1:
        raise InputError(
            f"cross section {cross_section_pb} pb and preselection efficiency "
            f"{preselection_efficiency}, expected a positive one and one within (0, 1]"
        )
    return cross_section_pb * CM2_PER_PB * luminosity_per_cm2_s * preselection_efficiency


def reach(background_events: int) -> float:
    """Smallest background efficiency that a sample supports: :data:`MIN_EVENTS` accepted events."""
    return MIN_EVENTS / background_events


def threshold_at(
    threshold_int: int,
    background: Scores,
    signals: Mapping[str, Scores],
    rate_in_hz: float | None = None,
) -> Threshold:
    """Efficiencies and rate of one integer threshold.

    Args:
        background: (N,) integer scores of preselected events.
        signals: name -> (S,) integer scores.
        rate_in_hz: rate of preselected background events, see :func:`input_rate_hz`.

    The rate's error is binomial, at least that of one event.
    """
    background = _integers(background, "background")
    count = int((background >= threshold_int).sum())
    efficiency = count / len(background)
    error = max(np.sqrt(efficiency * (1 - efficiency) / len(background)), 1 / len(background))
    return Threshold(
        threshold_int=int(threshold_int),
        background_events=count,
        background_efficiency=efficiency,
        rate_hz=None if rate_in_hz is None else rate_in_hz * efficiency,
        rate_err_hz=None if rate_in_hz is None else float(rate_in_hz * error),
        signal_efficiency={
            name: float((_integers(scores, name) >= threshold_int).mean())
            for name, scores in signals.items()
        },
    )


def working_points(
    background: Scores,
    signals: Mapping[str, Scores],
    efficiencies: Sequence[float] = (0.1, 0.01, 0.001),
    rate_in_hz: float | None = None,
) -> list[Threshold]:
    """The lowest thresholds whose background efficiency does not exceed the given ones.

    Points that would leave fewer than :data:`MIN_EVENTS` background events are left out: the sample
    does not reach them. So are points that repeat an earlier threshold (a coarse grid).
    """
    background = _integers(background, "background")
    levels, counts = np.unique(background, return_counts=True)
    accepted = np.concatenate([np.cumsum(counts[::-1])[::-1], [0]])  # events at or above a level
    cuts = np.concatenate([levels, [levels[-1] + 1]])
    points: list[Threshold] = []
    for efficiency in sorted(efficiencies, reverse=True):
        first = int(np.argmax(accepted <= efficiency * len(background)))
        cut = int(cuts[first])
        if accepted[first] < MIN_EVENTS or any(p.threshold_int == cut for p in points):
            continue
        points.append(threshold_at(cut, background, signals, rate_in_hz))
    return points


def _integers(scores: Scores, what: str) -> Scores:
    array = checked(scores, what)
    if array.dtype.kind not in "iub":
        raise InputError(
            f"{what} scores are {array.dtype}, expected integers: thresholds live on the "
            "firmware's grid"
        )
    return array
