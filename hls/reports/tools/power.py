"""Vivado's ``report_power``: watts in total and how much the tool trusts them."""

from __future__ import annotations

import re

from trigforge.hls.reports.tools.bordered import read_table
from trigforge.hls.reports.tools.numbers import real
from trigforge.hls.reports.tools.record import Fact, Record
from trigforge.hls.reports.tools.vivado import read_header, read_sections
from trigforge.train.errors import InputError

_ROWS = {
    "power_w": "Total On-Chip Power (W)",
    "dynamic_power_w": "Dynamic (W)",
    "static_power_w": "Device Static (W)",
    "junction_c": "Junction Temperature (C)",
}
# three numbers rounded to the third digit
_ROUNDING_W = 0.0016


def read_power(text: str, name: str) -> Record:
    """Read a power report.

    Raises:
        InputError: incomplete, contradictory or damaged.
    """
    lines = text.split("\n")
    header = read_header(lines, name)
    section = next((s for s in read_sections(lines, name) if s.title == "1. Summary"), None)
    if section is None:
        raise InputError(f"{name}: no section '1. Summary'")
    # without column names: the first row looks like a header of one line
    rows: dict[str, str] = {}
    for line in section.lines:
        found = re.fullmatch(r"\| ([^|]+?) +\| ([^|]+?) *\|", line.rstrip())
        if found and rows.setdefault(found[1], found[2]) != found[2]:
            raise InputError(f"{name}: {found[1]} occurs twice with different values; damaged")
    facts: dict[str, Fact] = {}
    for fact, label in _ROWS.items():
        if label not in rows:
            raise InputError(f"{name}: no row {label!r} in the summary; cut short?")
        facts[fact] = real(rows[label].split(" (")[0], f"{name}, {label}")
    total, dynamic, static = (float(facts[k]) for k in list(_ROWS)[:3])
    if abs(total - dynamic - static) > _ROUNDING_W:
        raise InputError(f"{name}: {dynamic} W and {static} W do not make {total} W; damaged")
    _check_components(text, total, name)
    facts["junction_exceeded"] = "exceeded" in rows[_ROWS["power_w"]]
    if "Confidence Level" not in rows:
        raise InputError(f"{name}: no row 'Confidence Level' in the summary; cut short?")
    facts["confidence"] = rows["Confidence Level"]
    return Record(
        kind="power",
        tool="vivado",
        version=header.version,
        source_file=name,
        design=header.design,
        part=header.part,
        facts=facts,
    )


def _check_components(text: str, total: float, name: str) -> None:
    lines = text.split("\n")
    section = next(
        (s for s in read_sections(lines, name) if s.title == "1.1 On-Chip Components"), None
    )
    if section is None:
        return
    table = read_table(section.lines, 0, name, section.start)
    column = table.column("Power (W)")
    for row in table.rows:
        if row[0].strip() == "Total":
            printed = real(row[column], table.place)
            if abs(printed - total) > _ROUNDING_W:
                raise InputError(f"{table.place}: {printed} W, the summary says {total} W; damaged")
