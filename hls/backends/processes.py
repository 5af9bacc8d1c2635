"""The dataflow processes that hls4ml's streaming pipeline (Vitis, io_stream) makes of a graph.

Every layer is a process that reads one pixel (all channels) per step from its input streams and
writes a pixel whenever its window is complete. The service times were read off Vivado HLS
C-synthesis reports of hls4ml designs, see ``docs/estimates.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from trigforge.hls.backends.steps import Steps, copying, padding, steps_of
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import Conv, Dense, Flatten, LeakyRelu, Quantise

Kind = Literal["pad", "clone", "node"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Process:
    """One dataflow process.

    Attributes:
        node: name of the graph node that it belongs to; a clone belongs to the cloned edge.
        kind: what a node does by itself, the padding before it, or a copy of a stream.
        sources: streams it reads.
        stream: stream it writes; its edge gives the pixel width.
        steps: what it does for one event.
    """

    node: str
    kind: Kind
    sources: tuple[str, ...]
    stream: str
    edge: Edge
    steps: Steps

    @property
    def cycles(self) -> int:
        """Cycles for one event when no pixel is late: what C-synthesis reports for the layer."""
        return int(self.steps.service.sum()) + self.steps.depth

    @property
    def pixels_out(self) -> int:
        """Pixels written per event."""
        return int(self.steps.emits.sum())


def processes(graph: Graph, reuse: Mapping[str, int]) -> Iterable[Process]:
    """The dataflow processes of a graph in order, clones and paddings included."""
    for name in graph.inputs:
        yield from _clones(graph, name)
    for node in graph.nodes:
        if isinstance(node, Flatten) or is_fused(graph, node):
            continue  # the stream is read on as it is; the quantiser is its layer's result type
        last = _absorbed(graph, node)
        yield from _of_node(graph, node, last, reuse.get(node.name, 1))
        yield from _clones(graph, last.output)


def multiplications(node: Conv | Dense) -> tuple[int, int]:
    """(inputs, outputs) of the matrix product that one window costs."""
    *inputs, outputs = node.weight.shape
    return math.prod(inputs), outputs


def _of_node(graph: Graph, node: Node, last: Node, reuse: int) -> Iterable[Process]:
    sources = tuple(_branch(graph, name, node) for name in dict.fromkeys(node.inputs))
    x = graph.edges[stream_of(graph, node.inputs[0])]
    if isinstance(node, Conv):
        if node.groups != 1:
            raise node.refuse("is grouped; lower it with split_groups before estimating")
        if any(node.pads):
            steps = padding(x, node.pads)
            top, left, bottom, right = node.pads
            shape = (x.shape[0] + top + bottom, x.shape[1] + left + right, x.shape[2])
            x, stream = Edge(shape, x.format, x.lo, x.hi), f"{node.name}:pad"
            yield Process(
                node=node.name, kind="pad", sources=sources, stream=stream, edge=x, steps=steps
            )
            sources = (stream,)
    y = graph.edges[last.output]
    steps = steps_of(node, x, graph.edges[node.output], reuse)
    yield Process(
        node=node.name, kind="node", sources=sources, stream=last.output, edge=y, steps=steps
    )


def _clones(graph: Graph, name: str) -> Iterable[Process]:
    """hls4ml copies a stream with several readers, one copy each."""
    edge = graph.edges[name]
    for copy in _copies(graph, name):
        yield Process(
            node=name, kind="clone", sources=(name,), stream=copy, edge=edge, steps=copying(edge)
        )


def _copies(graph: Graph, name: str) -> list[str]:
    """The copies of a stream, that of the graph's output last; none where one reader is enough."""
    readers = len(graph.consumers(name)) + (name in graph.outputs)
    return [f"{name}:{i}" for i in range(readers)] if readers > 1 else []


def is_fused(graph: Graph, node: Node) -> bool:
    """A quantiser behind a LeakyReLU that nothing else reads is that layer's result type.

    A clipped range is more than a type says, and a type that rounds cannot drop bits above its
    operand's highest; such a quantiser is a layer of its own.
    """
    if not isinstance(node, Quantise) or not node.fills_format:
        return False
    (name,) = node.inputs
    leaky = graph.producer(name)
    if not isinstance(leaky, LeakyRelu) or _copies(graph, name):
        return False
    (x,) = graph.node_inputs(leaky)
    dropped = x.fraction - node.format.fraction
    spare = leaky.slope_format.width - leaky.slope_fraction
    return node.rounding == "floor" or dropped <= x.format.width + min(spare, 0)


def _absorbed(graph: Graph, node: Node) -> Node:
    """The node whose output this process writes: itself, or the quantiser fused into it."""
    readers = graph.consumers(node.output)
    if len(readers) == 1 and is_fused(graph, readers[0]):
        return readers[0]
    return node


def stream_of(graph: Graph, name: str) -> str:
    """The stream behind an edge: a flattened tensor is still the stream of pixels."""
    producer = graph.producer(name)
    return stream_of(graph, producer.inputs[0]) if isinstance(producer, Flatten) else name


def output_stream(graph: Graph, name: str) -> str:
    """The stream in which an output of the graph leaves."""
    copies = _copies(graph, name)
    return copies[-1] if copies else stream_of(graph, name)


def _branch(graph: Graph, name: str, reader: Node) -> str:
    """The stream that one reader of an edge sees."""
    copies = _copies(graph, name)
    if copies:
        return copies[graph.consumers(name).index(reader)]
    producer = graph.producer(name)
    return _branch(graph, producer.inputs[0], producer) if isinstance(producer, Flatten) else name
