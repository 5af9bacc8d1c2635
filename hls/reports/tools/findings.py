"""What the reports of one build say: observations, checks against the device, what is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trigforge.hls.devices import Device, find_device
from trigforge.hls.reports.observations import QUANTITIES, Observation, strongest
from trigforge.hls.reports.report import Check
from trigforge.hls.reports.tools.builds import Build
from trigforge.hls.reports.tools.record import Record, Timing

Status = Literal["PASS", "FAIL", "UNKNOWN"]
_RESOURCES = ("lut", "ff", "dsp", "bram_18k", "uram")


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything known of a build.

    Attributes:
        status: FAIL when a check fails, PASS when none does and the clock is confirmed by routing
            or C-synthesis, else UNKNOWN.
        clock_ns: the period that cycles may be multiplied with: never shorter than the one asked
            for, never one that failed; absent when no tool confirms any.
        missing: what no report of this build says.
    """

    build: Build
    device: Device | None
    status: Status
    observations: tuple[Observation, ...]
    timing: Timing | None
    clock_ns: float | None
    checks: tuple[Check, ...]
    missing: tuple[str, ...]


def judge(build: Build) -> Findings:
    """Put the reports of a build together."""
    device = find_device(build.part) if build.part else None
    timing = _timing(build.records)
    fails = timing is not None and timing.provenance == "routed" and timing.met is False
    found = _observations(build.records, device)
    if fails and timing and timing.reached_ns is None:
        # no weaker forecast may stand in for a clock that the routed design does not reach
        found = [o for o in found if QUANTITIES[o.quantity][0] != "clock"]
    checks = [*_area(found), *_clock(timing), *_runs(build.records)]
    states = {check.status for check in checks}
    clocked = any(c.name == "clock_period_ns" and c.status == "PASS" for c in checks)
    status: Status = "FAIL" if "FAIL" in states else "PASS" if clocked else "UNKNOWN"
    if not any(o.quantity == "lut" for o in found) and status == "PASS":
        status = "UNKNOWN"
    return Findings(
        build=build,
        device=device,
        status=status,
        observations=tuple(found),
        timing=timing,
        clock_ns=_usable(timing),
        checks=tuple(checks),
        missing=tuple(_missing(found, timing, build, device)),
    )


def _observations(records: Sequence[Record], device: Device | None) -> list[Observation]:
    """All different observations, with what the device has where a report leaves it out."""
    seen: dict[tuple[str, str, float], Observation] = {}
    for record in records:
        for observation in record.observations:
            key = (observation.quantity, observation.provenance, observation.value)
            old = seen.get(key)
            if old is None or (old.available is None and observation.available is not None):
                seen[key] = observation
    found = []
    for observation in seen.values():
        if observation.available is None and device is not None:
            available = device.available(observation.quantity)
            observation = dataclasses.replace(observation, available=available)
        found.append(observation)
    order = list(QUANTITIES)
    return sorted(found, key=lambda o: (order.index(o.quantity), o.strength, -o.value))


def _timing(records: Sequence[Record]) -> Timing | None:
    """The strongest word on the clock; of equally strong ones a failure, then the most explicit."""
    order = ("routed", "csynth", "unrouted")
    found = [record.timing for record in records if record.timing is not None]
    rank = {False: 0, True: 1, None: 2}
    return min(
        found,
        key=lambda t: (order.index(t.provenance), rank[t.met], t.wns_ns is None),
        default=None,
    )


def _usable(timing: Timing | None) -> float | None:
    if timing is None or timing.provenance == "unrouted" or timing.reached_ns is None:
        return None
    return max(timing.reached_ns, timing.target_ns or 0)


def _area(found: Sequence[Observation]) -> list[Check]:
    checks = []
    for quantity in _RESOURCES:
        best = strongest(found, quantity)
        if best is None:
            continue
        status: Status = "UNKNOWN"
        if best.available is not None:
            status = "PASS" if best.value <= best.available else "FAIL"
        checks.append(
            Check(
                name=quantity,
                value=best.value,
                limit=best.available,
                unit=best.unit,
                provenance=best.provenance,
                tool=f"{best.tool} {best.version}",
                status=status,
            )
        )
    return checks


def _clock(timing: Timing | None) -> list[Check]:
    if timing is None:
        return []
    confirmed = timing.provenance != "unrouted" and timing.met is not None
    status: Status = "UNKNOWN"
    if confirmed:
        status = "PASS" if timing.met else "FAIL"
    return [
        Check(
            name="clock_period_ns",
            value=timing.reached_ns,
            limit=timing.target_ns,
            unit="ns",
            provenance=timing.provenance,
            tool="vitis_hls or vivado_hls" if timing.provenance == "csynth" else "vivado",
            status=status,
        )
    ]


def _runs(records: Sequence[Record]) -> list[Check]:
    """Simulations that must have passed, and nets that must have been routed."""
    checks = []
    for record in records:
        passed = record.facts.get("passed")
        if isinstance(passed, bool):
            provenance = "rtl-sim" if record.kind == "rtl-sim" else "cosim"
            checks.append(_run_check(record, "mismatches", 0 if passed else 1, provenance))
        if record.kind == "route-status":
            wrong = int(record.facts["nets_with_errors"]) + int(record.facts["nets_unrouted"])
            checks.append(_run_check(record, "nets_not_routed", wrong, "routed"))
    return checks


def _run_check(record: Record, name: str, wrong: int, provenance: str) -> Check:
    return Check(
        name=name,
        value=wrong,
        limit=0,
        unit="",
        provenance=provenance,
        tool=record.tool,
        status="FAIL" if wrong else "PASS",
    )


def _missing(
    found: Sequence[Observation], timing: Timing | None, build: Build, device: Device | None
) -> list[str]:
    missing = [
        f"{quantity}: in no report"
        for quantity in QUANTITIES
        if quantity != "clock_period_ns"
        and strongest(found, quantity) is None
        and not (quantity == "uram" and device is not None and device.uram == 0)
    ]
    if timing is None:
        missing.append("clock: no report says whether any period is met")
    elif timing.provenance != "routed":
        missing.append("clock: no routed timing summary; what there is is a forecast")
    elif timing.met is None:
        missing.append("clock: routed, but nothing was constrained")
    elif timing.reached_ns is None:
        missing.append("clock: the routed design works at no single period that the report gives")
    if device is None:
        missing.append(f"device: {build.part or 'no part named'}, not in the table of devices")
    return missing
