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

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import Concat, Conv, Dense, Flatten, LeakyRelu, MaxPool, Quantise, Split

Cycles = NDArray[np.int64]
Steps = NDArray[np.bool_]

# Pipeline depth behind the last pixel: convolution, pooling and padding, activations, dense.
WINDOW_DEPTH = 3
ACTIVATION_DEPTH = 2
DENSE_DEPTH = 3
# Strategy Resource: shifting the window and leaving the multiplier loop, per complete window, and
# a pixel that completes none.
RESOURCE_OVERHEAD = 11
IDLE_PIXEL = 4

Kind = Literal["pad", "conv", "pool", "activation", "dense", "concat", "split", "clone"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Process:
    """One dataflow process.

    Attributes:
        node: name of the graph node that it belongs to; a clone belongs to the cloned edge.
        sources: streams it reads.
        stream: stream it writes; its edge gives the pixel width.
        service: (T,) cycles of each step.
        takes: (T,) whether the step reads a pixel from every source.
        emits: (T,) whether the step writes a pixel.
        depth: cycles between the end of a step and its pixel in the output stream.
    """

    node: str
    kind: Kind
    sources: tuple[str, ...]
    stream: str
    edge: Edge
    service: Cycles
    takes: Steps
    emits: Steps
    depth: int

    @property
    def cycles(self) -> int:
        """Cycles for one event when no pixel is late: what C-synthesis reports for the layer."""
        return int(self.service.sum()) + self.depth

    @property
    def pixels_out(self) -> int:
        """Pixels written per event."""
        return int(self.emits.sum())


def processes(graph: Graph, reuse: Mapping[str, int]) -> Iterable[Process]:
    """The dataflow processes of a graph in order, clones and paddings included."""
    for name in graph.inputs:
        yield from _clones(graph, name)
    for node in graph.nodes:
        if isinstance(node, Flatten) or _is_fused(graph, node):
            continue  # the stream is read on as it is; the quantiser is its layer's result type
        last = _absorbed(graph, node)
        yield from _of_node(graph, node, last, reuse.get(node.name, 1))
        yield from _clones(graph, last.output)


def multiplications(node: Conv | Dense) -> tuple[int, int]:
    """(inputs, outputs) of the matrix product that one window costs."""
    *inputs, outputs = node.weight.shape
    return math.prod(inputs), outputs


def _of_node(graph: Graph, node: Node, last: Node, reuse: int) -> Iterable[Process]:
    edge = graph.edges[last.output]
    sources = tuple(_branch(graph, name, node) for name in node.inputs)
    x = graph.edges[node.inputs[0]]
    if isinstance(node, Conv):
        if node.groups != 1:
            raise node.refuse("is grouped; lower it with split_groups before estimating")
        if any(node.pads):
            frame = _inside(x, node.pads)
            padded = Edge((*frame.shape, x.shape[2]), x.format, x.lo, x.hi)
            stream = f"{node.name}:pad"
            yield _steps(node, "pad", sources, stream, padded, frame.ravel(), WINDOW_DEPTH)
            sources, x = (stream,), padded
        complete = _complete(x.shape[:2], node.weight.shape[:2], node.strides)
        emits = complete.ravel()
        service = np.ones(emits.size, np.int64)
        if reuse > 1:
            service = np.where(emits, reuse + RESOURCE_OVERHEAD, IDLE_PIXEL)
        depth = WINDOW_DEPTH if reuse == 1 else 0
        takes = np.ones(emits.size, np.bool_)
        yield Process(
            node=node.name,
            kind="conv",
            sources=sources,
            stream=last.output,
            edge=edge,
            service=service,
            takes=takes,
            emits=emits,
            depth=depth,
        )
    elif isinstance(node, MaxPool):
        frame = _inside(x, node.pads)
        emits = _complete(frame.shape, node.kernel, node.strides).ravel()
        yield Process(
            node=node.name,
            kind="pool",
            sources=sources,
            stream=last.output,
            edge=edge,
            service=np.ones(emits.size, np.int64),
            takes=frame.ravel(),
            emits=emits,
            depth=WINDOW_DEPTH,
        )
    elif isinstance(node, Dense):
        source = graph.edges[stream_of(graph, node.inputs[0])]
        pixels = pixels_of(source)
        service = np.ones(pixels, np.int64)
        if reuse > 1:
            service[-1] += reuse + RESOURCE_OVERHEAD
        emits = np.zeros(pixels, np.bool_)
        emits[-1] = True
        yield Process(
            node=node.name,
            kind="dense",
            sources=sources,
            stream=last.output,
            edge=edge,
            service=service,
            takes=np.ones(pixels, np.bool_),
            emits=emits,
            depth=DENSE_DEPTH if reuse == 1 else 0,
        )
    elif isinstance(node, LeakyRelu | Quantise | Concat | Split):
        kind: Kind = (
            "concat"
            if isinstance(node, Concat)
            else "split"
            if isinstance(node, Split)
            else "activation"
        )
        every = np.ones(pixels_of(x), np.bool_)
        yield _steps(node, kind, sources, last.output, edge, every, ACTIVATION_DEPTH)
    else:
        raise node.refuse("has no streaming model; it cannot be estimated")


def _steps(
    node: Node,
    kind: Kind,
    sources: tuple[str, ...],
    stream: str,
    edge: Edge,
    takes: Steps,
    depth: int,
) -> Process:
    """A process that writes one pixel per step, one step per cycle."""
    return Process(
        node=node.name,
        kind=kind,
        sources=sources,
        stream=stream,
        edge=edge,
        service=np.ones(takes.size, np.int64),
        takes=takes,
        emits=np.ones(takes.size, np.bool_),
        depth=depth,
    )


def _clones(graph: Graph, name: str) -> Iterable[Process]:
    """hls4ml copies a stream with several readers, one copy each."""
    if len(graph.consumers(name)) < 2:
        return
    edge = graph.edges[name]
    every = np.ones(pixels_of(edge), np.bool_)
    for reader in graph.consumers(name):
        yield Process(
            node=name,
            kind="clone",
            sources=(name,),
            stream=_branch(graph, name, reader),
            edge=edge,
            service=np.ones(every.size, np.int64),
            takes=every,
            emits=every,
            depth=1,
        )


def _is_fused(graph: Graph, node: Node) -> bool:
    """A quantiser behind a LeakyReLU that nothing else reads is that layer's result type.

    A clipped range is more than a type says; such a quantiser is a layer of its own.
    """
    if not isinstance(node, Quantise) or not node.fills_format:
        return False
    producer = graph.producer(node.inputs[0])
    return isinstance(producer, LeakyRelu) and len(graph.consumers(node.inputs[0])) == 1


def _absorbed(graph: Graph, node: Node) -> Node:
    """The node whose output this process writes: itself, or the quantiser fused into it."""
    readers = graph.consumers(node.output)
    if len(readers) == 1 and _is_fused(graph, readers[0]):
        return readers[0]
    return node


def stream_of(graph: Graph, name: str) -> str:
    """The stream behind an edge: a flattened tensor is still the stream of pixels."""
    producer = graph.producer(name)
    return stream_of(graph, producer.inputs[0]) if isinstance(producer, Flatten) else name


def _branch(graph: Graph, name: str, reader: Node) -> str:
    """The stream that one reader of an edge sees."""
    readers = graph.consumers(name)
    if len(readers) > 1:
        return f"{name}:{readers.index(reader)}"
    producer = graph.producer(name)
    return _branch(graph, producer.inputs[0], producer) if isinstance(producer, Flatten) else name


def pixels_of(edge: Edge) -> int:
    return math.prod(edge.shape[:-1])


def _inside(x: Edge, pads: tuple[int, int, int, int]) -> Steps:
    top, left, bottom, right = pads
    return np.pad(np.ones(x.shape[:2], np.bool_), ((top, bottom), (left, right)))


def _complete(image: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, int]) -> Steps:
    """Pixels at which a window is complete: the last pixel of each window position."""
    rows, columns = np.arange(image[0]) - (kernel[0] - 1), np.arange(image[1]) - (kernel[1] - 1)
    row_ends = (rows >= 0) & (rows % strides[0] == 0)
    column_ends = (columns >= 0) & (columns % strides[1] == 0)
    return np.asarray(row_ends[:, None] & column_ends[None, :])
