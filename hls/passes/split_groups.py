"""A grouped convolution becomes a convolution per group, between a split and a concatenation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trigforge.hls.graph import Graph, Node
from trigforge.hls.ops import Concat, Conv, Split


def split_groups(graph: Graph) -> Graph:
    """Rewrite every convolution with ``groups`` > 1; no multiplier by a structural zero remains."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node, Conv) and node.groups > 1:
            nodes.extend(_split(node))
        else:
            nodes.append(node)
    return graph.rebuilt(nodes)


def _split(node: Conv) -> list[Node]:
    block = node.weight.shape[2]
    weights = np.split(node.weight, node.groups, axis=-1)
    biases = np.split(node.bias, node.groups)
    nodes: list[Node] = []
    parts = []
    for group, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        name = f"{node.name}_g{group}"
        source = f"{node.inputs[0]}_{name}"
        start, stop = group * block, (group + 1) * block
        nodes.append(
            Split(name=f"{name}_in", inputs=node.inputs, output=source, start=start, stop=stop)
        )
        part = replace(node, name=name, inputs=(source,), output=name)
        nodes.append(replace(part, weight=weight, bias=bias, groups=1))
        parts.append(name)
    nodes.append(Concat(name=f"{node.name}_concat", inputs=tuple(parts), output=node.output))
    return nodes
