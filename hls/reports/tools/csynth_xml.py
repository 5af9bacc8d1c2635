"""C-synthesis as XML (``csynth.xml``, ``<top>_csynth.xml``): Vivado HLS and Vitis HLS.

What the tool could not determine (``undef``, ``-``, ``?``) is absent; a tag that is not there at
all is an error, because every version writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from trigforge.hls.devices import find_device
from trigforge.hls.reports.tools.numbers import (
    check_absolute,
    real,
    real_or_none,
    undetermined,
    whole_or_none,
)
from trigforge.hls.reports.tools.record import Fact, Module, Record, Timing, observations
from trigforge.hls.reports.tools.xml_tree import Node, parse_xml
from trigforge.train.errors import InputError

_LATENCY = "PerformanceEstimates/SummaryOfOverallLatency"
_TIMING = "PerformanceEstimates/SummaryOfTimingAnalysis"
# quantity -> names of the tag over the tool versions
_COUNTS = {
    "lut": ("LUT",),
    "ff": ("FF",),
    "dsp": ("DSP", "DSP48E"),
    "bram_18k": ("BRAM_18K",),
    "uram": ("URAM",),
}
_OPTIONAL = ("uram",)  # Vivado HLS before 2019


def read_csynth_xml(text: str, name: str) -> Record:
    """Read a C-synthesis report.

    Raises:
        InputError: damaged, hostile or incomplete.
    """
    root = parse_xml(text, name)
    part = _text(root, "UserAssignments/Part", name)
    version = _text(root, "ReportVersion/Version", name)
    tool = tool_of(version, root.below("UserAssignments/FlowTarget", name) is not None)
    unit = root.below("UserAssignments/unit", name)
    if unit is not None and unit.text != "ns":
        raise InputError(f"{name}: UserAssignments/unit is {unit.text!r}, expected 'ns'")
    target_ns = real(_text(root, "UserAssignments/TargetClockPeriod", name), f"{name}: target")
    reached_ns = real_or_none(
        root.need(f"{_TIMING}/EstimatedClockPeriod", name).text, f"{name}: EstimatedClockPeriod"
    )
    used = _counts(root, "AreaEstimates/Resources", name)
    available = _counts(root, "AreaEstimates/AvailableResources", name)
    if ("uram" in used) != ("uram" in available):
        raise InputError(f"{name}: URAM is either used or available, not both; a line was lost")
    check_available(part, available, name)
    latency = root.need(_LATENCY, name)
    low, high = _pair(latency, "Best-caseLatency", "Worst-caseLatency", name)
    ii_low, ii_high = _pair(latency, "Interval-min", "Interval-max", name)
    absolute = latency.child("Worst-caseRealTimeLatency", name)
    if high is not None and absolute is not None:
        check_absolute(high, absolute.text, (target_ns, reached_ns), f"{name}: worst-case latency")
    facts: dict[str, Fact] = {"target_clock_ns": target_ns}
    facts |= {
        k: v for k, v in (("latency_min_cycles", low), ("ii_min_cycles", ii_low)) if v is not None
    }
    return Record(
        kind="csynth",
        tool=tool,
        version=version,
        source_file=name,
        design=_text(root, "UserAssignments/TopModelName", name),
        part=part,
        observations=observations(
            {"latency_cycles": high, "ii_cycles": ii_high, **used, "clock_period_ns": reached_ns},
            available,
            dict.fromkeys(("cycles", "resources", "clock"), "csynth"),
            tool,
            version,
            name,
        ),
        timing=csynth_timing(target_ns, reached_ns),
        modules=tuple(_modules(root, name)),
        facts=facts,
    )


def tool_of(version: str, vitis: bool = False) -> str:
    """Vitis HLS took over in 2020.2."""
    year = re.match(r"(\d{4})\.(\d)", version)
    newer = year is not None and (int(year[1]), int(year[2])) >= (2020, 2)
    return "vitis_hls" if newer or vitis else "vivado_hls"


def csynth_timing(target_ns: float, reached_ns: float | None) -> Timing:
    """A forecast of the clock: met when the estimate does not exceed the target."""
    return Timing(
        provenance="csynth",
        met=None if reached_ns is None else reached_ns <= target_ns,
        target_ns=target_ns,
        reached_ns=reached_ns,
    )


def check_available(part: str, available: Mapping[str, int | None], name: str) -> None:
    """What a report says of its part against the table of devices, where that is checked.

    Raises:
        InputError: they differ: the columns of the report are mixed up.
    """
    device = find_device(part)
    if device is None or not device.checked:
        return
    for quantity, count in available.items():
        known = device.available(quantity)
        if count != known:
            raise InputError(
                f"{name}: {count} {quantity} available, but {part} has {known}; damaged"
            )


def _text(root: Node, path: str, name: str) -> str:
    found = root.below(path, name)
    if found is None or not found.text:
        raise InputError(f"{name}: {path} is missing; is it a whole C-synthesis report?")
    return found.text


def _pair(node: Node, low: str, high: str, name: str) -> tuple[int | None, int | None]:
    least = whole_or_none(node.need(low, name).text, f"{name}: {node.path}/{low}")
    most = whole_or_none(node.need(high, name).text, f"{name}: {node.path}/{high}")
    if least is not None and most is not None and least > most:
        raise InputError(f"{name}: {low} {least} exceeds {high} {most}; damaged")
    return least, most


def _counts(root: Node, path: str, name: str, whole_set: bool = True) -> dict[str, int | None]:
    area = root.need(path, name) if whole_set else root.below(path, name)
    if area is None:
        return {}
    found: dict[str, int | None] = {}
    for quantity, tags in _COUNTS.items():
        nodes = [n for n in (area.child(tag, name) for tag in tags) if n is not None]
        if len(nodes) > 1:
            raise InputError(f"{name}: {path} holds both {' and '.join(n.tag for n in nodes)}")
        if nodes:
            found[quantity] = whole_or_none(nodes[0].text, f"{name}: {nodes[0].path}")
        elif whole_set and quantity not in _OPTIONAL:
            raise InputError(f"{name}: {path}/{tags[0]} is missing; is the report whole?")
    return found


def _modules(root: Node, name: str) -> Iterator[Module]:
    yield from _loops(root, 1, name)
    for information in root.all("ModuleInformation"):
        for module in information.all("Module"):
            title = module.need("Name", name)
            latency = module.below(_LATENCY, name)
            interval = latency and latency.child("PipelineInitiationInterval", name)
            worst = latency and latency.child("Worst-caseLatency", name)
            counts = _counts(module, "AreaEstimates/Resources", name, whole_set=False)
            yield Module(
                name=title.text,
                latency_cycles=_range_end(worst, name),
                ii_cycles=_range_end(interval, name),
                resources=counts,
            )
            yield from _loops(module, 2, name)


def _loops(module: Node, depth: int, name: str) -> Iterator[Module]:
    for summary in module.all("PerformanceEstimates"):
        for loops in summary.all("SummaryOfLoopLatency"):
            yield from _nested(loops, depth, name)


def _nested(node: Node, depth: int, name: str) -> Iterator[Module]:
    for loop in node.children:
        if not {"Latency", "TripCount", "PipelineII"} & {c.tag for c in loop.children}:
            continue
        title = loop.child("Name", name)
        pipeline = loop.child("PipelineDepth", name) or loop.child("IterationLatency", name)
        yield Module(
            name=title.text if title and title.text else loop.tag,
            kind="loop",
            depth=depth,
            latency_cycles=_range_end(loop.child("Latency", name), name),
            ii_cycles=_range_end(loop.child("PipelineII", name), name),
            pipeline_depth=_range_end(pipeline, name),
            trip_count=_range_end(loop.child("TripCount", name), name),
        )
        yield from _nested(loop, depth + 1, name)


def _range_end(node: Node | None, name: str) -> int | None:
    """The larger end of ``7``, ``3 ~ 7`` or a range element; absent where undetermined."""
    if node is None:
        return None
    texts = [node.text]
    for span in node.all("range"):
        texts += [child.text for child in span.children]
    numbers = [
        whole_or_none(part, f"{name}: {node.path}")
        for text in texts
        for part in text.split("~")
        if not undetermined(part)
    ]
    return max((n for n in numbers if n is not None), default=None)
