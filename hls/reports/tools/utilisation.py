"""Vivado's ``report_utilization``: synthesised, placed or routed, flat.

Families name the same things differently ("Slice LUTs", "CLB LUTs", a trailing star after
synthesis); block RAM is counted in tiles of 36 Kb with halves and becomes ``bram_18k`` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trigforge.hls.devices import find_device
from trigforge.hls.reports.tools.bordered import Bordered, is_line, read_table
from trigforge.hls.reports.tools.numbers import check_percent, tiles_as_18k, whole
from trigforge.hls.reports.tools.record import Record, observations
from trigforge.hls.reports.tools.vivado import Header, read_header, read_sections
from trigforge.train.errors import InputError

# quantity -> names of its row over the families
_ROWS = {
    "lut": ("CLB LUTs", "Slice LUTs"),
    "ff": ("CLB Registers", "Slice Registers", "Registers"),
    "bram_18k": ("Block RAM Tile",),
    "dsp": ("DSPs", "DSP Slices"),
    "uram": ("URAM",),
}
_OPTIONAL = ("uram",)

# row -> rows that add up to it, of which the absent ones count zero
_SUMS = {
    "lut": ("LUT as Logic", "LUT as Memory", "LUT used exclusively as pack-thrus"),
    "ff": ("Register as Flip Flop", "Register as Latch", "Register as AND/OR"),
}

_STATES = {
    "synthesized": "vivado-synth",
    "optimized": "vivado-synth",
    "placed": "placed",
    "fully placed": "placed",
    "physopt postplace": "placed",
    "routed": "post-route",
    "fully routed": "post-route",
    "physopt postroute": "post-route",
}


@dataclass(frozen=True)
class Row:
    """One site type; ``used`` and ``available`` as printed."""

    used: str
    available: str
    place: str


def provenance_of(header: Header, name: str) -> str:
    """Provenance of resources from the design state.

    Raises:
        InputError: no state, or one that stands for neither synthesis, placement nor routing.
    """
    state = (header.state or "").lower()
    if state not in _STATES:
        raise InputError(
            f"{name}: Design State is {header.state!r}, expected one of {', '.join(_STATES)}"
        )
    return _STATES[state]


def read_utilisation(text: str, name: str) -> Record:
    """Read a flat utilisation report.

    Raises:
        InputError: incomplete, contradictory or damaged.
    """
    lines = text.split("\n")
    header = read_header(lines, name)
    provenance = provenance_of(header, name)
    rows: dict[str, Row] = {}
    for section in read_sections(lines, name):
        index = 0
        while any(is_line(line) for line in section.lines[index:]):
            table = read_table(section.lines, index, name, section.start)
            index = table.end
            if {"Site Type", "Used", "Available", "Util%"} <= set(table.columns()):
                _collect(table, rows)
    used: dict[str, float | None] = {}
    available: dict[str, int | None] = {}
    for quantity, names in _ROWS.items():
        row = next((rows[n] for n in names if n in rows), None)
        if row is None:
            if quantity in _OPTIONAL:
                continue
            raise InputError(f"{name}: no row {' or '.join(names)}; a report of another family?")
        count = tiles_as_18k if quantity == "bram_18k" else whole
        used[quantity] = count(row.used, row.place)
        available[quantity] = count(row.available, row.place)
    _check_sums(used, rows, name)
    _check_device(header.part, used, name)
    return Record(
        kind="utilisation",
        tool="vivado",
        version=header.version,
        source_file=name,
        design=header.design,
        part=header.part,
        observations=observations(
            used, available, {"resources": provenance}, "vivado", header.version, name
        ),
        facts={"state": provenance},
    )


def _collect(table: Bordered, rows: dict[str, Row]) -> None:
    columns = table.columns()
    for cells in table.rows:
        by_name = {c: cell.strip() for c, cell in zip(columns, cells, strict=True)}
        label = by_name["Site Type"].rstrip("*").strip()
        place = f"{table.place}, {label}"
        if not by_name["Available"]:  # part of the row above
            by_name["Available"] = by_name["Util%"] = ""
        else:
            used, available = by_name["Used"], by_name["Available"]
            count = tiles_as_18k if label == "Block RAM Tile" else whole
            check_percent(count(used, place), count(available, place), by_name["Util%"], place)
            fixed = by_name.get("Fixed", "")
            if fixed and count(fixed, f"{place}, Fixed") > count(used, place):
                raise InputError(f"{place}: {fixed} fixed of {used} used; damaged")
            if by_name.get("Prohibited"):
                count(by_name["Prohibited"], f"{place}, Prohibited")
        row = Row(by_name["Used"], by_name["Available"], place)
        old = rows.setdefault(label, row)
        if (old.used, old.available) != (row.used, row.available) and old.available:
            raise InputError(
                f"{place}: {row.used} of {row.available}, but {old.used} of {old.available} above"
            )


def _check_sums(used: Mapping[str, float | None], rows: Mapping[str, Row], name: str) -> None:
    for quantity, parts in _SUMS.items():
        found = [whole(rows[p].used, rows[p].place) for p in parts if p in rows]
        if found and sum(found) != used[quantity]:
            raise InputError(
                f"{name}: {quantity} is {used[quantity]}, its parts add up to {sum(found)}; damaged"
            )
    large, small = rows.get("RAMB36/FIFO"), rows.get("RAMB18")
    if large is not None and small is not None:
        blocks = tiles_as_18k(large.used, large.place) + whole(small.used, small.place)
        if blocks != used["bram_18k"]:
            raise InputError(
                f"{name}: Block RAM Tile is {used['bram_18k']} halves, RAMB36 and RAMB18 add up to "
                f"{blocks}; damaged"
            )


def _check_device(part: str, used: Mapping[str, float | None], name: str) -> None:
    device = find_device(part)
    if device is not None and device.uram and "uram" not in used:
        raise InputError(f"{name}: no row URAM, but {device.name} has {device.uram}; cut short?")
