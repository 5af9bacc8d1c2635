"""C-synthesis as text, one report per function: ``<top>_csynth.rpt`` of both HLS tools."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from trigforge.hls.reports.tools.bordered import Bordered, read_table
from trigforge.hls.reports.tools.csynth_xml import check_available, csynth_timing, tool_of
from trigforge.hls.reports.tools.hls_report import (
    Box,
    information,
    need_box,
    read_boxes,
    version_of,
)
from trigforge.hls.reports.tools.numbers import (
    check_absolute,
    check_percent,
    real,
    real_or_none,
    whole,
    whole_or_none,
)
from trigforge.hls.reports.tools.record import Fact, Module, Record, observations
from trigforge.train.errors import InputError

_COUNTS = {
    "bram_18k": ("BRAM_18K",),
    "dsp": ("DSP", "DSP48E"),
    "ff": ("FF",),
    "lut": ("LUT",),
    "uram": ("URAM",),
}
_PARTS = ("DSP", "Expression", "FIFO", "Instance", "Memory", "Multiplexer", "Register")


def read_csynth_rpt(text: str, name: str) -> Record:
    """Read the report of one function.

    Raises:
        InputError: incomplete, contradictory or damaged.
    """
    lines = text.split("\n")
    boxes = read_boxes(lines, name)
    title = re.fullmatch(r"(Vivado|Vitis) HLS Report for '(\w+)'", boxes[0].title if boxes else "")
    if title is None:
        raise InputError(f"{name}: the first title is not 'Vivado HLS Report for ...'; damaged")
    values = information(boxes[0].lines, name)
    version = version_of(values, name)
    tool = tool_of(version, title[1] == "Vitis")
    performance = need_box(boxes, "Performance Estimates", name)
    area = need_box(boxes, "Utilization Estimates", name)
    need_box(boxes, "Interface", name)  # the last part: the report is whole
    target_ns, reached_ns = _clock(performance, name)
    low, high, ii_low, ii_high = _cycles(performance, target_ns, reached_ns, name)
    used, available = _area(area, name)
    check_available(values["Target device"], available, name)
    facts: dict[str, Fact] = {"target_clock_ns": target_ns}
    facts |= {
        k: v for k, v in (("latency_min_cycles", low), ("ii_min_cycles", ii_low)) if v is not None
    }
    return Record(
        kind="csynth",
        tool=tool,
        version=version,
        source_file=name,
        design=title[2],
        part=values["Target device"],
        observations=observations(
            {"latency_cycles": high, "ii_cycles": ii_high, **used, "clock_period_ns": reached_ns},
            available,
            dict.fromkeys(("cycles", "resources", "clock"), "csynth"),
            tool,
            version,
            name,
        ),
        timing=csynth_timing(target_ns, reached_ns),
        modules=tuple(_details(performance, area, used, (target_ns, reached_ns), name)),
        facts=facts,
    )


def _find(box: Box, heading: str, name: str) -> int:
    """Index of the line after a heading within a part."""
    found = [i for i, line in enumerate(box.lines) if re.fullmatch(heading, line.strip())]
    if len(found) != 1:
        raise InputError(
            f"{name}: {len(found)} lines {heading!r} in {box.title!r}, expected one; damaged"
        )
    if found[0] + 1 == len(box.lines):
        raise InputError(f"{name}: nothing follows {heading!r} in {box.title!r}; cut short?")
    return found[0] + 1


def _clock(box: Box, name: str) -> tuple[float, float | None]:
    table = read_table(box.lines, _find(box, r"\+ Timing( \(ns\))?:", name), name, box.start)
    rows = [r for r in table.rows if r[table.column("Clock")].strip() == "ap_clk"] or table.rows
    if len({tuple(row) for row in rows}) != 1:
        raise InputError(f"{table.place}: {len(rows)} clocks, expected ap_clk")

    def period(column: str) -> str:
        return rows[0][table.column(column)].strip().removesuffix("ns").strip()

    def decimals(column: str) -> int:
        return len(period(column).partition(".")[2])

    # the tool prints what it was given with two digits and what it found with three
    if decimals("Estimated") < max(decimals("Target"), decimals("Uncertainty")):
        raise InputError(f"{table.place}: estimate and target look exchanged; damaged")
    return (
        real(period("Target"), f"{table.place}, Target"),
        real_or_none(period("Estimated"), f"{table.place}, Estimated"),
    )


_SPANS = (
    (
        ["Latency (cycles)", "Latency (absolute)", "Interval", "Pipeline"],
        "min max min max min max Type",
    ),
    (["Latency", "Interval", "Pipeline"], "min max min max Type"),
)


def _spanned(table: Bordered, before: int) -> bool:
    """Whether a latency table has times beside the cycles; its headers must be as known."""
    header = [[" ".join(cell.split()) for cell in line] for line in table.header]
    spans = [c for c in header[-2][before:] if c] if len(header) >= 2 else []
    for known, names in _SPANS:
        if spans == known and header[-1][before:] == names.split():
            return len(known) == 4
    raise InputError(f"{table.place}: the columns of a latency table are not as expected")


def _latency_row(
    row: Sequence[str], absolute: bool, periods: tuple[float | None, float | None], place: str
) -> tuple[int | None, int | None, int | None, int | None]:
    cells = [cell.strip() for cell in row]
    low, high = (whole_or_none(cell, place) for cell in cells[:2])
    first = 4 if absolute else 2
    ii_low, ii_high = (whole_or_none(cell, place) for cell in cells[first : first + 2])
    for least, most in ((low, high), (ii_low, ii_high)):
        if least is not None and most is not None and least > most:
            raise InputError(f"{place}: the minimum {least} exceeds the maximum {most}; damaged")
    if absolute:
        for cycles, text in zip((low, high), cells[2:4], strict=True):
            if cycles is not None:
                check_absolute(cycles, text, periods, place)
    return low, high, ii_low, ii_high


def _cycles(
    box: Box, target_ns: float, reached_ns: float | None, name: str
) -> tuple[int | None, int | None, int | None, int | None]:
    start = _find(box, r"\+ Latency( \(clock cycles\))?:", name)
    table = read_table(box.lines, start, name, box.start)
    if len(set(table.rows)) != 1:
        raise InputError(f"{table.place}: {len(table.rows)} rows of latency, expected one")
    return _latency_row(table.rows[0], _spanned(table, 0), (target_ns, reached_ns), table.place)


def _row(table: Bordered, label: str) -> tuple[str, ...] | None:
    rows = {row for row in table.rows if row[0].strip() == label}
    if len(rows) > 1:
        raise InputError(f"{table.place}: {label} occurs twice with different numbers")
    return next(iter(rows), None)


def _area(box: Box, name: str) -> tuple[dict[str, float | None], dict[str, int | None]]:
    table = read_table(box.lines, _find(box, r"\* Summary:", name), name, box.start)
    used: dict[str, float | None] = {}
    available: dict[str, int | None] = {}
    rows = {label: _row(table, label) for label in ("Total", "Available", "Utilization (%)")}
    for label, row in rows.items():
        if row is None:
            raise InputError(f"{table.place}: no row {label!r} in the utilisation; cut short?")
    for quantity, names in _COUNTS.items():
        column = next((table.column(n) for n in names if n in table.columns()), None)
        if column is None:
            if quantity == "uram":
                continue
            raise InputError(f"{table.place}: no column {' or '.join(names)}")
        total, limit, percent = (row[column] for row in rows.values() if row is not None)
        place = f"{table.place}, {quantity}"
        used[quantity] = count = whole(total, place)
        available[quantity] = whole(limit, place)
        check_percent(count, whole(limit, place), percent, place)
        parts = [_row(table, part) for part in _PARTS]
        found = sum(whole_or_none(part[column], place) or 0 for part in parts if part)
        if found != count:
            raise InputError(f"{place}: the parts add up to {found}, the total is {count}; damaged")
    return used, available


def _details(
    performance: Box,
    area: Box,
    used: dict[str, float | None],
    periods: tuple[float | None, float | None],
    name: str,
) -> Iterator[Module]:
    """Instances with their latency and area; loops."""
    counts = dict(_instances(area, name))
    start = _find(performance, r"\* Instance:", name)
    if performance.lines[start].strip() != "N/A":
        table = read_table(performance.lines, start, name, performance.start)
        absolute = _spanned(table, 2)
        labels = [cell.strip() for cell in table.header[-1][:2]]
        if sorted(labels) != ["Instance", "Module"]:
            raise InputError(f"{table.place}: columns {labels}, expected Instance and Module")
        for row in table.rows:
            instance, module = (row[labels.index(n)].strip() for n in ("Instance", "Module"))
            _, high, _, ii = _latency_row(row[2:], absolute, periods, f"{table.place}, {instance}")
            yield Module(
                name=module,
                latency_cycles=high,
                ii_cycles=ii,
                resources=counts.get(instance, {}),
            )
    start = _find(performance, r"\* Loop:", name)
    if performance.lines[start].strip() != "N/A":
        yield from _loops(read_table(performance.lines, start, name, performance.start))


def _loops(table: Bordered) -> Iterator[Module]:
    names = " ".join(table.header[-1]).split()
    if names != [
        "Loop",
        "Name",
        "min",
        "max",
        "Latency",
        "achieved",
        "target",
        "Count",
        "Pipelined",
    ]:
        raise InputError(f"{table.place}: the columns of a loop table are not as expected")
    for row in table.rows:
        title, _, high, iteration, achieved, _, trips, _ = row
        place = f"{table.place}, {title.strip()}"
        ends = [whole_or_none(c.split("~")[-1], place) for c in (high, iteration, achieved, trips)]
        yield Module(
            name=title.strip().lstrip("+- "),
            kind="loop",
            depth=max(1, len(title.strip()) - len(title.strip().lstrip("+"))),
            latency_cycles=ends[0],
            pipeline_depth=ends[1],
            ii_cycles=ends[2],
            trip_count=ends[3],
        )


def _instances(box: Box, name: str) -> Iterator[tuple[str, dict[str, int | None]]]:
    start = _find(box, r"\* Instance:", name)
    if box.lines[start].strip() == "N/A":
        return
    table = read_table(box.lines, start, name, box.start)
    total = _row(table, "Total")
    if total is None:
        raise InputError(f"{table.place}: no row 'Total' of the instances; cut short?")
    sums: dict[str, int] = {}
    for row in table.rows:
        found: dict[str, int | None] = {}
        for quantity, names in _COUNTS.items():
            column = next((table.column(n) for n in names if n in table.columns()), None)
            if column is not None:
                found[quantity] = whole_or_none(row[column], f"{table.place}, {row[0].strip()}")
        if row[0].strip() == "Total":
            continue
        for quantity, value in found.items():
            sums[quantity] = sums.get(quantity, 0) + (value or 0)
        yield row[0].strip(), found
    for quantity, names in _COUNTS.items():
        column = next((table.column(n) for n in names if n in table.columns()), None)
        if column is not None and (whole_or_none(total[column], table.place) or 0) != sums.get(
            quantity, 0
        ):
            raise InputError(
                f"{table.place}: {quantity} of the instances adds up to {sums.get(quantity, 0)}, "
                f"the total is {total[column].strip()}; damaged"
            )
