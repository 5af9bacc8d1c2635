"""What Vivado said when the HLS tool ran it (``export_syn``, ``export_impl``; xml and rpt).

Here block RAM is counted in halves of 18 Kb ("BRAM 4320" of a device with 2,160 tiles).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from trigforge.hls.reports.tools.bordered import read_table
from trigforge.hls.reports.tools.csynth_xml import check_available
from trigforge.hls.reports.tools.hls_report import information, need_box, read_boxes, version_of
from trigforge.hls.reports.tools.numbers import real, real_or_none, whole
from trigforge.hls.reports.tools.record import Record, Timing, observations
from trigforge.hls.reports.tools.xml_tree import Node, parse_xml
from trigforge.train.errors import InputError

_COUNTS = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram_18k": "BRAM", "uram": "URAM"}
_OPTIONAL = ("uram",)
_RUNS = {"synth": "vivado-synth", "impl": "post-route"}
_ROUNDING_NS = 0.0016


def read_export_xml(text: str, name: str) -> Record:
    """Read an export report.

    Raises:
        InputError: incomplete, contradictory, damaged or hostile.
    """
    root = parse_xml(text, name)
    run = root.need("RunData/RUN_TYPE", name).text.lower()
    if run not in _RUNS:
        raise InputError(f"{name}: RUN_TYPE is {run[:40]!r}, expected synth or impl")
    version = re.match(r"v?\.?(\d{4}\.\d+(\.\d+)?)", root.need("RunData/VIVADO_VERSION", name).text)
    if version is None:
        raise InputError(f"{name}: VIVADO_VERSION is not a year; damaged")
    used = _counts(root.need("AreaReport/Resources", name), name)
    limits = root.below("AreaReport/AvailableResources", name)
    available = _counts(limits, name) if limits is not None else {}
    if limits is not None and set(available) != set(used):
        raise InputError(f"{name}: used and available resources differ in kind; a line was lost")
    information_ = {
        item.attributes.get("NAME", ""): item.attributes.get("VALUE", "")
        for block in root.all("GeneralInfo")
        for item in block.all("item")
    }
    part = information_.get("Target device")
    if part:
        check_available(part, available, name)
    top = _top(root, used, name)
    timing = _timing(root, run, name)
    return _record(name, "vivado", version[1], run, top, part, used, available, timing)


def _record(
    name: str,
    tool: str,
    version: str,
    run: str,
    design: str | None,
    part: str | None,
    used: Mapping[str, float | None],
    available: Mapping[str, int | None],
    timing: Timing | None,
) -> Record:
    routed = timing is not None and timing.provenance == "routed"
    return Record(
        kind="export",
        tool=tool,
        version=version,
        source_file=name,
        design=design,
        part=part,
        observations=observations(
            {**used, "clock_period_ns": timing.reached_ns if timing and routed else None},
            available,
            {"resources": _RUNS[run], "clock": "routed"},
            tool,
            version,
            name,
        ),
        timing=timing,
        facts={"state": _RUNS[run]},
    )


def _counts(node: Node, name: str) -> dict[str, int]:
    found = {}
    for quantity, tag in _COUNTS.items():
        child = node.child(tag, name)
        if child is not None:
            found[quantity] = whole(child.text, f"{name}: {child.path}")
        elif quantity not in _OPTIONAL:
            raise InputError(f"{name}: {node.path}/{tag} is missing; is the report whole?")
    return found


def _top(root: Node, used: Mapping[str, int], name: str) -> str | None:
    """Name of the top module; its resources are the design's, zeros left out."""
    for modules in root.all("RtlModules"):
        for module in modules.all("RtlModule"):
            if module.attributes.get("IS_TOP") != "1":
                continue
            for resources in module.all("Resources"):
                for quantity, tag in _COUNTS.items():
                    if tag in resources.attributes:
                        count = whole(resources.attributes[tag], f"{name}: RtlModule {tag}")
                        if count != used.get(quantity):
                            raise InputError(
                                f"{name}: {tag} of the top module is {count}, of the design "
                                f"{used.get(quantity)}; damaged"
                            )
            return module.attributes.get("MODULENAME") or None
    return None


def _timing(root: Node, run: str, name: str) -> Timing:
    report = root.need("TimingReport", name)

    def number(tag: str) -> float | None:
        node = report.child(tag, name)
        return None if node is None else real_or_none(node.text, f"{name}: {tag}")

    report.need("TargetClockPeriod", name)
    target = number("TargetClockPeriod")
    state = "ROUTE" if run == "impl" else "SYNTH"
    slack, total = number(f"WNS_{state}"), number(f"TNS_{state}")
    if (slack is None) != (total is None):
        raise InputError(
            f"{name}: only one of WNS_{state} and TNS_{state} is there; a line was lost"
        )
    achieved = number(f"CP_{state}")
    if achieved is None and run == "impl":
        achieved = number("AchievedClockPeriod")
    reached = achieved
    if target is not None and slack is not None:
        reached = round(target - slack, 3)
        if achieved is not None and abs(achieved - reached) > _ROUNDING_NS:
            raise InputError(
                f"{name}: {target} ns less a slack of {slack} ns is not {achieved} ns; damaged"
            )
        if total is not None and (total < 0) != (slack < 0):
            raise InputError(f"{name}: slack {slack} and total {total} contradict; damaged")
    known = target is not None and reached is not None
    return Timing(
        provenance="routed" if run == "impl" else "unrouted",
        met=(reached or 0) <= (target or 0) if known else None,
        target_ns=target,
        reached_ns=reached,
        wns_ns=slack,
        tns_ns=total,
    )


def read_export_rpt(text: str, name: str) -> Record:
    """Read the text form of Vitis HLS.

    Raises:
        InputError: incomplete, contradictory or damaged.
    """
    boxes = read_boxes(text.split("\n"), name)
    title = re.fullmatch(
        r"Vivado (Synthesis|Place & Route) Results", boxes[0].title if boxes else ""
    )
    if title is None:
        raise InputError(f"{name}: the first title is not 'Vivado ... Results'; damaged")
    run = "synth" if title[1] == "Synthesis" else "impl"
    stage = "Synthesis" if run == "synth" else "Place & Route"
    values = information(boxes[0].lines, name)
    used = _listed(need_box(boxes, f"{stage} Resource Summary", name).lines, name)
    box = need_box(boxes, f"{stage} Timing Summary", name)
    table = read_table(box.lines, 0, name, box.start)

    def period(label: str) -> float | None:
        rows = [row for row in table.rows if row[table.column("Timing")].strip() == label]
        cells = {row[table.column("Period (ns)")].strip() for row in rows}
        if len(cells) != 1:
            raise InputError(
                f"{table.place}: {len(cells)} periods {label!r}, expected one; damaged"
            )
        return real_or_none(cells.pop(), f"{table.place}, {label}")

    target = period("Target")
    reached = period("Post-Route" if run == "impl" else "Post-Synthesis")
    known = target is not None and reached is not None
    timing = Timing(
        provenance="routed" if run == "impl" else "unrouted",
        met=(reached or 0) <= (target or 0) if known else None,
        target_ns=target,
        reached_ns=reached,
    )
    version = version_of(values, name)
    return _record(name, "vivado", version, run, None, values["Target device"], used, {}, timing)


def read_export_rpt_2019(text: str, name: str) -> Record:
    """Read the text form of Vivado HLS.

    Raises:
        InputError: incomplete or damaged.
    """
    version = re.findall(r"^Implementation tool: Xilinx Vivado v\.(\d{4}\.\d+)", text, re.M)
    part = re.findall(r"^Device target: +(\S+)", text, re.M)
    if len(version) != 1 or len(part) != 1:
        raise InputError(f"{name}: tool or device missing or doubled; two reports in one file?")
    run = "impl" if "#=== Post-Implementation Resource usage ===" in text else "synth"
    used = _listed(text.split("#=== ")[1].split("\n") if "#=== " in text else [], name)
    target = _period(text, "CP required", name)
    label = "CP achieved post-implementation" if run == "impl" else "CP achieved post-synthesis"
    reached = _period(text, label, name)
    said = set(re.findall(r"^(Timing met|Timing not met)$", text, re.M))
    if len(said) != 1:
        raise InputError(f"{name}: {len(said)} verdicts on timing, expected one; cut short?")
    met = reached <= target
    if said != {"Timing met" if met else "Timing not met"}:
        raise InputError(f"{name}: {said.pop()!r} contradicts {reached} of {target} ns; damaged")
    timing = Timing(
        provenance="routed" if run == "impl" else "unrouted",
        met=met,
        target_ns=target,
        reached_ns=reached,
    )
    return _record(name, "vivado", version[0], run, None, part[0], used, {}, timing)


def _period(text: str, label: str, name: str) -> float:
    found = set(re.findall(rf"^{label}: +(\S+)", text, re.M))
    if len(found) != 1:
        raise InputError(f"{name}: {len(found)} values of {label}, expected one; cut short?")
    return real(found.pop(), f"{name}: {label}")


def _listed(lines: Sequence[str], name: str) -> dict[str, float | None]:
    used: dict[str, float | None] = {}
    for line in lines:
        found = re.fullmatch(r"(\w+): +(\d{1,12})", line.strip())
        for quantity, tag in _COUNTS.items():
            if (
                found
                and found[1] == tag
                and used.setdefault(quantity, int(found[2])) != int(found[2])
            ):
                raise InputError(f"{name}: {tag} occurs twice; damaged")
    for quantity, tag in _COUNTS.items():
        if quantity not in used and quantity not in _OPTIONAL:
            raise InputError(f"{name}: no line '{tag}:'; cut short?")
    return used
