"""A self-checking test bench in plain Verilog, with vector files, for any simulator.

It drives the events twice, back to back and with gaps, measures cycles from valid to valid, and
compares every cut with what the emulator says: a difference is located by the first cut that
shows it. It writes the results of both runs to a file, and prints a line that a program can read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trigforge.hls.graph import Ints
from trigforge.hls.rtl.blocks import Bundle, Design
from trigforge.hls.rtl.verilog import HEADER
from trigforge.train.errors import ToolError

BENCH = "bench"
# differences that are printed one by one
SHOWN = 8


@dataclass(frozen=True)
class Difference:
    """The first integer of a cut that is wrong, ``index`` counts elements of the port."""

    event: int
    block: str
    index: int
    expected: str
    found: str


@dataclass(frozen=True)
class Measured:
    """What a simulation measured.

    Attributes:
        vectors: events that came out, over both runs.
        mismatches: wrong output words, over both runs; ``block_mismatches`` wrong words of every
            cut, in the first one.
        latency_cycles: from valid to valid, all events alike.
        ii_cycles: smallest distance of two results.
        first: where it went wrong.
    """

    vectors: int
    mismatches: int
    block_mismatches: Mapping[str, int]
    latency_cycles: int
    ii_cycles: int
    first: str | None


def words(bundle: Bundle, flat: Ints) -> list[str]:
    """Hexadecimal port words of (N, elements) integers."""
    widths = [width for _, width, _ in bundle.elements()]
    bits = [(flat[:, index, None] >> np.arange(width)) & 1 for index, width in enumerate(widths)]
    packed = np.packbits(np.concatenate(bits, axis=1).astype(np.uint8), axis=1, bitorder="little")
    digits = (bundle.width + 3) // 4
    return [row[::-1].tobytes().hex()[-digits:] for row in packed]


def vectors(design: Design, x: Ints, edges: Mapping[str, Ints]) -> dict[str, str]:
    """File name -> text: the stimulus and what every cut must show.

    Args:
        x: (N, ...) input integers.
        edges: the emulator's integers of every edge that lies on a cut.
    """
    (name,) = design.graph.inputs
    known = {name: x, **edges}
    bundles = [design.inputs, *(block.outputs for block in design.blocks)]
    return {
        f"cut{index}.hex": "\n".join(words(bundle, bundle.flat(known))) + "\n"
        for index, bundle in enumerate(bundles)
    }


def integers(bundle: Bundle, lines: Sequence[str]) -> Ints:
    """(N, elements) integers of hexadecimal port words; the inverse of :func:`words`.

    Raises:
        ToolError: a word has unknown bits.
    """
    digits = 2 * ((bundle.width + 7) // 8)
    try:
        raw = b"".join(bytes.fromhex(line.strip().zfill(digits))[::-1] for line in lines)
    except ValueError:
        raise ToolError("the simulated results have unknown bits") from None
    octets = np.frombuffer(raw, np.uint8).reshape(len(lines), -1)
    bits = np.unpackbits(octets, axis=1, bitorder="little").astype(np.int64)
    columns = []
    for low, width, signed in bundle.elements():
        weight = 1 << np.arange(width, dtype=np.int64)
        if signed:
            weight[-1] = -weight[-1]
        columns.append(bits[:, low : low + width] @ weight)
    return np.stack(columns, axis=1)


def bench(design: Design, most: int, count: int) -> str:
    """The test bench for ``count`` events; ``+count=N`` makes it another number, up to ``most``."""
    stops = np.cumsum([1, *(block.schedule.stages for block in design.blocks)]).tolist()
    blocks = range(1, len(stops))
    lines = [
        HEADER,
        "// Run it where cut*.hex lie. The last line printed begins with RESULT; results.hex holds",
        "// data_out of all events, back to back, then again with gaps.",
        "`timescale 1ns / 1ps",
        f"module {BENCH};",
        f"    localparam MOST = {most};",
        f"    integer count = {count}, results;",
        "    reg clk = 0;",
        "    reg valid_in = 0;",
        f"    reg [{design.inputs.width - 1}:0] data_in = 0;",
        "    wire valid_out;",
        f"    wire [{design.outputs.width - 1}:0] data_out;",
        f"    {design.name} dut (.clk(clk), .valid_in(valid_in), .data_in(data_in),",
        "        .valid_out(valid_out), .data_out(data_out));",
        f"    reg [{design.inputs.width - 1}:0] stimulus [0:MOST-1];",
        *(
            f"    reg [{design.blocks[i - 1].outputs.width - 1}:0] expected{i} [0:MOST-1];"
            for i in blocks
        ),
        "    integer entered [0:MOST-1];",
        *(f"    integer seen{i} = 0, wrong{i} = 0;" for i in blocks),
        "    integer cycle = 0, sent = 0, got = 0, total = 0, mismatches = 0, pass = 0;",
        "    integer shortest = 1 << 30, longest = 0, interval = 1 << 30, last = -1;",
        "    reg [15:0] random = 16'hACE1;",
        "    initial begin",
        f'        if (!$value$plusargs("count=%d", count)) count = {count};',
        '        results = $fopen("results.hex", "w");',
        '        $readmemh("cut0.hex", stimulus);',
        *(f'        $readmemh("cut{i}.hex", expected{i});' for i in blocks),
        "    end",
        "    always #1 clk = ~clk;",
        "    // inputs change on the falling edge, results are read just before the rising one",
        "    always @(negedge clk) begin",
        "        random <= {random[14:0], random[15] ^ random[13] ^ random[12] ^ random[10]};",
        "        valid_in <= 0;",
        "        data_in <= ~data_in;",
        "        if (sent < count && (pass == 0 || random[1:0] == 0)) begin",
        "            valid_in <= 1;",
        "            data_in <= stimulus[sent];",
        "            entered[sent] = cycle;",
        "            sent = sent + 1;",
        "        end",
        "    end",
        "    always @(posedge clk) begin",
        "        cycle <= cycle + 1;",
    ]
    for i in blocks:
        block = design.blocks[i - 1].name
        lines += [
            f"        if (dut.valid[{stops[i] - 1}] && pass == 0) begin",
            f"            if (dut.cut{i} !== expected{i}[seen{i}]) begin",
            f"                if (wrong{i} < {SHOWN})",
            "                    $display(",
            f'                        "DIFFERENCE event=%0d block={block} expected=%h found=%h",',
            f"                        seen{i}, expected{i}[seen{i}], dut.cut{i});",
            f"                wrong{i} = wrong{i} + 1;",
            "            end",
            f"            seen{i} = seen{i} + 1;",
            "        end",
        ]
    final = len(design.blocks)
    counts = " ".join(f"{design.blocks[i - 1].name}=%0d" for i in blocks)
    names = ", ".join(f"wrong{i}" for i in blocks)
    lines += [
        "        if (valid_out) begin",
        '            $fdisplay(results, "%h", data_out);',
        f"            if (data_out !== expected{final}[got]) mismatches = mismatches + 1;",
        "            if (cycle - entered[got] < shortest) shortest = cycle - entered[got];",
        "            if (cycle - entered[got] > longest) longest = cycle - entered[got];",
        "            if (last >= 0 && cycle - last < interval) interval = cycle - last;",
        "            last = cycle;",
        "            got = got + 1;",
        "            total = total + 1;",
        "            if (got == count) begin",
        "                if (pass == 1) begin",
        f'                    $display("BLOCKS {counts}", {names});',
        '                    $display("RESULT events=%0d mismatches=%0d ", total, mismatches,',
        '                        "shortest=%0d longest=%0d interval=%0d",',
        "                        shortest, longest, interval);",
        "                    $fclose(results);",
        "                    $finish;",
        "                end",
        "                pass = 1;",
        "                sent = 0;",
        "                got = 0;",
        "                last = -1;",
        "            end",
        "        end",
        f"        if (cycle > 20 * count + {40 * design.latency_cycles}) begin",
        '            $display("RESULT events=%0d too few", total);',
        "            $finish;",
        "        end",
        "    end",
        "endmodule",
        "",
    ]
    return "\n".join(lines)


def read(design: Design, text: str, count: int) -> Measured:
    """What a simulator printed.

    Raises:
        ToolError: results are missing, or events took different times.
    """
    found = re.search(
        r"^RESULT events=(\d+) mismatches=(\d+) shortest=(\d+) longest=(\d+) interval=(\d+)$",
        text,
        re.M,
    )
    if found is None or int(found[1]) != 2 * count:
        last = " ".join(text.strip().splitlines()[-1:])
        raise ToolError(f"simulation of {design.name} ended early: {last!r}")
    _, mismatches, shortest, longest, interval = (int(group) for group in found.groups())
    if not shortest == longest == design.latency_cycles:
        raise ToolError(
            f"simulation of {design.name}: latencies of {shortest} to {longest} cycles, "
            f"the port map promises {design.latency_cycles}"
        )
    blocks = re.search(r"^BLOCKS (.+)$", text, re.M)
    wrong = dict(pair.split("=") for pair in blocks[1].split()) if blocks else {}
    return Measured(
        vectors=2 * count,
        mismatches=mismatches,
        block_mismatches={name: int(number) for name, number in wrong.items()},
        latency_cycles=shortest,
        ii_cycles=interval,
        first=_first(design, text),
    )


def _first(design: Design, text: str) -> str | None:
    """The earliest block that differs, and the element in it."""
    pattern = r"^DIFFERENCE event=(\d+) block=(\w+) expected=([0-9a-fx]+) found=([0-9a-fxz]+)$"
    found = re.findall(pattern, text, re.M)
    for block in design.blocks:
        for event, name, expected, got in found:
            if name == block.name:
                where = element(block.outputs, expected, got)
                nodes = ", ".join(node.name for node in block.nodes)
                return f"{name} ({nodes}): {where} of event {event}"
    return None


def element(bundle: Bundle, expected: str, found: str) -> str:
    """The first element in which two port words differ."""
    if not re.fullmatch(r"[0-9a-f]+", found):
        return "unknown bits"
    different = int(expected, 16) ^ int(found, 16)
    names = _names(bundle)
    for (low, width, _), name in zip(bundle.elements(), names, strict=True):
        if different >> low & ((1 << width) - 1):
            return name
    return "no element"


def _names(bundle: Bundle) -> Sequence[str]:
    return [
        f"{name}[{','.join(map(str, index))}]"
        for name, edge in bundle.edges.items()
        for index in np.ndindex(*edge.shape)
    ]
