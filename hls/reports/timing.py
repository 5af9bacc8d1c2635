"""Cycles to time: the clock that a budget grants and what is known about reaching it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trigforge.hls.budget import Budget
from trigforge.hls.reports.observations import Observation, strongest


@dataclass(frozen=True)
class Clock:
    """The clock that turns cycles into time.

    Attributes:
        period_ns: the budget's, or a longer one where a tool says that the design needs it.
        provenance: of the class ``clock``; ``tool`` says who vouches for it.
        reached_ns: shortest period that a tool found, absent when nobody looked.
    """

    period_ns: float
    provenance: str
    tool: str
    reached_ns: float | None


def effective_clock(budget: Budget, observations: Sequence[Observation]) -> Clock:
    """The clock of a design under a budget: never faster than granted, never faster than met."""
    found = strongest(observations, "clock_period_ns")
    if found is None:
        return Clock(budget.clock_period_ns, "assumed", f"budget {budget.name}", None)
    period = max(budget.clock_period_ns, found.value)
    return Clock(period, found.provenance, f"{found.tool} {found.version}", found.value)


def time_ns(cycles: float, period_ns: float) -> float:
    """Cycles as time; a combinational design takes 0 cycles, which is one period and not none."""
    return max(cycles, 1) * period_ns


def cards(budget: Budget, ii_per_card_ns: float) -> int | None:
    """Cards that keep up with the budget's input rate; absent when it names none."""
    if budget.input_rate_khz is None:
        return None
    # a hair above an integer is rounding, not another card
    return max(1, math.ceil(budget.input_rate_khz * ii_per_card_ns * 1e-6 - 1e-9))


def readable(value_ns: float) -> str:
    """A time in ns, us or ms with four digits."""
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if value_ns >= size:
            return f"{value_ns / size:.4g} {unit}"
    return f"{value_ns:.4g} ns"
