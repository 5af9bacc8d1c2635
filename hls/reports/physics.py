"""From per-event scores to the physics block of the report and the curves behind it.

A sample is a name (the background's or a signal's); a score is one number per event, higher is more
anomalous; a stage is ``float``, ``quantised`` or ``firmware``. Firmware scores are the integers
that leave the firmware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.reports.report import (
    Difference,
    EqualBaseline,
    Physics,
    RankCorrelation,
    ScoreStages,
    SignalScore,
    Threshold,
)
from trigforge.train import rates
from trigforge.train.bootstrap import auc_difference
from trigforge.train.equal_baseline import auc_at_equal
from trigforge.train.errors import InputError
from trigforge.train.events import SampleInfo
from trigforge.train.metrics import auc, background_efficiency, roc, spearman
from trigforge.train.rates import LUMINOSITY_PER_CM2_S, reach, working_points

Array = NDArray[Any]
Samples = Mapping[str, Array]

STAGES = ("float", "quantised", "firmware")
EFFICIENCIES = (0.1, 0.01, 0.001)
CURVE_POINTS = 400
HISTOGRAM_BINS = 120


def assess(
    scores: Mapping[str, Mapping[str, Samples]],
    baselines: Mapping[str, Samples],
    *,
    background: str,
    signals: Sequence[str],
    info: SampleInfo | None,
    rng: np.random.Generator,
    max_rate_hz: float | None = None,
    input_rate_hz: float | None = None,
    luminosity_per_cm2_s: float = LUMINOSITY_PER_CM2_S,
) -> Physics:
    """The physics block.

    Args:
        scores: score -> stage -> sample -> (N,); the same events in every stage.
        baselines: name -> sample -> (N,).
        info: of the background sample; without a cross section there are no rates.
        rng: of the bootstrap intervals.
        max_rate_hz: adds the loosest threshold that stays below this rate.
        input_rate_hz: of the background, instead of the one that follows from ``info``.

    Raises:
        InputError: a sample is missing, event counts differ, or firmware scores are not integers.
    """
    _check(scores, baselines, (background, *signals))
    rate_in = input_rate_hz or _input_rate(info, luminosity_per_cm2_s)
    events = len(next(iter(baselines.values()))[background])
    efficiencies = list(EFFICIENCIES)
    if max_rate_hz is not None and rate_in:
        efficiencies.append(min(1.0, max_rate_hz / rate_in))
    thresholds: list[Threshold] = []
    for name, stages in scores.items():
        if "firmware" in stages:
            thresholds += _thresholds(
                name, stages["firmware"], background, signals, efficiencies, rate_in
            )
    return Physics(
        scores={
            name: ScoreStages(
                **{
                    stage: separation(stages[stage], baselines, background, signals)
                    if stage in stages
                    else {}
                    for stage in STAGES
                }
            )
            for name, stages in scores.items()
        },
        baselines={
            name: separation(samples, baselines, background, signals)
            for name, samples in baselines.items()
        },
        differences=tuple(_differences(scores, background, signals, rng)),
        rank_correlations=tuple(
            RankCorrelation(
                score=name,
                baseline=baseline,
                stage=stage,
                value=spearman(samples[background], values[background]),
            )
            for name, stages in scores.items()
            for stage, samples in stages.items()
            for baseline, values in baselines.items()
        ),
        thresholds=tuple(thresholds),
        reach=min(1.0, reach(events)),
        input_rate_hz=rate_in,
        luminosity_per_cm2_s=luminosity_per_cm2_s,
    )


def curves(
    scores: Mapping[str, Mapping[str, Samples]],
    baselines: Mapping[str, Samples],
    *,
    background: str,
    signals: Sequence[str],
) -> dict[str, Array]:
    """Arrays for figures, kept beside the report as ``<model>.npz``.

    ``roc/<score>/<stage>/<signal>`` and ``roc/<baseline>/<signal>``: (2, points), background and
    signal efficiency. ``histogram/<score>/edges``: (bins + 1,), on the integer grid;
    ``histogram/<score>/<sample>``: (bins,) events of the firmware score.
    """
    arrays: dict[str, Array] = {}
    for name, stages in scores.items():
        for stage, samples in stages.items():
            for signal in signals:
                arrays[f"roc/{name}/{stage}/{signal}"] = _curve(samples, background, signal)
        if "firmware" in stages:
            samples = stages["firmware"]
            edges = _edges(np.concatenate([samples[s] for s in (background, *signals)]))
            arrays[f"histogram/{name}/edges"] = edges
            for sample in (background, *signals):
                arrays[f"histogram/{name}/{sample}"] = np.histogram(samples[sample], edges)[0]
    for name, samples in baselines.items():
        for signal in signals:
            arrays[f"roc/{name}/{signal}"] = _curve(samples, background, signal)
    return arrays


def _check(
    scores: Mapping[str, Mapping[str, Samples]],
    baselines: Mapping[str, Samples],
    names: tuple[str, ...],
) -> None:
    if not baselines:
        raise InputError("physics: no baseline given; every score is judged beside a cheap one")
    tables = {f"{s}/{stage}": v for s, stages in scores.items() for stage, v in stages.items()}
    for stages in scores.values():
        for stage in stages:
            if stage not in STAGES:
                raise InputError(f"physics: stage {stage!r}, expected one of {', '.join(STAGES)}")
    reference = next(iter(baselines.values()))
    for table, samples in {**tables, **baselines}.items():
        for name in names:
            if name not in samples:
                raise InputError(f"physics: {table} lacks sample {name!r}")
            if len(samples[name]) != len(reference.get(name, ())):
                raise InputError(
                    f"physics: {table} has {len(samples[name])} events of {name}, "
                    f"expected {len(reference.get(name, ()))}"
                )


def _input_rate(info: SampleInfo | None, luminosity: float) -> float | None:
    if info is None or info.cross_section_pb is None or info.preselection_efficiency is None:
        return None
    return rates.input_rate_hz(info.cross_section_pb, info.preselection_efficiency, luminosity)


def separation(
    samples: Samples, baselines: Mapping[str, Samples], background: str, signals: Sequence[str]
) -> dict[str, SignalScore]:
    found = {}
    for signal in signals:
        s, b = samples[signal], samples[background]
        area, at40 = auc(s, b), background_efficiency(s, b, 0.40)
        equal = {}
        for name, values in baselines.items():
            at = auc_at_equal(s, b, values[signal], values[background])
            equal[name] = EqualBaseline(
                auc=at.value, auc_err=at.error, n=at.n_used, n_left_out=at.n_left_out
            )
        found[signal] = SignalScore(
            auc=area.value,
            auc_err=area.error,
            fpr40=at40.value,
            fpr40_err=at40.error,
            eps_b_inv_20=background_efficiency(s, b, 0.20).inverse,
            auc_at_equal=equal,
            n=len(s),
        )
    return found


def _differences(
    scores: Mapping[str, Mapping[str, Samples]],
    background: str,
    signals: Sequence[str],
    rng: np.random.Generator,
) -> list[Difference]:
    found = []
    for name, stages in scores.items():
        if "float" not in stages or "firmware" not in stages:
            continue
        first, second = stages["float"], stages["firmware"]
        for signal in signals:
            difference = auc_difference(
                (first[signal], first[background]), (second[signal], second[background]), rng
            )
            found.append(
                Difference(
                    score=name,
                    signal=signal,
                    first="float",
                    second="firmware",
                    value=difference.value,
                    low=difference.low,
                    high=difference.high,
                )
            )
    return found


def _thresholds(
    name: str,
    samples: Samples,
    background: str,
    signals: Sequence[str],
    efficiencies: Sequence[float],
    rate_in: float | None,
) -> list[Threshold]:
    points = working_points(
        samples[background], {s: samples[s] for s in signals}, efficiencies, rate_in
    )
    return [
        Threshold(
            score=name,
            threshold_int=point.threshold_int,
            background_efficiency=point.background_efficiency,
            background_events=point.background_events,
            rate_hz=point.rate_hz,
            rate_err_hz=point.rate_err_hz,
            signal_efficiency=point.signal_efficiency,
        )
        for point in points
    ]


def _curve(samples: Samples, background: str, signal: str) -> Array:
    b, s, _ = roc(samples[signal], samples[background])
    if len(b) > CURVE_POINTS:
        # evenly along both axes, so that the steep start keeps its shape
        length = np.concatenate([[0.0], np.cumsum(np.diff(b) + np.diff(s))])
        wanted = np.linspace(0.0, length[-1], CURVE_POINTS)
        keep = np.unique(np.searchsorted(length, wanted).clip(0, len(b) - 1))
        b, s = b[keep], s[keep]
    return np.stack([b, s])


def _edges(values: Array) -> Array:
    """Bin edges half way between integers, a whole number of integers per bin."""
    lowest, highest = int(values.min()), int(values.max())
    step = -(-(highest - lowest + 1) // HISTOGRAM_BINS)
    bins = -(-(highest - lowest + 1) // step)
    return np.asarray(lowest - 0.5 + step * np.arange(bins + 1))
