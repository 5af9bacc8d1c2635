"""What a level-1 score keeps at a zero-bias rate, beside the cheap scores: for the verdict."""

from __future__ import annotations

import math

import numpy as np

from trigforge.hls.session import Session
from trigforge.hls.stages.firmware import lowered
from trigforge.hls.stages.scoring import load_scores, score_name

FIRMWARE = "firmware"


def rate_remarks(session: Session) -> list[str]:
    """Signal efficiencies at the lowest zero-bias rate within the reach of every score.

    Rates come from the stratified crossings with their weights; firmware scores are integers of
    the emulator. Where the scores reach no common rate, the sentence says so.
    """
    from trigforge.hls.emulator import Emulator
    from trigforge.train.generation.zero_bias import CROSSING_RATE_HZ
    from trigforge.train.level1.rates import RatePoint, score_rates
    from trigforge.train.level1.regions import coarse
    from trigforge.train.level1.scores import LEVEL1_SCORES

    crossings = session.dataset.zero_bias["test"]
    graph = lowered(session)
    regions = coarse(crossings.level1.regions)[..., None].astype(np.int64)
    found = Emulator(graph).run(regions)[graph.outputs[0]]
    tables, signals = load_scores(session), session.recipe.data.signals
    names = {FIRMWARE: score_name(session)}
    names |= {name: name for name in session.samples.test.baselines}
    scores = {FIRMWARE: found[:, 0]}
    scores |= {n: LEVEL1_SCORES[n].of(crossings.level1) for n in names if n != FIRMWARE}

    def at(name: str, targets: tuple[float, ...]) -> dict[float, RatePoint | None]:
        samples = {signal: tables[name][signal] for signal in signals}
        return dict(score_rates(scores[name], crossings, samples, targets).points)

    targets = tuple(k * 10.0**n for n in range(3, 7) for k in (1, 2, 5))
    points = {name: at(name, targets) for name in names}
    common = [t for t in targets if all(points[name][t] is not None for name in names)]
    if not common:
        return ["The zero-bias crossings support no common rate of the scores."]
    target = common[0]
    sentences = [
        f"Of zero-bias crossings at {CROSSING_RATE_HZ / 1e6:.1f} MHz the sample supports rates "
        f"down to {target / 1e3:g} kHz for all scores."
    ]
    for name, shown in names.items():
        point = points[name][target]
        assert point is not None  # noqa: S101 # a common target
        error = math.hypot(point.rate_err_hz, point.unseen_hz)
        kept = ", ".join(
            f"{signal} {100 * e.value:.1f} +- {100 * e.error:.1f} %"
            for signal, e in point.efficiency.items()
        )
        sentences.append(
            f"{shown} >= {point.threshold_int} takes {point.rate_hz / 1e3:.3g} +- "
            f"{error / 1e3:.2g} kHz and keeps {kept}."
        )
    return sentences
