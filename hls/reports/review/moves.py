"""What moved between two reports, by how much, and whether that is allowed.

- **Exact**: integers are integers on every processor. Bit accuracy, cycles, resources, formats,
  thresholds and their efficiencies, baselines, counts, limits and verdicts may not move at all, in
  either direction: a number that got better was not reviewed either.
- **Statistical**: what a score separates may move within its error. For the AUC that is the half
  width of the paired interval between float and firmware on the same events, for other numbers the
  error that the report gives, or the binomial one. The reviewed report's errors count.
  Sums that processors take in another order may differ by one part in 10^9 in any case.
- **Noted**: versions, files and the recipe's hash are shown and judge nothing. Times are not even
  shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trigforge.hls.reports.review.leaves import Leaf, leaves

Status = Literal["regression", "allowed", "noted"]

# when, how long, and sentences and shares that repeat numbers compared elsewhere
_IGNORED = re.compile(
    r"created|stages/.*|verdict/statements|verdict/checks/(auc_drop|min_auc|rate_hz)[^/]*/value|"
    r".*(auc|fpr40|rate)_err(_hz)?|normalisation/.*_err"
)
_NOTED = re.compile(
    r"versions/.*|recipe_sha256|hardware/.*/(version|source_file)|verdict/checks/.*/tool"
)
_FLOATING = re.compile(r"(physics|imitation|normalisation)/.*")
ROUNDING = 1e-9


@dataclass(frozen=True)
class Move:
    """One value that differs; absent on the side that does not have it.

    Attributes:
        allowed: largest allowed change, 0 for exact values, absent for words and noted ones.
    """

    metric: str
    old: Leaf
    new: Leaf
    allowed: float | None
    status: Status

    @property
    def change(self) -> float | None:
        """New minus old, absent for words."""
        if _is_number(self.old) and _is_number(self.new):
            return float(self.new) - float(self.old)  # type: ignore[arg-type]
        return None


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Move]:
    """Everything that moved, regressions first, in the order of the report."""
    before, after = leaves(old), leaves(new)
    moves = []
    for metric in dict.fromkeys([*before, *after]):
        a, b = before.get(metric), after.get(metric)
        if a == b and (metric in before) == (metric in after) and type(a) is type(b):
            continue
        if _IGNORED.fullmatch(metric) or _same_number(a, b):
            continue
        if _NOTED.fullmatch(metric):
            moves.append(Move(metric, a, b, None, "noted"))
            continue
        allowed = _allowed(metric, before, b)
        within = _is_number(a) and _is_number(b) and abs(float(b) - float(a)) <= allowed  # type: ignore[arg-type]
        moves.append(Move(metric, a, b, allowed, "allowed" if within else "regression"))
    rank = {"regression": 0, "allowed": 1, "noted": 2}
    return sorted(moves, key=lambda move: rank[move.status])


def _is_number(value: Leaf) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same_number(a: Leaf, b: Leaf) -> bool:
    """1 and 1.0 are one number; a word and a number are not."""
    return _is_number(a) and _is_number(b) and a == b


def _allowed(metric: str, reviewed: Mapping[str, Leaf], fresh: Leaf) -> float:
    """How far a value may move from the reviewed one, 0 where it is exact.

    The errors are those that were reviewed: a fresh report cannot widen its own limits.
    """
    value, rounding = reviewed.get(metric), 0.0
    if _FLOATING.fullmatch(metric) and (isinstance(value, float) or isinstance(fresh, float)):
        rounding = ROUNDING * abs(_as_number(value))
    return max(rounding, _error(metric, reviewed))


def _error(metric: str, report: Mapping[str, Leaf]) -> float:
    """Statistical error of a score's number; baselines and thresholds count the same events."""
    parent, _, name = metric.rpartition("/")
    if metric.startswith("physics/scores/"):
        return _of_score(metric, report)
    if metric.startswith("imitation/separation/"):
        return _of_separation(metric, report)
    if metric.startswith("normalisation/"):
        return _of_gain(parent, name, report)
    if re.fullmatch(r"physics/differences/.*/(value|low|high)", metric):
        return _half_width(report, parent)
    if re.fullmatch(r"physics/rank_correlations/.*/value|imitation/rank_corr.*", metric):
        n, value = _number(report, "dataset/background_events"), _number(report, metric)
        return (1 - value * value) / math.sqrt(n) if n else 0.0
    if re.fullmatch(r"imitation/(gain_kept\w*|teacher_gain|student_gain)", metric):
        low, high = (_number(report, f"imitation/gain_kept_{end}") for end in ("low", "high"))
        kept = name.startswith("gain_kept")
        return (high - low) / 2 * (1.0 if kept else abs(_number(report, "imitation/teacher_gain")))
    return 0.0


def _of_score(metric: str, report: Mapping[str, Leaf]) -> float:
    plain = re.fullmatch(r"physics/scores/(.+)/(float|quantised|firmware)/([^/]+)/auc", metric)
    if plain:
        paired = f"physics/differences/{plain[1]},{plain[3]},float,firmware"
        if f"{paired}/low" in report:
            return _half_width(report, paired)
    return _of_separation(metric, report)


def _of_separation(metric: str, report: Mapping[str, Leaf]) -> float:
    parent, _, name = metric.rpartition("/")
    if name == "eps_b_inv_20":
        return _inverse(metric, report)
    return _number(report, f"{parent}/{name}_err") if name in ("auc", "fpr40") else 0.0


def _of_gain(parent: str, name: str, report: Mapping[str, Leaf]) -> float:
    """DeLong's error of an AUC, half the interval of a gain and of its ends."""
    if name in ("before", "after"):
        return _number(report, f"{parent}/{name}_err")
    low, high = (_number(report, f"{parent}/gain_{end}") for end in ("low", "high"))
    return (high - low) / 2


def _inverse(metric: str, report: Mapping[str, Leaf]) -> float:
    """Error of an inverse efficiency: N / k background events survive."""
    n, value = _number(report, "dataset/background_events"), _number(report, metric)
    return value * math.sqrt(value / n) if n else 0.0


def _half_width(report: Mapping[str, Leaf], path: str) -> float:
    return abs(_number(report, f"{path}/high") - _number(report, f"{path}/low")) / 2


def _number(report: Mapping[str, Leaf], path: str) -> float:
    return _as_number(report.get(path))


def _as_number(value: Leaf) -> float:
    return float(value) if _is_number(value) else 0.0  # type: ignore[arg-type]
