"""C/RTL co-simulation: the vendor's report, its log, and the outputs that a test bench wrote."""

from __future__ import annotations

import re

from trigforge.hls.reports.tools.numbers import real, whole, whole_or_none
from trigforge.hls.reports.tools.record import Fact, Record, observations
from trigforge.train.errors import InputError

_HEADER = (
    r"\| +\| +\| +Latency\(Clock Cycles\) +\| +Interval\(Clock Cycles\) +\| "
    r"+Total Execution Time +\|",
    r"\| +\| +\| +min +\| +avg +\| +max +\| +min +\| +avg +\| +max +\| +\|",
)
_LANGUAGES = ("VHDL", "Verilog")
_VERDICT = re.compile(r"C/RTL co-simulation finished: (PASS|FAIL)")


def read_cosim(text: str, name: str) -> Record:
    """Read ``<top>_cosim.rpt``: cycles of every transaction that the test bench ran.

    Raises:
        InputError: incomplete, contradictory or damaged.
    """
    for pattern in _HEADER:
        if len(re.findall(rf"^{pattern}$", text, re.M)) != 1:
            raise InputError(f"{name}: the header of the table is not as expected; damaged")
    rows: dict[str, list[str]] = {}
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0] in _LANGUAGES:
            if len(cells) != 9 or not line.rstrip().endswith("|"):
                raise InputError(f"{name}: the row {cells[0]} has {len(cells)} cells, expected 9")
            if rows.setdefault(cells[0], cells) != cells:
                raise InputError(f"{name}: two rows {cells[0]}; two reports in one file?")
    ran = [cells for cells in rows.values() if cells[1] not in ("NA", "-")]
    if len(ran) != 1:
        raise InputError(f"{name}: {len(ran)} languages were simulated, expected one; cut short?")
    language, status, *numbers = ran[0]
    if status not in ("Pass", "Fail"):
        raise InputError(f"{name}: Status is {status[:40]!r}, expected Pass or Fail")
    low, mean, high, ii_low, ii_mean, ii_high, total = (
        whole_or_none(cell, f"{name}, {language}") for cell in numbers
    )
    for least, middle, most in ((low, mean, high), (ii_low, ii_mean, ii_high)):
        known = [n for n in (least, middle, most) if n is not None]
        if known != sorted(known):
            raise InputError(f"{name}: minimum, mean and maximum are out of order; damaged")
    if total is not None and high is not None and high > total:
        raise InputError(f"{name}: {high} cycles of latency in {total} in total; damaged")
    passed = status == "Pass"
    design = re.search(r"Cosimulation Report for '(\w+)'", text)
    return Record(
        kind="cosim",
        tool="cosim",
        version="unknown",
        source_file=name,
        design=design[1] if design else None,
        observations=observations(
            {"latency_cycles": high, "ii_cycles": ii_high} if passed else {},
            {},
            {"cycles": "cosim"},
            "cosim",
            "unknown",
            name,
        ),
        facts={"passed": passed, "language": language},
    )


def read_cosim_log(text: str, name: str) -> Record:
    """Read the verdict of a co-simulation's log.

    Raises:
        InputError: two different verdicts.
    """
    found = set(_VERDICT.findall(text))
    if len(found) != 1:
        raise InputError(f"{name}: {len(found)} verdicts of a co-simulation, expected one")
    transactions = {whole(n, name) for n in re.findall(r"RTL Simulation : \d+ / (\d+)", text)}
    if len(transactions) > 1:
        raise InputError(f"{name}: two numbers of transactions; two logs in one file?")
    facts: dict[str, Fact] = {"passed": found == {"PASS"}}
    if transactions:
        facts["transactions"] = transactions.pop()
    return Record(
        kind="cosim-log",
        tool="cosim",
        version="unknown",
        source_file=name,
        facts=facts,
    )


def read_cosim_values(text: str, name: str) -> Record:
    """Count what hls4ml's test bench wrote: one event per line, numbers only; no cycles in it.

    Raises:
        InputError: something else than numbers, or events of different lengths.
    """
    if not text.endswith("\n"):
        raise InputError(f"{name}: the last line does not end; cut short?")
    events = [line.split() for line in text.split("\n") if line.strip()]
    for number, values in enumerate(events, 1):
        if len(values) != len(events[0]):
            raise InputError(
                f"{name}, line {number}: {len(values)} values, {len(events[0])} in the first line"
            )
        for value in values:
            real(value, f"{name}, line {number}")
    return Record(
        kind="cosim-values",
        tool="cosim",
        version="unknown",
        source_file=name,
        facts={"events": len(events), "values_per_event": len(events[0])},
    )
