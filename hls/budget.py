"""Budgets: what a trigger gives an algorithm in time and area, and which evidence it accepts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trigforge.hls.devices import Device, device
from trigforge.hls.reports.observations import PROVENANCES
from trigforge.train.errors import InputError, unknown_name
from trigforge.train.schema import parse, read_yaml

BUDGETS = Path(__file__).resolve().parent / "budgets"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Largest values allowed per card; a limit left out is not checked.

    Attributes:
        ii_ns: time between events, with all compute units taking turns.
        latency_ns: of one event.
        lut_percent: of the device, all compute units together; the others alike.
    """

    ii_ns: float
    latency_ns: float
    lut_percent: float
    dsp_percent: float
    ff_percent: float | None = None
    bram_18k_percent: float | None = None
    uram_percent: float | None = None

    def __post_init__(self) -> None:
        for name in ("ii_ns", "latency_ns"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        for name, value in self.percent().items():
            if not 0 <= value <= 100:
                raise ValueError(f"{name}_percent is {value}, expected within 0..100")

    def percent(self) -> dict[str, float]:
        """Quantity -> largest percentage of the device, for the limits that are set."""
        names = ("lut", "ff", "dsp", "bram_18k", "uram")
        found = {name: getattr(self, f"{name}_percent") for name in names}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class WeakestAccepted:
    """The weakest provenance that counts, per class of quantity."""

    cycles: str
    resources: str
    clock: str

    def __post_init__(self) -> None:
        for kind, order in PROVENANCES.items():
            if getattr(self, kind) not in order:
                raise ValueError(
                    f"{kind} is {getattr(self, kind)!r}, expected one of {', '.join(order)}"
                )


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One trigger's budget.

    Attributes:
        device: the card's or board's FPGA.
        clock_mhz: clock that the budget grants; firmware that needs a slower one does not fit.
        input_rate_khz: when set, the verdict says how many cards it takes.
    """

    name: str
    description: str
    device: str
    clock_mhz: float
    limits: Limits
    weakest_accepted: WeakestAccepted
    input_rate_khz: float | None = None

    def __post_init__(self) -> None:
        if self.clock_mhz <= 0:
            raise ValueError(f"clock_mhz is {self.clock_mhz}, expected a positive number")
        device(self.device)

    @property
    def clock_period_ns(self) -> float:
        """Period of the granted clock."""
        return 1000.0 / self.clock_mhz

    @property
    def ii_cycles(self) -> int:
        """Whole clock cycles between events that one card may take."""
        return int(self.limits.ii_ns * self.clock_mhz / 1000.0 + 1e-9)

    def fpga(self) -> Device:
        """The device's resources."""
        return device(self.device)

    def check_part(self, part: str) -> None:
        """Refuse a recipe for another device.

        Raises:
            InputError: the recipe's part is of another device than the budget's.
        """
        if device(part).name != device(self.device).name:
            raise InputError(
                f"hls.part is {part}, but budget {self.name} is for {self.device}; "
                "change the part or the budget"
            )


def budget_names(folder: Path = BUDGETS) -> list[str]:
    """Names of the budgets, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_budget(name: str, folder: Path = BUDGETS) -> Budget:
    """The budget in ``<folder>/<name>.yaml``.

    Raises:
        InputError: no such budget, a misspelt key, a value out of range.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file():
        raise unknown_name("budget", name, budget_names(folder), "budget.name")
    return parse(Budget, {"name": name, **read_yaml(path)}, str(path))
