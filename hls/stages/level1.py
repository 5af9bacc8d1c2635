"""What a level-1 score keeps at a zero-bias rate, beside the cheap scores: for the verdict."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trigforge.hls.session import Session
from trigforge.hls.stages.firmware import lowered
from trigforge.hls.stages.level1_architectures import Level1Row
from trigforge.hls.stages.models import architecture
from trigforge.hls.stages.scoring import load_scores, score_name

if TYPE_CHECKING:
    from trigforge.train.level1.rates import RatePoint

FIRMWARE = "firmware"
TARGETS_HZ = tuple(k * 10.0**n for n in range(3, 7) for k in (1, 2, 5))


def rate_remarks(session: Session) -> list[str]:
    """Signal efficiencies at zero-bias rates, firmware and cheap scores.

    At the lowest rate within the reach of every score, and at the lowest of the firmware's score
    for those that reach it, too. Rates come from the stratified crossings with their weights;
    firmware scores are integers of the emulator.
    """
    from trigforge.train.generation.zero_bias import CROSSING_RATE_HZ

    points = _points(session)
    reached = {
        name: [target for target, point in found.items() if point is not None]
        for name, found in points.items()
    }
    common = [t for t in TARGETS_HZ if all(t in found for found in reached.values())]
    targets = dict.fromkeys([*common[:1], *reached[FIRMWARE][:1]])
    if not common:
        sentences = ["The zero-bias crossings support no common rate of the scores."]
    else:
        sentences = [
            f"Of zero-bias crossings at {CROSSING_RATE_HZ / 1e6:.1f} MHz the sample supports rates "
            f"down to {common[0] / 1e3:g} kHz for all scores."
        ]
    for target in targets:
        for name, found in points.items():
            shown = score_name(session) if name == FIRMWARE else name
            point = found[target]
            sentences.append(
                f"{shown} does not reach {target / 1e3:g} kHz."
                if point is None
                else _sentence(shown, target, point)
            )
    return sentences


def _points(session: Session) -> dict[str, dict[float, RatePoint | None]]:
    """Score -> target rate -> threshold, ``None`` where the sample does not reach it."""
    from trigforge.hls.emulator import Emulator
    from trigforge.hls.vectors import as_input
    from trigforge.train.level1.rates import score_rates

    row, recipe = architecture(session), session.event_recipe
    if not isinstance(row, Level1Row):
        raise TypeError(f"{recipe.network.architecture} has no zero-bias crossings")
    crossings = session.dataset.zero_bias["test"]
    sample = row.crossings(recipe, crossings.level1)
    graph = lowered(session)
    found = Emulator(graph).run(as_input(sample.integers))[graph.outputs[0]]
    column, sign = row.score_column(recipe)
    scores: dict[str, Any] = {FIRMWARE: sign * found[:, column], **sample.baselines}
    tables, signals = load_scores(session), recipe.data.signals
    points = {}
    for name, values in scores.items():
        samples = {signal: tables[name][signal] for signal in signals}
        points[name] = dict(score_rates(values, crossings, samples, TARGETS_HZ).points)
    return points


def _sentence(shown: str, target: float, point: RatePoint) -> str:
    error = math.hypot(point.rate_err_hz, point.unseen_hz)
    kept = ", ".join(
        f"{signal} {100 * e.value:.1f} +- {100 * e.error:.1f} %"
        for signal, e in point.efficiency.items()
    )
    return (
        f"At {target / 1e3:g} kHz {shown} >= {point.threshold_int} takes "
        f"{point.rate_hz / 1e3:.3g} +- {error / 1e3:.2g} kHz and keeps {kept}."
    )
