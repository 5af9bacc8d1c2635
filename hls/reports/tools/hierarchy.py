"""Vivado's ``report_utilization -hierarchical``: the design and what it contains."""

from __future__ import annotations

from collections.abc import Sequence

from trigforge.hls.reports.tools.bordered import Bordered, read_table
from trigforge.hls.reports.tools.numbers import whole
from trigforge.hls.reports.tools.record import Module, Record, observations
from trigforge.hls.reports.tools.utilisation import provenance_of
from trigforge.hls.reports.tools.vivado import read_header, read_sections
from trigforge.train.errors import InputError

_DSP = ("DSP Blocks", "DSP48 Blocks", "DSP Slices")
_LUT_PARTS = ("Logic LUTs", "LUTRAMs", "SRLs")


def read_hierarchy(text: str, name: str) -> Record:
    """Read a hierarchical utilisation report.

    Raises:
        InputError: incomplete, contradictory or damaged.
    """
    lines = text.split("\n")
    header = read_header(lines, name)
    provenance = provenance_of(header, name)
    sections = read_sections(lines, name)
    section = next((s for s in sections if s.title.endswith("Utilization by Hierarchy")), None)
    if section is None:
        raise InputError(f"{name}: no section 'Utilization by Hierarchy'")
    table = read_table(section.lines, 0, name, section.start)
    if not table.rows:
        raise InputError(f"{table.place}: the table is empty")
    rows = [_counts(table, row) for row in table.rows]
    indents = [len(cell) - len(cell.lstrip()) for cell in (row[0] for row in table.rows)]
    step = 2
    depths = [(indent - indents[0]) // step for indent in indents]
    if any(depth < 1 for depth in depths[1:]):
        raise InputError(f"{table.place}: a second design on the level of the top; damaged")
    _check_sums(table, rows, depths)
    top, *below = rows
    modules = [
        Module(name=row[0].strip(), depth=depth, resources=counts)
        for row, depth, counts in zip(table.rows[1:], depths[1:], below, strict=True)
        if not row[0].strip().startswith("(")
    ]
    return Record(
        kind="hierarchy",
        tool="vivado",
        version=header.version,
        source_file=name,
        design=header.design,
        part=header.part,
        observations=observations(
            top, {}, {"resources": provenance}, "vivado", header.version, name
        ),
        modules=tuple(modules),
        facts={"state": provenance},
    )


def _counts(table: Bordered, row: Sequence[str]) -> dict[str, int]:
    place = f"{table.place}, {row[0].strip()}"

    def count(column: str) -> int:
        return whole(row[table.column(column)], f"{place}, {column}")

    columns = table.columns()
    dsp = next((column for column in _DSP if column in columns), None)
    if dsp is None:
        raise InputError(f"{table.place}: no column {' or '.join(_DSP)}")
    found = {
        "lut": count("Total LUTs"),
        "ff": count("FFs"),
        "dsp": count(dsp),
        "bram_18k": 2 * count("RAMB36") + count("RAMB18"),
    }
    if "URAM" in columns:
        found["uram"] = count("URAM")
    if all(part in columns for part in _LUT_PARTS):
        parts = sum(count(part) for part in _LUT_PARTS)
        if parts != found["lut"]:
            raise InputError(
                f"{place}: logic, RAM and shift registers add up to {parts} LUT, the total is "
                f"{found['lut']}; damaged"
            )
    return found


def _check_sums(table: Bordered, rows: Sequence[dict[str, int]], depths: Sequence[int]) -> None:
    """Own logic ``(name)`` and children add up to a parent, except LUTs, which are shared."""
    for parent, depth in enumerate(depths):
        inside = []
        for child in range(parent + 1, len(depths)):
            if depths[child] <= depth:
                break
            if depths[child] == depth + 1:
                inside.append(child)
        if not any(table.rows[child][0].strip().startswith("(") for child in inside):
            continue
        for quantity in ("ff", "dsp", "bram_18k", "uram"):
            total = rows[parent].get(quantity, 0)
            parts = sum(rows[child].get(quantity, 0) for child in inside)
            if parts != total:
                raise InputError(
                    f"{table.place}: {quantity} below {table.rows[parent][0].strip()} adds up to "
                    f"{parts}, the total is {total}; damaged"
                )
