"""What moved between two reports, by how much, and whether that is allowed.

- **Exact**: integers are integers on every processor. Bit accuracy, cycles, resources, formats,
  integer thresholds, counts, limits and verdicts may not move at all, in either direction: a number
  that got better was not reviewed either.
- **Statistical**: what rests on floating point or a bootstrap may move within its error. For the
  AUC of a score that is the half width of the paired interval between float and firmware on the
  same events, for other numbers the error that the report gives, or the binomial one.
  Sums that processors take in another order may differ by one part in 10^9 in any case.
- **Noted**: versions, files and the recipe's hash are shown and judge nothing. Times are not even
  shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trigforge.hls.reports.review.leaves import Leaf, leaves

Status = Literal["regression", "allowed", "noted"]

# when, how long, and sentences and shares that repeat numbers compared elsewhere
_IGNORED = re.compile(
    r"created|stages/.*|verdict/statements|verdict/checks/(auc_drop|min_auc|rate_hz)[^/]*/value|"
    r".*(auc|fpr40|rate)_err(_hz)?"
)
_NOTED = re.compile(
    r"versions/.*|recipe_sha256|hardware/.*/(version|source_file)|verdict/checks/.*/tool"
)
_FLOATING = re.compile(r"(physics|imitation)/.*")
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
    errors = _Errors(before, after)
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
        allowed = errors.of(metric)
        within = _is_number(a) and _is_number(b) and abs(float(b) - float(a)) <= allowed  # type: ignore[arg-type]
        moves.append(Move(metric, a, b, allowed, "allowed" if within else "regression"))
    rank = {"regression": 0, "allowed": 1, "noted": 2}
    return sorted(moves, key=lambda move: rank[move.status])


def _is_number(value: Leaf) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same_number(a: Leaf, b: Leaf) -> bool:
    """1 and 1.0 are one number; a word and a number are not."""
    return _is_number(a) and _is_number(b) and a == b


class _Errors:
    """Statistical errors of the values of two reports; the larger of both counts."""

    def __init__(self, *reports: Mapping[str, Leaf]) -> None:
        self.reports = reports

    def of(self, metric: str) -> float:
        """How far a value may move; 0 where it is exact."""
        values = [report.get(metric) for report in self.reports]
        rounding = 0.0
        if _FLOATING.fullmatch(metric) and any(isinstance(value, float) for value in values):
            rounding = ROUNDING * max(abs(_as_number(value)) for value in values)
        found = (error for report in self.reports for error in _errors(metric, report))
        return max([rounding, *found])


def _errors(metric: str, report: Mapping[str, Leaf]) -> Iterator[float]:
    parent, _, name = metric.rpartition("/")
    if name in ("auc", "fpr40") and not metric.startswith("physics/scores/"):
        yield _number(report, f"{parent}/{name}_err")
    elif metric.startswith("physics/scores/"):
        yield _of_score(metric, report)
    elif re.fullmatch(r"physics/differences/.*/(value|low|high)", metric):
        yield _half_width(report, parent)
    elif re.fullmatch(r"physics/rank_correlations/.*/value|imitation/rank_corr.*", metric):
        n = _number(report, "dataset/background_events")
        value = _number(report, metric)
        yield (1 - value * value) / math.sqrt(n) if n else 0.0
    elif metric.startswith("physics/thresholds/"):
        yield _of_threshold(metric, report)
    elif re.fullmatch(r"imitation/(gain_kept\w*|teacher_gain|student_gain)", metric):
        width = _number(report, "imitation/gain_kept_high") - _number(
            report, "imitation/gain_kept_low"
        )
        share = abs(_number(report, "imitation/teacher_gain")) if "_gain" in name else 1.0
        yield width / 2 * (1.0 if name.startswith("gain_kept") else share)
    elif name == "eps_b_inv_20":
        yield _inverse(metric, report)


def _of_score(metric: str, report: Mapping[str, Leaf]) -> float:
    parent, _, name = metric.rpartition("/")
    if name == "eps_b_inv_20":
        return _inverse(metric, report)
    plain = re.fullmatch(r"physics/scores/(.+)/(float|quantised|firmware)/([^/]+)/auc", metric)
    if plain:
        paired = f"physics/differences/{plain[1]},{plain[3]},float,firmware"
        if f"{paired}/low" in report:
            return _half_width(report, paired)
    return _number(report, f"{parent}/{name}_err") if name in ("auc", "fpr40") else 0.0


def _of_threshold(metric: str, report: Mapping[str, Leaf]) -> float:
    parent, _, name = metric.rpartition("/")
    if name == "rate_hz":
        return _number(report, f"{parent}/rate_err_hz")
    if "/signal_efficiency/" in metric:
        n = _number(report, f"dataset/signals/{name}")
        share = _number(report, metric)
        return math.sqrt(max(share * (1 - share), 0.0) / n) if n else 0.0
    return 0.0


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
