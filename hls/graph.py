"""The exact graph: every edge lies on a grid of known step and known range.

Activations are channels-last, (H, W, C) or (C,), without the batch axis. An edge's integers stand
for integer * 2^-fraction. Building a graph *is* the range analysis: each node derives its output
edge from its input edges and its own weights, so no edge can be wider or narrower than proven.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.formats import Format
from trigforge.hls.forms import Form
from trigforge.train.errors import UnsupportedError

Ints = NDArray[np.int64]

# Interval ends are int64; what could leave it is refused rather than wrapped.
LARGEST_BITS = 62


def check_bits(magnitude: float) -> None:
    """Raise ``OverflowError`` when integers of this size could leave the range analysis."""
    if magnitude >= 2.0**LARGEST_BITS:
        raise OverflowError(f"values may reach {magnitude:.3g}, beyond {LARGEST_BITS} bits")


@dataclass(frozen=True, eq=False)
class Edge:
    """A tensor of the exact graph.

    Attributes:
        shape: (H, W, C) or (C,).
        format: holds every value of the edge.
        lo: (C,) smallest integer that each channel can take.
        hi: (C,) largest integer that each channel can take.
        form: how the edge depends on earlier ones, where that is affine.
        energy: largest sum of squares, over the pixels of each channel (C,), or over a vector (1,).
        sums: largest sum over the pixels of each channel (C,), or over a vector (1,), where that is
            less than every pixel at its end.
    """

    shape: tuple[int, ...]
    format: Format
    lo: Ints
    hi: Ints
    form: Form | None = None
    energy: Ints | None = None
    sums: Ints | None = None

    def __post_init__(self) -> None:
        if self.lo.shape != (self.shape[-1],) or self.hi.shape != (self.shape[-1],):
            raise ValueError(f"ranges of shape {self.lo.shape}, expected ({self.shape[-1]},)")
        if not self.format.holds(int(self.lo.min()), int(self.hi.max())):
            raise ValueError(f"{self.format} does not hold [{self.lo.min()}, {self.hi.max()}]")

    @classmethod
    def full(cls, shape: tuple[int, ...], fmt: Format) -> Edge:
        """An edge that can take every value of its format."""
        channels = shape[-1]
        lo = np.full(channels, fmt.min_int, np.int64)
        return cls(shape, fmt, lo, np.full(channels, fmt.max_int, np.int64))

    @classmethod
    def tight(
        cls, shape: tuple[int, ...], fraction: int, lo: Ints, hi: Ints, form: Form | None = None
    ) -> Edge:
        """An edge in the narrowest format for its ranges."""
        return cls(shape, Format.smallest(int(lo.min()), int(hi.max()), fraction), lo, hi, form)

    def knowing(self, *, energy: Ints | None = None, sums: Ints | None = None) -> Edge:
        """The same edge with what else is proven of it."""
        return replace(self, energy=energy, sums=sums)

    @property
    def fraction(self) -> int:
        """Bits behind the binary point."""
        return self.format.fraction

    @property
    def magnitude(self) -> int:
        """Largest absolute integer on the edge."""
        return int(max(-self.lo.min(), self.hi.max(), 0))


@dataclass(frozen=True, eq=False, kw_only=True)
class Node:
    """One operation. Subclasses add their parameters and say how ranges propagate."""

    op: ClassVar[str]

    name: str
    inputs: tuple[str, ...]
    output: str

    def infer(self, *inputs: Edge) -> Edge:
        """The output edge for given input edges.

        Raises:
            UnsupportedError: shapes or formats do not fit the operation.
        """
        raise NotImplementedError

    def block(self, start: int, stop: int) -> Node:
        """The same operation for channels ``start`` to ``stop`` of its input alone.

        Only meaningful for operations that treat every channel by itself; those with parameters
        per channel override it.
        """
        return self

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits that a float needs to carry every intermediate of this node exactly."""
        return self.infer(*inputs).magnitude.bit_length()

    def refuse(self, reason: str) -> UnsupportedError:
        """An error that names this node."""
        return UnsupportedError(f"node {self.name} ({self.op}): {reason}")


def typed(node: Node, edges: Mapping[str, Edge]) -> Edge:
    """The edge that a node writes, given all edges before it.

    Raises:
        UnsupportedError: an input is undefined, the output defined already, or the operation does
            not fit its inputs.
    """
    missing = [edge for edge in node.inputs if edge not in edges]
    if missing:
        raise node.refuse(f"reads {missing[0]}, which nothing before it produces")
    if node.output in edges:
        raise node.refuse(f"writes {node.output}, which exists already")
    try:
        return node.infer(*(edges[name] for name in node.inputs))
    except OverflowError as error:
        raise node.refuse(f"{error}; use fewer bits") from None


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in execution order and the typed edges between them."""

    name: str
    inputs: Mapping[str, Edge]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    edges: Mapping[str, Edge]

    @classmethod
    def build(
        cls, name: str, inputs: Mapping[str, Edge], nodes: Sequence[Node], outputs: Sequence[str]
    ) -> Graph:
        """Type every edge, from the inputs on.

        Raises:
            UnsupportedError: an edge is undefined or defined twice, or an operation does not fit.
        """
        # an edge's identity says whether two operations read the same numbers
        edges = {name: replace(edge) for name, edge in inputs.items()}
        for node in nodes:
            edges[node.output] = typed(node, edges)
        return cls._checked(name, inputs, nodes, outputs, edges)

    @classmethod
    def _checked(
        cls,
        name: str,
        inputs: Mapping[str, Edge],
        nodes: Sequence[Node],
        outputs: Sequence[str],
        edges: Mapping[str, Edge],
    ) -> Graph:
        for output in outputs:
            if output not in edges:
                raise UnsupportedError(f"graph {name}: output {output} is not produced")
        return cls(name, dict(inputs), tuple(nodes), tuple(outputs), edges)

    def rebuilt(self, nodes: Sequence[Node]) -> Graph:
        """The same graph with other nodes; outputs and inputs keep their names.

        What reads the same edges as before keeps its own, so that a pass costs what it changes.
        """
        before = {node: (self.node_inputs(node), self.edges[node.output]) for node in self.nodes}
        edges = {name: self.edges[name] for name in self.inputs}
        for node in nodes:
            inputs, output = before.get(node, ((), None))
            same = output is not None and all(
                edges.get(name) is edge for name, edge in zip(node.inputs, inputs, strict=True)
            )
            fresh = same and node.output not in edges
            edges[node.output] = output if fresh and output else typed(node, edges)
        return Graph._checked(self.name, self.inputs, nodes, self.outputs, edges)

    def producer(self, edge: str) -> Node | None:
        """The node that writes an edge; ``None`` for graph inputs."""
        return next((node for node in self.nodes if node.output == edge), None)

    def consumers(self, edge: str) -> list[Node]:
        """The nodes that read an edge."""
        return [node for node in self.nodes if edge in node.inputs]

    def node_inputs(self, node: Node) -> tuple[Edge, ...]:
        """The input edges of a node."""
        return tuple(self.edges[name] for name in node.inputs)
