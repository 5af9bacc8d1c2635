"""The level-1 rates as Markdown and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trigforge.train.artifacts import atomic_path, write_json
from trigforge.train.events import EventDataset
from trigforge.train.generation.zero_bias import CROSSING_RATE_HZ
from trigforge.train.level1.rates import ScoreRates
from trigforge.train.level1.scores import LEVEL1_SCORES

JSON, MARKDOWN = "level1_rates.json", "level1_rates.md"


def write_level1_rates(folder: Path, data: EventDataset, rates: Mapping[str, ScoreRates]) -> Path:
    """Write ``level1_rates.json`` and ``.md``; returns the latter.

    Raises:
        StorageError: the folder cannot be written.
    """
    write_json(folder / JSON, as_json(data, rates))
    target = folder / MARKDOWN
    with atomic_path(target) as temporary:
        temporary.write_text(as_markdown(data, rates), encoding="utf-8")
    return target


def as_json(data: EventDataset, rates: Mapping[str, ScoreRates]) -> dict[str, Any]:
    """Everything in :func:`as_markdown`, as plain data."""
    return {
        "schema": 1,
        "events_sha256": data.sha256,
        "crossing_rate_hz": CROSSING_RATE_HZ,
        "zero_bias_crossings": len(data.zero_bias["test"]),
        "scores": {
            name: {
                "about": LEVEL1_SCORES[name].about,
                "step": LEVEL1_SCORES[name].step,
                "unit": LEVEL1_SCORES[name].unit,
                "reach_hz": found.reach_hz,
                "points": [
                    {"target_hz": target, **(asdict(point) if point else {"beyond_reach": True})}
                    for target, point in found.points.items()
                ],
            }
            for name, found in rates.items()
        },
    }


def as_markdown(data: EventDataset, rates: Mapping[str, ScoreRates]) -> str:
    """One table per score: thresholds at fixed rates and what they keep of every sample."""
    zero_bias = data.zero_bias["test"]
    samples = ["qcd", *data.signals]
    lines = [
        "# Level-1 rates",
        "",
        f"{len(zero_bias):,} zero-bias crossings at {CROSSING_RATE_HZ / 1e6:.1f} MHz; events "
        f"({data.source}, sha256 `{data.sha256[:12]}`) with {data.preselection}. Rates are of "
        "zero-bias crossings, with their statistical error; *unseen* is what one event in every "
        "stratum without accepted crossings would add. Efficiencies are in per cent of events "
        "that pass the preselection.",
        "",
    ]
    for name, found in rates.items():
        score = LEVEL1_SCORES[name]
        reach = "none" if found.reach_hz is None else _hz(found.reach_hz)
        lines += [
            f"## {name}",
            "",
            f"{score.about[0].upper()}{score.about[1:]}. Smallest rate within reach: {reach}.",
            "",
            f"| at most | threshold [{score.unit}] | rate | unseen | {' | '.join(samples)} |",
            f"|{'---|' * (4 + len(samples))}",
        ]
        for target, point in found.points.items():
            if point is None:
                empty = " |" * (2 + len(samples))
                lines.append(f"| {_hz(target)} | beyond the sample's reach |{empty}")
                continue
            rate = f"{_hz(point.rate_hz)} +- {_hz(point.rate_err_hz)}"
            cells = [
                f"{100 * e.value:.1f} +- {100 * e.error:.1f}" if e is not None else ""
                for e in (point.efficiency.get(sample) for sample in samples)
            ]
            lines.append(
                f"| {_hz(target)} | {point.threshold_int * score.step:g} | {rate} "
                f"| {_hz(point.unseen_hz)} | {' | '.join(cells)} |"
            )
        lines.append("")
    return "\n".join(lines)


def _hz(value: float) -> str:
    for factor, unit in ((1e6, "MHz"), (1e3, "kHz")):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.3g} Hz"
