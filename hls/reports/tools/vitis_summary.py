"""C-synthesis of Vitis HLS as one text for the whole design: ``csynth.rpt``.

One table lists the top, its modules (``+``, with a star behind the name for dataflow) and loops
(``o``), indented by depth. Block RAM is
counted in halves of 18 Kb, as in the XML.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from trigforge.hls.devices import find_device
from trigforge.hls.reports.tools.bordered import Bordered, read_table
from trigforge.hls.reports.tools.hls_report import (
    Box,
    information,
    need_box,
    read_boxes,
    version_of,
)
from trigforge.hls.reports.tools.numbers import check_percent, undetermined, whole, whole_or_none
from trigforge.hls.reports.tools.record import Module, Record, observations
from trigforge.train.errors import InputError

_COUNTS = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram_18k": "BRAM", "uram": "URAM"}


def read_vitis_summary(text: str, name: str) -> Record:
    """Read a synthesis summary.

    Raises:
        InputError: incomplete, contradictory or damaged.
    """
    lines = text.split("\n")
    boxes = read_boxes(lines, name)
    title = re.fullmatch(r"Synthesis Summary Report of '(\w+)'", boxes[0].title if boxes else "")
    if title is None:
        raise InputError(f"{name}: the first title is not 'Synthesis Summary Report of ...'")
    values = information(boxes[0].lines, name)
    version = version_of(values, name)
    need_box(boxes, "HW Interfaces", name)  # what follows the table: it is whole
    top, *below = _rows(boxes[0], values["Target device"], name)
    if top.name != title[1] or top.depth != 0 or any(module.depth == 0 for module in below):
        raise InputError(f"{name}: the first row is {top.name!r}, expected {title[1]!r}; damaged")
    _check_parts(top, below, name)
    _check_operators(boxes, top, name)
    found = {
        "latency_cycles": top.latency_cycles,
        "ii_cycles": top.ii_cycles,
        **top.resources,
    }
    return Record(
        kind="csynth",
        tool="vitis_hls",
        version=version,
        source_file=name,
        design=title[1],
        part=values["Target device"],
        observations=observations(
            found,
            {},
            dict.fromkeys(("cycles", "resources"), "csynth"),
            "vitis_hls",
            version,
            name,
        ),
        modules=tuple(below),
    )


def _rows(box: Box, part: str, name: str) -> list[Module]:
    starts = [i for i, t in enumerate(box.lines) if t.startswith("+ Performance & Resource Est")]
    if len(starts) != 1:
        raise InputError(f"{name}: {len(starts)} tables of estimates, expected one; damaged")
    table = read_table(box.lines, starts[0], name, box.start)
    device = find_device(part)
    if not table.rows:
        raise InputError(f"{table.place}: the table of estimates is empty")
    return [
        _module(table, row, device.available if device else lambda _: None) for row in table.rows
    ]


def _module(
    table: Bordered, row: tuple[str, ...], available: Callable[[str], int | None]
) -> Module:
    label = re.fullmatch(r"( *)([+o]) (\S+?)\*? *", row[table.column("Modules & Loops")])
    if label is None:
        raise InputError(f"{table.place}: a row is called {row[0].strip()!r}, expected + or o")
    place = f"{table.place}, {label[3]}"

    def cell(column: str) -> str:
        return row[table.column(column)].strip()

    counts: dict[str, int | None] = {}
    for quantity, column in _COUNTS.items():
        text = cell(column)
        if undetermined(text):
            counts[quantity] = 0
            continue
        found = re.fullmatch(r"(\d+)(?: \((~?\d+%)\))?", text)
        if found is None:
            raise InputError(f"{place}: {column} is {text!r}, expected a count and a percentage")
        counts[quantity] = whole(found[1], place)
        limit = available(quantity)
        if limit and found[2]:
            check_percent(int(found[1]), limit, found[2], f"{place}, {column}")
    loop = label[2] == "o"
    if loop:  # the resources of a loop are counted in its module
        counts = {}
    return Module(
        name=label[3],
        kind="loop" if loop else "module",
        depth=len(label[1]),
        latency_cycles=_cycles(cell("Latency (cycles)"), place),
        ii_cycles=_cycles(cell("Interval"), place),
        pipeline_depth=_cycles(cell("Iteration Latency"), place) if loop else None,
        trip_count=_cycles(cell("Trip Count"), place) if loop else None,
        resources=counts,
    )


def _cycles(text: str, place: str) -> int | None:
    ends = [whole_or_none(part, place) for part in text.split("~")]
    known = [end for end in ends if end is not None]
    return max(known, default=None)


def _check_parts(top: Module, below: list[Module], name: str) -> None:
    for quantity in _COUNTS:
        parts = sum(m.resources.get(quantity) or 0 for m in below if m.depth == 1)
        total = top.resources.get(quantity) or 0
        if parts > total:
            raise InputError(
                f"{name}: {quantity} of the modules adds up to {parts}, more than the "
                f"{total} of {top.name}; damaged"
            )


def _check_operators(boxes: list[Box], top: Module, name: str) -> None:
    """DSPs are counted a second time in the table of operators."""
    box = next((box for box in boxes if box.title == "Bind Op Report"), None)
    if box is None:
        return
    table = read_table(box.lines, 0, name, box.start)
    for row in table.rows:
        if row[table.column("Name")].strip() == f"+ {top.name}":
            count = whole_or_none(row[table.column("DSP")], table.place) or 0
            if count != top.resources["dsp"]:
                raise InputError(
                    f"{table.place}: {count} DSP, but {top.resources['dsp']} in the estimates; "
                    "damaged"
                )
