"""Which tool wrote a file, from its contents; then the reader of that kind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trigforge.hls.reports.tools.cosim import read_cosim, read_cosim_log, read_cosim_values
from trigforge.hls.reports.tools.csynth_rpt import read_csynth_rpt
from trigforge.hls.reports.tools.csynth_xml import read_csynth_xml
from trigforge.hls.reports.tools.decoding import MAX_BYTES, decode
from trigforge.hls.reports.tools.design_size import read_design_size
from trigforge.hls.reports.tools.export import (
    read_export_rpt,
    read_export_rpt_2019,
    read_export_xml,
)
from trigforge.hls.reports.tools.hierarchy import read_hierarchy
from trigforge.hls.reports.tools.power import read_power
from trigforge.hls.reports.tools.record import Record
from trigforge.hls.reports.tools.route import read_route_status
from trigforge.hls.reports.tools.rtl_sim import read_rtl_sim
from trigforge.hls.reports.tools.timing import read_timing
from trigforge.hls.reports.tools.utilisation import read_utilisation
from trigforge.hls.reports.tools.vitis_summary import read_vitis_summary
from trigforge.hls.reports.tools.yosys import read_yosys_json, read_yosys_text
from trigforge.train.errors import InputError

Reader = Callable[[str, str], Record]


@dataclass(frozen=True)
class Sign:
    """What gives a kind of report away.

    Attributes:
        literal: occurs wherever ``pattern`` matches, and is quicker to look for.
        reader: absent for reports without numbers of ours.
    """

    what: str
    literal: str
    pattern: re.Pattern[str]
    reader: Reader | None


def _json(text: str, name: str) -> Record:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not JSON ({error}); cut short?") from None
    if not isinstance(data, dict):
        raise InputError(f"{name}: a JSON {type(data).__name__}, expected an object")
    if data.get("trigforge") == "rtl-sim":
        return read_rtl_sim(data, name)
    return read_yosys_json(data, name)


def _sign(what: str, literal: str, pattern: str, reader: Reader | None) -> Sign:
    return Sign(what, literal, re.compile(pattern, re.M), reader)


# looked for from top to bottom; one report has exactly one of these lines
SIGNS = (
    _sign("C-synthesis (xml)", "<UserAss", r"<UserAssignments>", read_csynth_xml),
    _sign("export (xml)", "<RunData>", r"<RunData>", read_export_xml),
    _sign(
        "C-synthesis", " HLS Report for ", r"^== (Vivado|Vitis) HLS Report for ", read_csynth_rpt
    ),
    _sign(
        "C-synthesis summary",
        "== Synthesis Summary",
        r"^== Synthesis Summary Report of ",
        read_vitis_summary,
    ),
    _sign(
        "export",
        " Results",
        r"^== Vivado (Synthesis|Place & Route) Results$",
        read_export_rpt,
    ),
    _sign(
        "export",
        "Implementation tool:",
        r"^Implementation tool: Xilinx Vivado",
        read_export_rpt_2019,
    ),
    _sign(
        "utilisation by hierarchy",
        "1. Utilization by",
        r"^1\. Utilization by Hierarchy\n-",
        read_hierarchy,
    ),
    _sign("utilisation", "Utilization Des", r"^Utilization Design Information$", read_utilisation),
    _sign("timing summary", "Timing Summary Rep", r"^Timing Summary Report$", read_timing),
    _sign("power", "Power Report", r"^Power Report$", read_power),
    _sign("route status", "Design Route", r"^Design Route Status", read_route_status),
    _sign("co-simulation", "Latency(Clock", r"Latency\(Clock Cycles\)", read_cosim),
    _sign(
        "co-simulation log",
        "co-simulation finished",
        r"C/RTL co-simulation finished: ",
        read_cosim_log,
    ),
    _sign("Yosys statistics (json)", '"Yosys ', r'"creator": "Yosys ', _json),
    _sign("RTL simulation (json)", '"rtl-sim"', r'"trigforge": "rtl-sim"', _json),
    _sign(
        "Yosys statistics",
        " cells",
        r"^[ |]*Number of cells:|^[ |]*\d+( +\S+)? cells$|^Number of cells:",
        read_yosys_text,
    ),
    _sign("design size", "<design_size", r"^<design_size title=", read_design_size),
    _sign("design analysis", "Report Design A", r"^Report Design Analysis$", None),
)
# the hierarchical report carries the flat one's title too
_BOTH = {"utilisation by hierarchy": {"utilisation"}}
_NUMBERS = re.compile(r"[-+0-9.eE \t\n]+")
_VALUES = Sign("outputs of a co-simulation", "", _NUMBERS, read_cosim_values)
_SNIFFED = 1 << 16


def sign_of(text: str, name: str) -> Sign | None:
    """The kind of a report, absent for a file of another kind.

    Raises:
        InputError: signs of two kinds, or one sign several times: reports pasted together.
    """
    found = [(s, len(s.pattern.findall(text)) if s.literal in text else 0) for s in SIGNS]
    found = [(sign, count) for sign, count in found if count]
    if not found:
        numbers = _NUMBERS.fullmatch(text) is not None
        return _VALUES if numbers else None
    sign, count = found[0]
    others = [s.what for s, _ in found[1:] if s.what not in _BOTH.get(sign.what, ())]
    if others or (count > 1 and sign.what not in ("co-simulation log", "Yosys statistics")):
        both = f"{sign.what} and {others[0]}" if others else f"{count} times {sign.what}"
        raise InputError(f"{name}: {both} in one file; split them")
    return sign


def parse_report(content: bytes, name: str) -> Record:
    """Read a report of any known kind.

    Args:
        name: of the file, for errors and for ``source_file``.

    Raises:
        InputError: of no known kind, or damaged.
    """
    text = decode(content, name)
    sign = sign_of(text, name)
    if sign is None:
        known = ", ".join(dict.fromkeys(s.what for s in SIGNS))
        raise InputError(f"{name}: not a report that trigforge reads ({known})")
    if sign.reader is None:
        raise InputError(f"{name}: a {sign.what} report holds no latency and no resources")
    return sign.reader(text, name)


def read_report(path: Path) -> Record:
    """Read one file.

    Raises:
        InputError: not there, not readable, of no known kind, or damaged.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES >> 20} MiB, not a report")
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return parse_report(content, str(path))


def looks_like_report(head: bytes, size: int) -> bool:
    """Whether a file among many is worth reading, from its first bytes.

    Pure numbers count only under the name that hls4ml gives them, which is checked elsewhere.
    """
    if size > MAX_BYTES or not head:
        return False
    try:
        text = decode(head[:_SNIFFED], "")
    except InputError:
        # a cut UTF-16 character, a binary file
        return False
    return any(s.literal in text and s.pattern.search(text) for s in SIGNS if s.reader is not None)
