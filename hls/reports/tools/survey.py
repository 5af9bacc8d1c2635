"""Everything that a file, folder or archive reports: builds, damaged files, and the page for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigforge.hls.reports.observations import QUANTITIES, Observation, strongest
from trigforge.hls.reports.report import plain
from trigforge.hls.reports.timing import readable, time_ns
from trigforge.hls.reports.tools.builds import group
from trigforge.hls.reports.tools.collect import collect
from trigforge.hls.reports.tools.findings import Findings, Status, judge
from trigforge.hls.reports.tools.recognise import parse_report
from trigforge.hls.reports.tools.record import MEANING, Record, Timing
from trigforge.train.errors import InputError

SCHEMA = 1


@dataclass(frozen=True)
class Survey:
    """What was found below a path; ``damaged`` has a sentence per file that could not be read."""

    path: str
    findings: tuple[Findings, ...]
    damaged: tuple[str, ...]

    @property
    def status(self) -> Status:
        """The worst of all builds that are tops; UNKNOWN for none."""
        states = [f.status for f in self.findings if f.build.inside is None]
        for status in ("FAIL", "UNKNOWN"):
            if status in states:
                return "FAIL" if status == "FAIL" else "UNKNOWN"
        return "PASS" if states else "UNKNOWN"


def survey(path: Path) -> Survey:
    """Read all reports of a file, a folder or an archive.

    Raises:
        InputError: nothing there, a damaged single file, or a broken or hostile archive.
    """
    records: list[Record] = []
    damaged: list[str] = []
    for name, content in collect(path):
        try:
            records.append(parse_report(content, name))
        except InputError as error:
            if path.is_file() and name == path.name:
                raise
            damaged.append(str(error))
    if not records and not damaged:
        raise InputError(
            f"{path}: no report of Vivado HLS, Vitis HLS, Vivado, Yosys or trigforge in it; "
            "run the synthesis first, or name the folder that holds its reports"
        )
    builds = group(records)
    return Survey(str(path), tuple(judge(build) for build in builds), tuple(damaged))


def as_json(found: Survey) -> dict[str, Any]:
    """For machines: schema 1."""
    return {
        "schema": SCHEMA,
        "path": found.path,
        "status": found.status,
        "builds": [_build(f) for f in found.findings],
        "damaged": list(found.damaged),
    }


def _build(found: Findings) -> dict[str, Any]:
    build = found.build
    return {
        "name": build.name,
        "inside": build.inside,
        "design": build.design,
        "part": build.part,
        "device": found.device.name if found.device else None,
        "status": found.status,
        "clock_ns": found.clock_ns,
        "latency_ns": _time(found, "latency_cycles"),
        "ii_ns": _time(found, "ii_cycles"),
        "timing": plain(found.timing) if found.timing else None,
        "checks": [plain(check) for check in found.checks],
        "observations": [plain(o) for o in found.observations],
        "missing": list(found.missing),
        "reports": [
            {
                "file": record.source_file,
                "kind": record.kind,
                "tool": record.tool,
                "version": record.version,
                "facts": dict(record.facts),
                "modules": [plain(module) for module in record.modules],
            }
            for record in build.records
        ],
    }


def _time(found: Findings, quantity: str) -> float | None:
    """Cycles at the usable clock, absent without one."""
    best = strongest(found.observations, quantity)
    if best is None or found.clock_ns is None:
        return None
    return time_ns(best.value, found.clock_ns)


def as_text(found: Survey) -> list[str]:
    """For people: one block per build."""
    lines: list[str] = []
    for finding in found.findings:
        if finding.build.inside is not None:
            lines += [f"{finding.build.name}: part of {finding.build.inside}", ""]
            continue
        lines += [*_text(finding), ""]
    for sentence in found.damaged:
        lines.append(f"damaged: {sentence}")
    return [_printable(line) for line in (lines if not lines or lines[-1] else lines[:-1])]


def _printable(line: str) -> str:
    """Names of files and designs may hold anything; a terminal gets what it can show."""
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return "".join(shown)


def _text(found: Findings) -> list[str]:
    build = found.build
    lines = [f"{build.name}: {found.status}", f"  part {build.part or 'not named'}"]
    for record in build.records:
        what = f"{MEANING[record.kind]}, {record.tool} {record.version}"
        lines.append(f"  read {record.source_file}: {what.replace(' unknown', '')}")
    for quantity in QUANTITIES:
        several = [o for o in found.observations if o.quantity == quantity]
        if several:
            lines.append(f"  {_line(several)}")
    if found.timing is not None:
        lines.append(f"  {_clock(found.timing)}")
    for quantity, label in (("latency_cycles", "latency"), ("ii_cycles", "interval")):
        time = _time(found, quantity)
        if time is not None and found.clock_ns is not None:
            best = strongest(found.observations, quantity)
            note = ", combinational: one period" if best and best.value == 0 else ""
            clock = f"at {found.clock_ns:.3f} ns{note}"
            lines.append(f"  {label} {readable(time)} {clock}")
    for check in found.checks:
        if check.status == "FAIL":
            lines.append(f"  FAIL {_failure(check.name, check.value, check.limit)}")
    power = [(r, r.facts["power_w"]) for r in build.records if "power_w" in r.facts]
    for record, watts in power:
        hot = ", junction too hot" if record.facts.get("junction_exceeded") else ""
        lines.append(f"  power {watts} W{hot} (confidence {record.facts['confidence']})")
    return [*lines, *(f"  missing {sentence}" for sentence in found.missing)]


def _line(observations: Sequence[Observation]) -> str:
    """One quantity, strongest first."""
    best = observations[0]
    form = ",.3f" if best.quantity == "clock_period_ns" else ","
    values = "; ".join(f"{o.value:{form}} {o.provenance}" for o in observations)
    if not best.available:
        return f"{best.quantity:16} {values}"
    share = f"{100 * best.value / best.available:.1f} % of {best.available:,}"
    return f"{best.quantity:16} {values}; {share}"


def _clock(timing: Timing) -> str:
    if timing.met is None:
        return f"clock: nothing confirmed ({timing.provenance})"
    verdict = "met" if timing.met else "NOT met"
    asked = f"{timing.target_ns:.3f} ns" if timing.target_ns is not None else "what was asked for"
    text = f"clock: {asked} {verdict} ({timing.provenance})"
    if not timing.met and timing.failing_endpoints:
        text += f", {timing.failing_endpoints:,} endpoints fail by up to {timing.wns_ns} ns"
    if timing.hold_failing_endpoints:
        text += f", hold fails at {timing.hold_failing_endpoints:,} endpoints"
    if timing.pulse_width_failing_endpoints:
        text += f", pulse width fails at {timing.pulse_width_failing_endpoints:,} endpoints"
    if not timing.met and timing.reached_ns is not None:
        text += f"; the design needs {timing.reached_ns:.3f} ns"
    return text


def _failure(name: str, value: float | None, limit: float | None) -> str:
    if name == "clock_period_ns":
        return "timing"
    if limit == 0:
        return name.replace("_", " ")
    return f"{name}: {value:,} of {limit:,}"
