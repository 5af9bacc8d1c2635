"""What a verdict rests on: the hls4ml project, and RTL where the budget accepts nothing less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trigforge.hls.reports.observations import Observation
from trigforge.hls.reports.report import BitAccuracy, Hardware, Inputs
from trigforge.hls.session import Session
from trigforge.hls.stages.comparison import load_comparison
from trigforge.hls.stages.hardware import BACKEND, load_hardware
from trigforge.hls.stages.rtl import BACKEND as RTL
from trigforge.hls.stages.rtl import load_rtl
from trigforge.train.errors import InputError, UnsupportedError

SIMULATED = "rtl-sim"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Numbers of all backends.

    Attributes:
        required: kind of input -> stages that must agree on it.
    """

    hardware: Mapping[str, Hardware]
    accuracy: tuple[BitAccuracy, ...]
    notes: tuple[str, ...]
    required: Mapping[Inputs, tuple[str, ...]]

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Of all backends; the strongest of each quantity counts."""
        return tuple(o for block in self.hardware.values() for o in block.observations)

    @property
    def compute_units(self) -> int:
        """Copies on a card, which all backends have in common."""
        return max(block.compute_units for block in self.hardware.values())


def evidence(session: Session, required: Mapping[Inputs, tuple[str, ...]]) -> Evidence:
    """Everything measured or estimated; RTL where the budget asks for simulated cycles.

    A network that cannot be unrolled is judged without: its cycles are then UNKNOWN.

    Raises:
        InputError: the recipe wants several compute units and a budget that needs RTL.
    """
    hardware = {BACKEND: load_hardware(session)}
    found = Evidence(
        hardware=hardware, accuracy=load_comparison(session), notes=(), required=required
    )
    if session.budget.weakest_accepted.cycles != SIMULATED:
        return found
    units = session.deployable.hls.compute_units
    if units != 1:
        raise InputError(
            f"{session.options.model}: hls.compute_units is {units}, but budget "
            f"{session.budget.name} is judged on RTL, which takes an event per cycle; set it to 1"
        )
    try:
        rtl = load_rtl(session)
    except UnsupportedError as error:
        return Evidence(
            hardware=hardware,
            accuracy=found.accuracy,
            notes=(f"There is no RTL: {error}.",),
            required=required,
        )
    kinds = {entry.inputs for entry in rtl.accuracy}
    return Evidence(
        hardware={**hardware, RTL: rtl.hardware},
        accuracy=(*found.accuracy, *rtl.accuracy),
        notes=rtl.notes,
        required={
            kind: (*stages, "rtl") if kind in kinds else stages for kind, stages in required.items()
        },
    )
