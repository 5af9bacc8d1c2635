"""Move flattening behind elementwise operations, which stream images pixel by pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trigforge.hls.graph import Graph, Node
from trigforge.hls.ops import Flatten, LeakyRelu, Lookup, Prelu, Quantise, Scale, Thresholds


def sink_flattens(graph: Graph) -> Graph:
    """Apply the rewrite until no flattening has a single elementwise reader."""
    while (rewritten := _sink_once(graph)) is not None:
        graph = rewritten
    return graph


def _sink_once(graph: Graph) -> Graph | None:
    for node in graph.nodes:
        readers = graph.consumers(node.output)
        if not isinstance(node, Flatten) or len(readers) != 1 or node.output in graph.outputs:
            continue
        (reader,) = readers
        before = _on_image(reader, graph.edges[node.inputs[0]].shape[-1])
        if before is None:
            continue
        edge = f"{reader.name}_{node.name}"
        swapped = {
            node: replace(before, inputs=node.inputs, output=edge),
            reader: replace(node, inputs=(edge,), output=reader.output),
        }
        return graph.rebuilt([swapped.get(other, other) for other in graph.nodes])
    return None


def _on_image(node: Node, channels: int) -> Node | None:
    """The operation on an image of so many channels; ``None`` if it differs from pixel to pixel."""
    if isinstance(node, LeakyRelu | Lookup | Quantise):
        return node
    if not isinstance(node, Prelu | Scale | Thresholds):
        return None
    parameters = {
        Prelu: ("slopes",),
        Scale: ("factor", "offset"),
        Thresholds: ("thresholds", "first", "step"),
    }[type(node)]
    for name in parameters:
        values = getattr(node, name)
        pixels = values.reshape(-1, channels, *values.shape[1:])
        if not np.array_equal(pixels, np.broadcast_to(pixels[:1], pixels.shape)):
            return None
    return node.block(0, channels)
