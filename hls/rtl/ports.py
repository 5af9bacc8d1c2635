"""What lies on the ports: a map for machines (JSON) and for people (Markdown)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from trigforge.hls.graph import Edge
from trigforge.hls.rtl.blocks import Bundle, Design

SCHEMA = 1

# rows of a Markdown table; the JSON has all
SHOWN = 64


def port_map(design: Design) -> dict[str, Any]:
    """The ports of the top level and the schedule."""
    return {
        "schema": SCHEMA,
        "top": design.name,
        "clock": "clk",
        "valid": {"in": "valid_in", "out": "valid_out"},
        "latency_cycles": design.latency_cycles,
        "ii_cycles": 1,
        "period_ns": design.period_ns,
        "ports": {
            "data_in": _port(design.inputs),
            "data_out": _port(design.outputs),
        },
        "cuts": [
            {
                "module": block.name,
                "nodes": [node.name for node in block.nodes],
                "stages": block.schedule.stages,
                "stage_levels": list(block.schedule.levels),
                "stage_delays_ns": [delay / 1000 for delay in block.schedule.delays_ps],
                "out": _port(block.outputs),
            }
            for block in design.blocks
        ],
    }


def port_table(design: Design) -> str:
    """The same for people."""
    lines = [
        f"# Ports of {design.name}",
        "",
        f"An event may enter in every cycle of `clk`. `valid_out` follows `valid_in` by "
        f"{design.latency_cycles} cycles; there is neither a reset nor a stall. An element's value "
        "is its integer times 2^-fraction; `s` is two's complement, `u` unsigned.",
    ]
    for port, bundle in (("data_in", design.inputs), ("data_out", design.outputs)):
        lines += ["", f"## {port}[{bundle.width - 1}:0]", "", "| bits | name | type | fraction |"]
        lines.append("|---|---|---|---|")
        rows = list(_elements(bundle))
        for low, name, edge in rows[:SHOWN]:
            form = f"{'s' if edge.format.signed else 'u'}{edge.format.width}"
            high = low + edge.format.width - 1
            lines.append(f"| {high}:{low} | {name} | {form} | {edge.fraction} |")
        if len(rows) > SHOWN:
            lines.append(f"| ... | {len(rows) - SHOWN} more, in the same order | | |")
    lines += ["", "## Pipeline", "", "| module | nodes | stages | levels | longest |"]
    lines.append("|---|---|---|---|---|")
    for block in design.blocks:
        nodes = ", ".join(node.name for node in block.nodes)
        levels = " ".join(map(str, block.schedule.levels))
        longest = max(block.schedule.delays_ps) / 1000
        stages = block.schedule.stages
        lines.append(f"| {block.name} | {nodes} | {stages} | {levels} | {longest:.2f} ns |")
    lines += [
        "",
        f"Levels of LUTs and carry blocks per stage are modelled for a clock of "
        f"{design.period_ns:.3f} ns (`assumed`: nothing has been placed or routed).",
        "",
    ]
    return "\n".join(lines)


def _port(bundle: Bundle) -> dict[str, Any]:
    return {
        "bits": bundle.width,
        "edges": [
            {
                "name": name,
                "lowest_bit": bundle.offset(name),
                "shape": list(edge.shape),
                "order": "C order of the shape, channels fastest, first element lowest",
                "width": edge.format.width,
                "signed": edge.format.signed,
                "fraction": edge.fraction,
            }
            for name, edge in bundle.edges.items()
        ],
    }


def _elements(bundle: Bundle) -> Iterator[tuple[int, str, Edge]]:
    """(lowest bit, name, edge) of every element."""
    for name, edge in bundle.edges.items():
        indices = itertools.product(*(range(size) for size in edge.shape))
        for position, index in enumerate(indices):
            where = ",".join(map(str, index))
            yield bundle.offset(name) + position * edge.format.width, f"{name}[{where}]", edge
