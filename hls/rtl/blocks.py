"""The graph cut into blocks, one Verilog module each: what lies between two quantisers.

A register bank stands at every cut, so that a difference is located by comparing the cuts with
the emulator's edges, and each block is synthesised by itself. Cuts lie behind quantisers, where
edges are narrowest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from trigforge.hls.graph import Edge, Graph, Ints, Node
from trigforge.hls.ops import (
    Conv,
    ConvTranspose,
    Dense,
    Highest,
    Lookup,
    MaxPool,
    Mul,
    Quantise,
    Thresholds,
    Total,
)
from trigforge.hls.rtl import delays, trace, variables
from trigforge.hls.rtl.linear import LinearSolver
from trigforge.hls.rtl.netlist import Netlist, Schedule, netlist, schedule, widest_delay
from trigforge.train.errors import UnsupportedError

NARROWING = (Quantise, Thresholds, Lookup)
WORKING = (Conv, ConvTranspose, Dense, Highest, MaxPool, Mul, Total)


@dataclass(frozen=True)
class Bundle:
    """Edges side by side on one port, the first one lowest.

    Attributes:
        edges: name -> edge; elements in C order of (H, W, C), channels fastest, each as wide as
            the edge's format.
    """

    edges: dict[str, Edge]

    @property
    def width(self) -> int:
        """Bits of the port."""
        return sum(prod(e.shape) * e.format.width for e in self.edges.values())

    def offset(self, name: str) -> int:
        """Lowest bit of an edge."""
        before = 0
        for other, edge in self.edges.items():
            if other == name:
                return before
            before += prod(edge.shape) * edge.format.width
        raise KeyError(name)

    def elements(self) -> list[tuple[int, int, bool]]:
        """(lowest bit, width, signed) of every element."""
        found, position = [], 0
        for edge in self.edges.values():
            width = edge.format.width
            for _ in range(prod(edge.shape)):
                found.append((position, width, edge.format.signed))
                position += width
        return found

    def flat(self, values: dict[str, Ints]) -> Ints:
        """(N, elements) integers of all edges."""
        return np.concatenate([values[n].reshape(len(values[n]), -1) for n in self.edges], axis=1)

    def split(self, flat: Ints) -> dict[str, Ints]:
        """The edges' integers, each (N, ...), from (N, elements)."""
        found, start = {}, 0
        for name, edge in self.edges.items():
            stop = start + prod(edge.shape)
            found[name] = flat[:, start:stop].reshape(len(flat), *edge.shape)
            start = stop
        return found


@dataclass(frozen=True)
class Block:
    """One module: its logic and in which pipeline stage each operation lies."""

    name: str
    nodes: tuple[Node, ...]
    inputs: Bundle
    outputs: Bundle
    netlist: Netlist
    schedule: Schedule


@dataclass(frozen=True)
class Design:
    """A pipelined network: an input register, then the blocks in order.

    Attributes:
        period_ns: clock period that the stages were chosen for.
    """

    name: str
    graph: Graph
    blocks: tuple[Block, ...]
    period_ns: float

    @property
    def inputs(self) -> Bundle:
        """The input port."""
        return self.blocks[0].inputs

    @property
    def outputs(self) -> Bundle:
        """The output port."""
        return self.blocks[-1].outputs

    @property
    def latency_cycles(self) -> int:
        """Clock edges from the input to the output; what a simulation must find too."""
        return 1 + sum(block.schedule.stages for block in self.blocks)

    def run(self, x: Ints) -> dict[str, Ints]:
        """Integers of every edge at a cut, by da4ml's interpreter, for (N, ...) inputs."""
        (name,) = self.graph.inputs
        found = {name: x.astype(np.int64)}
        for block in self.blocks:
            outputs = block.netlist.run(block.inputs.flat(found))
            found.update(block.outputs.split(outputs))
        return found


def build(graph: Graph, period_ns: float, name: str | None = None) -> Design:
    """Trace a lowered graph and pipeline it for a clock.

    Raises:
        UnsupportedError: an operation without hardware, too large to unroll, or one that does not
            fit into a clock period.
    """
    trace.check(graph)
    limit = round(period_ns * 1000) - delays.REGISTER
    solver = LinearSolver()
    blocks: list[Block] = []
    for index, nodes in enumerate(_cuts(graph)):
        inputs = Bundle(_live(graph, blocks[-1].outputs if blocks else None, nodes))
        done = {n.name for b in blocks for n in b.nodes} | {n.name for n in nodes}
        after = [node for node in graph.nodes if node.name not in done]
        outputs = Bundle(_needed(graph, inputs, nodes, after))
        logic = _traced(graph, nodes, inputs, outputs, solver)
        slow = widest_delay(logic)
        if slow > limit:
            raise UnsupportedError(
                f"nodes {', '.join(n.name for n in nodes)}: one operation takes "
                f"{(slow + delays.REGISTER) / 1000:.2f} ns, longer than the clock period of "
                f"{period_ns:.3f} ns; quantise its inputs to fewer bits"
            )
        title = next((n for n in nodes if isinstance(n, WORKING)), nodes[0]).name
        blocks.append(
            Block(
                name=f"b{index}_{identifier(title)}",
                nodes=tuple(nodes),
                inputs=inputs,
                outputs=outputs,
                netlist=logic,
                schedule=schedule(logic, limit),
            )
        )
    return Design(f"{identifier(name or graph.name)}_top", graph, tuple(blocks), period_ns)


def identifier(text: str) -> str:
    """A Verilog identifier made of any name."""
    cleaned = re.sub(r"\W", "_", text, flags=re.ASCII)
    return cleaned if re.match(r"[A-Za-z_]", cleaned) else f"n{cleaned}"


def _cuts(graph: Graph) -> list[list[Node]]:
    """The nodes in order, cut behind quantisers that follow some arithmetic."""
    blocks: list[list[Node]] = [[]]
    for node in graph.nodes:
        blocks[-1].append(node)
        if isinstance(node, NARROWING) and any(isinstance(n, WORKING) for n in blocks[-1]):
            blocks.append([])
    if not blocks[-1]:
        blocks.pop()
    if len(blocks) > 1 and not any(isinstance(n, WORKING) for n in blocks[-1]):
        # what only renames or narrows needs no registers of its own
        blocks[-2:] = [blocks[-2] + blocks[-1]]
    return blocks


def _live(graph: Graph, before: Bundle | None, nodes: Sequence[Node]) -> dict[str, Edge]:
    if before is not None:
        return before.edges
    return {name: graph.edges[name] for name in graph.inputs}


def _needed(
    graph: Graph, inputs: Bundle, nodes: Sequence[Node], after: Sequence[Node]
) -> dict[str, Edge]:
    """Edges that a later node reads, or the graph's outputs."""
    known = [*inputs.edges, *(node.output for node in nodes)]
    read = {name for node in after for name in node.inputs} | set(graph.outputs)
    return {name: graph.edges[name] for name in known if name in read}


def _traced(
    graph: Graph, nodes: Sequence[Node], inputs: Bundle, outputs: Bundle, solver: LinearSolver
) -> Netlist:
    known: dict[str, variables.Variables] = {}
    sources: list[variables.Variable] = []
    for name, edge in inputs.edges.items():
        ends = (np.broadcast_to(end, edge.shape).ravel().tolist() for end in (edge.lo, edge.hi))
        own = [variables.fresh(lo, hi) for lo, hi in zip(*ends, strict=True)]
        array = np.empty(len(own), object)
        array[:] = own
        known[name] = array.reshape(edge.shape)
        sources += own
    found = trace.trace(nodes, graph.edges, known, solver)
    results = [variable for name in outputs.edges for variable in found[name].ravel()]
    return netlist(sources, results)
