"""Design size of Vitis HLS (``csynth_design_size.xml``): instructions of the compiled design.

No latency and no resources, but the first sign of a design that is too large for the tool.
"""

from __future__ import annotations

from trigforge.hls.reports.tools.numbers import whole
from trigforge.hls.reports.tools.record import Record
from trigforge.hls.reports.tools.xml_tree import parse_xml
from trigforge.train.errors import InputError


def read_design_size(text: str, name: str) -> Record:
    """Read the instructions before any loop is unrolled.

    Raises:
        InputError: damaged, hostile or empty.
    """
    root = parse_xml(text, name)
    item = next(
        (i for i in root.all("item") if i.attributes.get("name", "").startswith("Total")), None
    )
    table = item.child("table", name) if item else None
    if table is None:
        raise InputError(f"{name}: no table of instructions; is the report whole?")
    counts = set()
    for column in table.all("column"):
        if column.attributes.get("name") != "Compile/Link":
            continue
        cells = [cell.strip(" *") for cell in column.text.split(",")]
        if len(cells) < 3:
            raise InputError(f"{name}: a row {column.text[:60]!r}, expected step and instructions")
        counts.add(whole(cells[1], f"{name}: instructions"))
    if len(counts) != 1:
        raise InputError(f"{name}: {len(counts)} numbers of compiled instructions, expected one")
    return Record(
        kind="design-size",
        tool="vitis_hls",
        version="unknown",
        source_file=name,
        facts={"instructions_compiled": counts.pop()},
    )
