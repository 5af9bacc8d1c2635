"""Read the C-synthesis report (``csynth.xml``) of Vivado HLS and Vitis HLS.

The file comes from outside: document types and entities are refused before anything is expanded,
numbers must be numbers, and what the tool could not determine (``undef``, ``-``, ``?``) is absent.
"""

from __future__ import annotations

import re
import xml.parsers.expat as expat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trigforge.hls.reports.observations import Observation, observe
from trigforge.train.errors import InputError

MAX_BYTES = 256 << 20
MAX_DEPTH = 100
UNDETERMINED = {"", "-", "?", "undef", "n/a", "na"}

_SECTIONS = ("PerformanceEstimates/", "AreaEstimates/", "UserAssignments/", "ReportVersion/")
_LATENCY = "PerformanceEstimates/SummaryOfOverallLatency"
_TIMING = "PerformanceEstimates/SummaryOfTimingAnalysis"
_USED = "AreaEstimates/Resources"
_AVAILABLE = "AreaEstimates/AvailableResources"
# quantity -> names of the tag over the tool versions
_COUNTS = {
    "lut": ("LUT",),
    "ff": ("FF",),
    "dsp": ("DSP", "DSP48E"),
    "bram_18k": ("BRAM_18K",),
    "uram": ("URAM",),
}


@dataclass(frozen=True)
class CsynthReport:
    """What a C-synthesis report says about the top function.

    Attributes:
        part: FPGA part as the tool names it; ``top`` the function; ``version`` of the tool.
        target_clock_ns: period that was asked for, absent when the report does not say.
        observations: of provenance ``csynth``; a number the tool could not determine is not there.
    """

    part: str
    top: str
    tool: str
    version: str
    target_clock_ns: float | None
    observations: tuple[Observation, ...]


def read_csynth(path: Path) -> CsynthReport:
    """Read a ``csynth.xml``.

    Raises:
        InputError: not readable, not well formed, hostile, or not a C-synthesis report.
    """
    values = _read_values(path)
    part = _text(values, "UserAssignments/Part", path)
    version = _text(values, "ReportVersion/Version", path)
    tool = "vitis_hls" if _is_vitis(values, version) else "vivado_hls"
    found: list[Observation] = []

    def add(quantity: str, value: float | None, available: int | None = None) -> None:
        if value is None:
            return
        try:
            observation = observe(
                quantity,
                value,
                provenance="csynth",
                tool=tool,
                version=version,
                available=available,
                source_file=path.name,
            )
        except ValueError as error:
            raise InputError(f"{path}: {error}") from None
        found.append(observation)

    add("latency_cycles", _integer(values, f"{_LATENCY}/Worst-caseLatency", path))
    add("ii_cycles", _integer(values, f"{_LATENCY}/Interval-max", path))
    for quantity, names in _COUNTS.items():
        for name in names:
            used = _integer(values, f"{_USED}/{name}", path)
            add(quantity, used, _integer(values, f"{_AVAILABLE}/{name}", path))
    add("clock_period_ns", _number(values, f"{_TIMING}/EstimatedClockPeriod", path))
    if not found:
        raise InputError(f"{path}: no latency and no resources; is it a C-synthesis report?")
    return CsynthReport(
        part=part,
        top=_text(values, "UserAssignments/TopModelName", path),
        tool=tool,
        version=version,
        target_clock_ns=_number(values, "UserAssignments/TargetClockPeriod", path),
        observations=tuple(found),
    )


def _is_vitis(values: Mapping[str, str], version: str) -> bool:
    """Vitis HLS took over in 2020.2; its reports name a flow target."""
    year = re.match(r"(\d{4})\.(\d)", version)
    newer = year is not None and (int(year[1]), int(year[2])) >= (2020, 2)
    return newer or "UserAssignments/FlowTarget" in values


def _read_values(path: Path) -> dict[str, str]:
    """Text of every leaf below the root, by its path; the top function's sections occur once."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES >> 20} MiB, not a C-synthesis report")
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    values: dict[str, str] = {}
    stack: list[str] = []
    pieces: list[str] = []

    def refuse(*_: object) -> None:
        raise InputError(f"{path}: declares a document type or entities; refused")

    def start(tag: str, _: dict[str, str]) -> None:
        stack.append(tag)
        if len(stack) > MAX_DEPTH:
            raise InputError(f"{path}: nested deeper than {MAX_DEPTH} levels; refused")
        pieces.clear()

    def end(_: str) -> None:
        place = "/".join(stack[1:])
        stack.pop()
        text = "".join(pieces).strip()
        pieces.clear()
        if place.startswith(_SECTIONS):
            if place in values and text and values[place] != text:
                raise InputError(f"{path}: {place} occurs twice, {values[place]!r} and {text!r}")
            values[place] = text or values.get(place, "")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = pieces.append
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InputError(
            f"{path}: not well formed ({error}); the synthesis may have been interrupted"
        ) from None
    return values


def _text(values: Mapping[str, str], place: str, path: Path) -> str:
    if not values.get(place):
        raise InputError(f"{path}: {place} is missing; is it a C-synthesis report?")
    return values[place]


def _integer(values: Mapping[str, str], place: str, path: Path) -> int | None:
    text = values.get(place, "")
    if text.lower() in UNDETERMINED:
        return None
    if not re.fullmatch(r"\d{1,18}", text):
        raise InputError(f"{path}: {place} is {text!r}, expected a whole number")
    return int(text)


def _number(values: Mapping[str, str], place: str, path: Path) -> float | None:
    text = values.get(place, "")
    if text.lower() in UNDETERMINED:
        return None
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        raise InputError(f"{path}: {place} is {text!r}, expected a number")
    return float(text)
