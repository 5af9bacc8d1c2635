"""Move concatenations behind channelwise operations, where tensors are smaller and narrower."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from trigforge.hls.graph import Graph, Node
from trigforge.hls.ops import Concat
from trigforge.hls.passes.raise_splits import CHANNELWISE


def sink_concats(graph: Graph) -> Graph:
    """Apply the rewrite until no concatenation has a single channelwise reader."""
    while (rewritten := _sink_once(graph)) is not None:
        graph = rewritten
    return graph


def _sink_once(graph: Graph) -> Graph | None:
    for node in graph.nodes:
        if not isinstance(node, Concat) or node.output in graph.outputs:
            continue
        readers = graph.consumers(node.output)
        if len(readers) != 1 or not isinstance(readers[0], CHANNELWISE):
            continue
        (reader,) = readers
        parts = [f"{reader.name}_g{index}" for index in range(len(node.inputs))]
        ends = np.cumsum([graph.edges[source].shape[-1] for source in node.inputs])
        moved: list[Node] = [
            replace(reader.block(start, stop), name=name, inputs=(source,), output=name)
            for name, source, (start, stop) in zip(
                parts, node.inputs, pairwise([0, *map(int, ends)]), strict=True
            )
        ]
        moved.append(replace(node, inputs=tuple(parts), output=reader.output))
        nodes: list[Node] = []
        for other in graph.nodes:
            if other is reader:
                nodes.extend(moved)
            elif other is not node:
                nodes.append(other)
        return graph.rebuilt(nodes)
    return None
