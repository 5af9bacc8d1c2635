"""Logic synthesis with Yosys: ``stat`` of a design mapped to Xilinx cells, as text or JSON.

LUTs are the sum of LUT1 to LUT6 plus what shift registers and distributed RAM occupy; an estimate
of how they would be packed ("LC") is not used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from trigforge.hls.reports.tools.record import Record, observations
from trigforge.train.errors import InputError

# cell -> LUTs (UG974); flip-flops, DSP and memories by their own names
_LUTS = {
    **{f"LUT{n}": 1 for n in range(1, 7)},
    "LUT6_2": 1,
    "SRL16E": 1,
    "SRLC16E": 1,
    "SRLC32E": 1,
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1S": 2,
    "RAM128X1D": 4,
    "RAM256X1S": 4,
    "RAM256X1D": 8,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32M16": 8,
    "RAM64M8": 8,
    "RAM512X1S": 8,
}
_FF = {"FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1", "LDCE", "LDPE"}
_DSP = {"DSP48E1", "DSP48E2"}
_BRAM_18K = {"RAMB18E1": 1, "RAMB18E2": 1, "RAMB36E1": 2, "RAMB36E2": 2}
_URAM = {"URAM288", "URAM288_BASE"}
_FREE = re.compile(
    r"(CARRY[48]|MUXF[789]|INV|[IO]?BUFG?|BUFGCTRL|BUFGCE|IOBUF|GND|VCC|[IO]BUF\w*|\$scopeinfo)"
)


def read_yosys_text(text: str, name: str) -> Record:
    """Read the printed statistics; of several modules the one that says ``design hierarchy``.

    Raises:
        InputError: cut short, or cells that are no part of a device.
    """
    blocks = re.split(r"^=== (.+) ===$", text, flags=re.M)
    titles, bodies = blocks[1::2], blocks[2::2]
    if not titles:
        raise InputError(f"{name}: no '=== module ===' in Yosys's statistics; cut short?")
    if len(set(titles)) != len(titles):
        raise InputError(f"{name}: {titles[0]!r} occurs twice; two reports in one file? Split them")
    chosen = titles.index("design hierarchy") if "design hierarchy" in titles else 0
    if chosen == 0 and len(titles) > 1:
        raise InputError(f"{name}: {len(titles)} modules and no 'design hierarchy'; cut short?")
    total: set[int] = set()
    cells: dict[str, int] = {}
    counting = False
    for line in bodies[chosen].split("\n"):
        line = line.replace("|", " ").strip()
        number = re.fullmatch(r"Number of cells: +(\d{1,12})|(\d{1,12})(?: +\S+)? cells", line)
        cell = re.fullmatch(
            r"([\w$\\.]+) +(\d{1,12})|(\d{1,12})(?: +[\d.e+-]+)? +([\w$\\.]+)", line
        )
        if number:
            total.add(int(number[1] or number[2]))
            counting = True
        elif counting and cell:
            kind, count = cell[1] or cell[4], int(cell[2] or cell[3])
            if cells.setdefault(kind, count) != count:
                raise InputError(f"{name}: two counts of {kind}; damaged")
        elif counting and cells and not line:
            break
    if len(total) != 1:
        raise InputError(f"{name}: {len(total)} numbers of cells, expected one; cut short?")
    version = re.search(r"Yosys (\d+\.\d+(?:\+\d+)?)", text)
    design = next((t for t in titles if t != "design hierarchy"), None)
    return _record(cells, total.pop(), version[1] if version else "unknown", design, name)


def read_yosys_json(data: Mapping[str, Any], name: str) -> Record:
    """Read ``stat -json``.

    Raises:
        InputError: a part is missing or of another type.
    """
    version = re.match(r"Yosys (\d+\.\d+(?:\+\d+)?)", str(data.get("creator")))
    modules, design = data.get("modules"), data.get("design")
    if not isinstance(modules, dict) or not modules:
        raise InputError(f"{name}: no modules in Yosys's statistics")
    if not isinstance(design, dict):
        if len(modules) > 1:
            raise InputError(f"{name}: {len(modules)} modules and no total 'design'")
        design = next(iter(modules.values()))
    cells = design.get("num_cells_by_type") if isinstance(design, dict) else None
    total = design.get("num_cells") if isinstance(design, dict) else None
    if not isinstance(cells, dict) or not isinstance(total, int):
        raise InputError(f"{name}: num_cells or num_cells_by_type is missing or of another type")
    # the total of a hierarchy lists its modules beside the cells, and does not count them
    parts = {module.lstrip("\\") for module in modules}
    cells = {kind: count for kind, count in cells.items() if kind not in parts}
    for kind, count in cells.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise InputError(f"{name}: {json.dumps(count)[:40]} cells of {kind}, expected a count")
    top = next(iter(modules)).lstrip("\\") if len(modules) == 1 else None
    return _record(cells, total, version[1] if version else "unknown", top, name)


def occupied(cells: Mapping[str, int]) -> dict[str, int]:
    """Quantity -> how many of it some cells take."""
    return {
        "lut": sum(_LUTS.get(kind, 0) * count for kind, count in cells.items()),
        "ff": sum(count for kind, count in cells.items() if kind in _FF),
        "dsp": sum(count for kind, count in cells.items() if kind in _DSP),
        "bram_18k": sum(_BRAM_18K.get(kind, 0) * count for kind, count in cells.items()),
        "uram": sum(count for kind, count in cells.items() if kind in _URAM),
    }


def _record(
    cells: Mapping[str, int], total: int, version: str, design: str | None, name: str
) -> Record:
    if sum(cells.values()) != total:
        raise InputError(
            f"{name}: the cells add up to {sum(cells.values())}, the total is {total}; damaged"
        )
    known = {*_LUTS, *_FF, *_DSP, *_BRAM_18K, *_URAM}
    strange = [kind for kind in cells if kind not in known and not _FREE.fullmatch(kind)]
    if strange:
        raise InputError(
            f"{name}: {strange[0]} is no cell of a Xilinx device; run synth_xilinx -flatten first"
        )
    values: dict[str, float | None] = {**occupied(cells)}
    return Record(
        kind="logic-synthesis",
        tool="yosys",
        version=version,
        source_file=name,
        design=design,
        observations=observations(
            values, {}, {"resources": "logic-synthesis"}, "yosys", version, name
        ),
        facts={"cells": total},
    )
