"""Every check of a verdict as a bar against its limit."""

from __future__ import annotations

from dataclasses import dataclass

from trigforge.hls.reports.markdown import limit, number
from trigforge.hls.reports.report import Check, Verdict

LIMIT_AT = 0.75
"""Where on the bar the limit lies; values up to a third above it still fit."""


@dataclass(frozen=True)
class Bar:
    """One row.

    Attributes:
        fill: 0..1 of the bar's length, absent without a value.
        mark: 0..1, where the limit lies.
        over: the value lies beyond the bar's end.
    """

    check: Check
    value: str
    limit: str
    fill: float | None
    mark: float
    over: bool
    used: str


@dataclass(frozen=True)
class Group:
    """Checks that belong together, the worst status first in ``summary``."""

    title: str
    about: str
    bars: tuple[Bar, ...]


GROUPS = (
    ("bit_accuracy", "Bit accuracy", "integers that differ between any two stages"),
    ("auc_drop", "Physics kept by the firmware", "change of AUC from float to firmware"),
    ("min_auc", "Physics asked for", "AUC of the firmware; it must reach the mark"),
    ("rate_hz", "Rate", "of the loosest threshold that the recipe allows"),
)


def groups(verdict: Verdict) -> list[Group]:
    """All checks, time and area first; every check is in exactly one group."""
    prefixes = [prefix for prefix, _, _ in GROUPS]
    kind = {check.name: check.name.partition(".")[0] for check in verdict.checks}
    rest = [c for c in verdict.checks if kind[c.name] not in prefixes]
    found = [Group("Time and area", "one card against its budget", tuple(map(bar, rest)))]
    for prefix, title, about in GROUPS:
        members = [c for c in verdict.checks if kind[c.name] == prefix]
        found.append(Group(title, about, tuple(map(bar, members))))
    return [group for group in found if group.bars]


def bar(check: Check) -> Bar:
    """Where value and limit lie.

    Largest allowed values fill the bar from zero, the limit at :data:`LIMIT_AT`. Smallest allowed
    AUCs are drawn between 0.5 and 1, where they lie.
    """
    fill, mark, over, used = None, LIMIT_AT, False, "–"
    value, bound = check.value, check.limit
    if check.name.startswith("min_") and bound is not None:
        mark = _inside(2 * (bound - 0.5))
        fill = None if value is None else _inside(2 * (value - 0.5))
        used = "–" if value is None else f"{value - bound:+.3f}"
    elif value is not None and bound:
        fill, over = _inside(LIMIT_AT * value / bound), LIMIT_AT * value > bound
        used = f"{number(100 * value / bound, 3)} %"
    elif bound == 0:
        mark = 0.0
        if value is not None:
            fill, over = 0.0 if value <= 0 else 1.0, value > 0
    return Bar(check, number(value), limit(check), fill, mark, over, used)


def _inside(share: float) -> float:
    return min(max(share, 0.0), 1.0)
