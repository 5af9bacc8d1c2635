"""Does a score know more than its baseline? The answer in words.

A score without knowledge of its own scores between 0.5 and the baseline's own AUC at equal
baseline: events are compared within 5 % of the baseline, not at a point, and where background falls
across that window the baseline itself scores above 0.5 (0.55 to 0.58 for the mask sum of the
published CoDAE events). Criterion: a score is equivalent to a baseline when for every signal with
enough comparable events its AUC at equal baseline leaves that interval by no more than 0.05 or two
standard deviations, whichever is larger.
"""

from __future__ import annotations

from dataclasses import dataclass

from trigforge.hls.reports.report import Physics

TOLERANCE = 0.05
SIGMAS = 2.0
MIN_COMPARABLE = 20

# Baselines in words; others are named by their key.
BASELINES = {
    "mask_sum": "mask sum",
    "n_tracks": "track count",
    "ht": "HT",
    "low_jet_mass": "small jet mass",
    "jet_pt": "jet pT",
    "constituents": "number of constituents",
    "low_constituents": "small number of constituents",
    "brightness": "brightness of the image",
    "low_brightness": "darkness of the image",
    "tau3_permille": "tau3",
}


def in_words(baseline: str) -> str:
    """A baseline's name in a sentence."""
    return BASELINES.get(baseline, baseline.replace("_", " "))


@dataclass(frozen=True)
class Comparison:
    """One signal: AUC at equal baseline of a score and of the baseline itself."""

    signal: str
    auc: float
    null: float
    error: float

    @property
    def gain(self) -> float:
        """What the score adds: distance above the interval, negative below it, 0 within."""
        low, high = min(0.5, self.null), max(0.5, self.null)
        return max(self.auc - high, 0.0) + min(self.auc - low, 0.0)

    @property
    def is_equal(self) -> bool:
        """Within the criterion."""
        return abs(self.gain) <= max(TOLERANCE, SIGMAS * self.error)


def compare(physics: Physics, score: str, baseline: str, stage: str) -> list[Comparison]:
    """The signals for which the question can be answered."""
    found = []
    for signal, measured in physics.scores[score].stage(stage).items():
        at = measured.auc_at_equal.get(baseline)
        own = physics.baselines[baseline].get(signal)
        null = own.auc_at_equal.get(baseline) if own else None
        if at is None or null is None or at.n < MIN_COMPARABLE:
            continue
        if at.auc is None or at.auc_err is None or null.auc is None:
            continue
        found.append(Comparison(signal, at.auc, null.auc, at.auc_err))
    return found


def equivalence_statements(physics: Physics) -> list[str]:
    """One sentence per score and baseline, for the last stage that has scores."""
    return [
        _sentence(physics, score, baseline)
        for score in physics.scores
        for baseline in physics.baselines
    ]


def _sentence(physics: Physics, score: str, baseline: str) -> str:
    name = in_words(baseline)
    stages = physics.scores[score]
    stage = next((s for s in ("firmware", "quantised", "float") if stages.stage(s)), "float")
    found = compare(physics, score, baseline, stage)
    if not found:
        return (
            f"Whether {score} knows more than the {name} cannot be said: no signal has "
            f"{MIN_COMPARABLE} events with background of the same {name}."
        )
    correlation = next(
        (
            c.value
            for c in physics.rank_correlations
            if (c.score, c.baseline, c.stage) == (score, baseline, stage)
        ),
        None,
    )
    rank = "" if correlation is None else f"rank correlation {correlation:.2f} on background, "
    values = f"{rank}AUC at equal {name} {_range([c.auc for c in found])}"
    null = f"the {name} itself: {_range([c.null for c in found])}"
    more = [c for c in found if not c.is_equal and c.gain > 0]
    less = [c for c in found if not c.is_equal and c.gain < 0]
    if more:
        verb = f"knows more than the {name} for {_listed(more)}"
    elif less:
        verb = f"adds nothing to the {name}"
    else:
        verb = f"is equivalent to the {name}"
    misled = f" and ranks {_listed(less)} below background of the same {name}" if less else ""
    return f"{score} {verb}{misled}: {values} ({null})."


def _range(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"between {low:.2f} and {high:.2f}"


def _listed(comparisons: list[Comparison]) -> str:
    ordered = sorted(comparisons, key=lambda c: -abs(c.gain))
    shown = ", ".join(f"{c.signal} ({c.auc:.2f})" for c in ordered[:4])
    return shown if len(ordered) <= 4 else f"{shown} and {len(ordered) - 4} more"
