"""What one report file says, in normalised units.

Names carry the unit: ``bram_18k`` counts halves of 18 Kb whatever the tool counts, periods are in
ns. A number that the file does not hold is absent, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from trigforge.hls.reports.observations import QUANTITIES, Observation, observe
from trigforge.train.errors import InputError

Kind = Literal[
    "csynth",
    "design-size",
    "export",
    "utilisation",
    "hierarchy",
    "timing",
    "power",
    "route-status",
    "cosim",
    "cosim-log",
    "cosim-values",
    "logic-synthesis",
    "rtl-sim",
]

MEANING: dict[Kind, str] = {
    "csynth": "C-synthesis",
    "design-size": "size of the design in C-synthesis",
    "export": "export (Vivado run by the HLS tool)",
    "utilisation": "Vivado utilisation",
    "hierarchy": "Vivado utilisation by hierarchy",
    "timing": "Vivado timing summary",
    "power": "Vivado power",
    "route-status": "Vivado route status",
    "cosim": "C/RTL co-simulation report",
    "cosim-log": "C/RTL co-simulation log",
    "cosim-values": "outputs of a C/RTL co-simulation",
    "logic-synthesis": "Yosys statistics",
    "rtl-sim": "RTL simulation of trigforge",
}

Fact = float | int | str | bool


@dataclass(frozen=True, kw_only=True)
class Module:
    """One module or loop below the top function, in the order and depth of the report.

    Attributes:
        depth: 1 for what the top contains, 2 for what that contains.
        latency_cycles: worst case; ``ii_cycles`` between two starts.
        pipeline_depth: cycles of one iteration of a loop; ``trip_count`` iterations.
        resources: quantity -> count, of modules; those of a loop are counted in its module.
    """

    name: str
    kind: Literal["module", "loop"] = "module"
    depth: int = 1
    latency_cycles: int | None = None
    ii_cycles: int | None = None
    pipeline_depth: int | None = None
    trip_count: int | None = None
    resources: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Clock:
    """One clock of a timing report; slacks are absent when no path is constrained (``NA``)."""

    name: str
    period_ns: float | None
    wns_ns: float | None
    failing_endpoints: int | None


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What a tool says about a clock period that was asked for.

    Attributes:
        provenance: ``routed`` or ``csynth``; of any other state (only synthesised or placed, or
            not named) ``unrouted``: such slacks are forecasts and confirm no clock.
        met: every constraint; absent when nothing was constrained.
        target_ns: period, or maximal delay of a combinational design.
        reached_ns: target minus worst setup slack; absent when hold or pulse width fail, which no
            longer period mends, or when several clocks leave no single answer.
    """

    provenance: Literal["routed", "csynth", "unrouted"]
    met: bool | None
    target_ns: float | None
    reached_ns: float | None
    wns_ns: float | None = None
    tns_ns: float | None = None
    failing_endpoints: int | None = None
    whs_ns: float | None = None
    hold_failing_endpoints: int | None = None
    pulse_width_failing_endpoints: int | None = None
    clocks: tuple[Clock, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Record:
    """The contents of one report.

    Attributes:
        design: top function or design as the tool names it; ``part`` likewise.
        observations: of the whole design.
        facts: what is no observation: power in W, nets, status, numbers of tests.
    """

    kind: Kind
    tool: str
    version: str
    source_file: str
    design: str | None = None
    part: str | None = None
    observations: tuple[Observation, ...] = ()
    timing: Timing | None = None
    modules: tuple[Module, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def value(self, quantity: str) -> float | None:
        """The value of a quantity, absent when the report has none."""
        return next((o.value for o in self.observations if o.quantity == quantity), None)


def observations(
    values: Mapping[str, float | None],
    available: Mapping[str, int | None],
    provenances: Mapping[str, str],
    tool: str,
    version: str,
    name: str,
) -> tuple[Observation, ...]:
    """Observations of the values that are there.

    Args:
        provenances: class of a quantity (``cycles``, ``resources``, ``clock``) -> provenance.

    Raises:
        InputError: an impossible value.
    """
    found = []
    for quantity, value in values.items():
        if value is None:
            continue
        try:
            found.append(
                observe(
                    quantity,
                    value,
                    provenance=provenances[QUANTITIES[quantity][0]],
                    tool=tool,
                    version=version,
                    available=available.get(quantity),
                    source_file=name,
                )
            )
        except ValueError as error:
            raise InputError(f"{name}: {error}") from None
    return tuple(found)
