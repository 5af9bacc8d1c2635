"""One measured or estimated number of a design, where it came from, and which one counts.

Several observations of one quantity live side by side; the strongest provenance is quoted, the
others are kept. A number that nobody produced is absent: never zero, never a pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

QuantityClass = Literal["cycles", "resources", "clock"]

# Strongest first.
PROVENANCES: dict[QuantityClass, tuple[str, ...]] = {
    "cycles": ("rtl-sim", "cosim", "csynth", "estimated"),
    "resources": (
        "post-route",
        "placed",
        "vivado-synth",
        "logic-synthesis",
        "csynth",
        "estimated",
    ),
    "clock": ("routed", "csynth", "assumed"),
}

# One order over all classes, strongest first: only used to name the weakest link of a verdict.
CHAIN = (
    "routed",
    "post-route",
    "placed",
    "rtl-sim",
    "cosim",
    "vivado-synth",
    "logic-synthesis",
    "csynth",
    "estimated",
    "assumed",
)

MEANING = {
    "rtl-sim": "counted in a simulation of the generated RTL",
    "cosim": "counted by the vendor's C/RTL co-simulation",
    "post-route": "counted after placement and routing",
    "placed": "counted after placement",
    "vivado-synth": "counted after Vivado synthesis",
    "logic-synthesis": "counted after logic synthesis with an open tool (Yosys)",
    "csynth": "predicted by the vendor's C-synthesis",
    "estimated": "computed with the model in docs/estimates.md",
    "routed": "met after routing",
    "assumed": "the budget's clock, which nothing has confirmed yet",
}

# quantity -> (class, unit)
QUANTITIES: dict[str, tuple[QuantityClass, str]] = {
    "latency_cycles": ("cycles", "cycles"),
    "ii_cycles": ("cycles", "cycles"),
    "lut": ("resources", "LUT"),
    "ff": ("resources", "FF"),
    "dsp": ("resources", "DSP"),
    "bram_18k": ("resources", "BRAM_18K"),
    "uram": ("resources", "URAM"),
    "clock_period_ns": ("clock", "ns"),
}


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One number of one compute unit.

    Attributes:
        quantity: a key of :data:`QUANTITIES`.
        value: in ``unit``; counts are integers.
        available: of a resource, what the device has; absent for cycles and clocks.
        provenance: how it was obtained, one of the quantity's class in :data:`PROVENANCES`.
        tool: program that produced it; ``version`` its version.
        source_file: report it was read from, absent for our own estimates.
    """

    quantity: str
    value: float
    unit: str
    available: int | None = None
    provenance: str
    tool: str
    version: str
    source_file: str | None = None

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise ValueError(f"quantity is {self.quantity!r}, expected one of {list(QUANTITIES)}")
        kind, unit = QUANTITIES[self.quantity]
        if self.unit != unit:
            raise ValueError(f"unit of {self.quantity} is {self.unit!r}, expected {unit!r}")
        if self.provenance not in PROVENANCES[kind]:
            raise ValueError(
                f"provenance of {self.quantity} is {self.provenance!r}, "
                f"expected one of {', '.join(PROVENANCES[kind])}"
            )
        if kind == "clock":
            if not self.value > 0:
                raise ValueError(f"{self.quantity} is {self.value}, expected a positive number")
            return
        if self.value != int(self.value) or self.value < 0:
            raise ValueError(f"{self.quantity} is {self.value}, expected a whole number")
        object.__setattr__(self, "value", int(self.value))

    @property
    def strength(self) -> int:
        """Rank within the class, 0 is strongest."""
        return PROVENANCES[QUANTITIES[self.quantity][0]].index(self.provenance)


def observe(
    quantity: str,
    value: float,
    *,
    provenance: str,
    tool: str,
    version: str,
    available: int | None = None,
    source_file: str | None = None,
) -> Observation:
    """An observation with the unit filled in."""
    return Observation(
        quantity=quantity,
        value=value,
        unit=QUANTITIES[quantity][1],
        available=available,
        provenance=provenance,
        tool=tool,
        version=version,
        source_file=source_file,
    )


def strongest(observations: Iterable[Observation], quantity: str) -> Observation | None:
    """The observation of a quantity that counts; absent when there is none.

    Among equally strong ones the largest value counts: a claim must hold for all of them.
    """
    found = [o for o in observations if o.quantity == quantity]
    return min(found, key=lambda o: (o.strength, -o.value), default=None)


def weakest_provenance(provenances: Iterable[str]) -> str | None:
    """The weakest link among provenances of any class; absent for none at all."""
    return max(provenances, key=CHAIN.index, default=None)


def accepted(kind: QuantityClass, provenance: str, weakest: str) -> bool:
    """Whether a provenance is as strong as the weakest that a budget accepts."""
    order = PROVENANCES[kind]
    return order.index(provenance) <= order.index(weakest)
