"""A concatenation of many tensors becomes a chain of pairs, which is what hls4ml joins."""

from __future__ import annotations

from dataclasses import replace

from trigforge.hls.graph import Graph, Node
from trigforge.hls.ops import Concat


def pair_concats(graph: Graph) -> Graph:
    """Join the first two, then the third to them, and so on."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if not isinstance(node, Concat) or len(node.inputs) < 3:
            nodes.append(node)
            continue
        joined = node.inputs[0]
        for index, part in enumerate(node.inputs[1:], 1):
            last = index == len(node.inputs) - 1
            name = node.name if last else f"{node.name}_{index}"
            output = node.output if last else name
            nodes.append(replace(node, name=name, inputs=(joined, part), output=output))
            joined = output
    return graph.rebuilt(nodes)
