"""Move splits towards the input until they vanish, so that groups become independent towers.

A split behind an elementwise or spatial operation equals that operation behind the split; a split
of a convolution's output is a convolution with fewer filters; a split of a concatenation is one of
its parts. Nothing is computed twice: a tensor is only taken apart when all its readers are splits
of disjoint blocks.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from trigforge.hls.graph import Graph, Node
from trigforge.hls.ops import (
    Bilinear,
    Concat,
    Conv,
    Crop,
    LeakyRelu,
    MaxPool,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Split,
    Thresholds,
)

# Operations that treat every channel by itself; their ``block`` takes channels out.
CHANNELWISE = (Crop, LeakyRelu, MaxPool, Prelu, Quantise, Scale, Thresholds)
# The same, but larger behind than before: splits pass, concatenations stay in front.
ENLARGING = (Bilinear, Nearest)


def raise_splits(graph: Graph) -> Graph:
    """Apply the rewrites until none fits."""
    while (rewritten := _raise_once(graph)) is not None:
        graph = rewritten
    return graph


def _raise_once(graph: Graph) -> Graph | None:
    for node in graph.nodes:
        splits = _disjoint_splits(graph, node.output)
        if not splits:
            continue
        if isinstance(node, Concat):
            rewritten = _through_concat(graph, node, splits)
        elif isinstance(node, Conv) and node.groups == 1:
            rewritten = _replaced(graph, node, splits, _sliced_filters(node, splits))
        elif isinstance(node, CHANNELWISE + ENLARGING):
            rewritten = _replaced(graph, node, splits, _copies(node, splits))
        else:
            rewritten = None
        if rewritten is not None:
            return rewritten
    return None


def _disjoint_splits(graph: Graph, edge: str) -> list[Split]:
    readers = graph.consumers(edge)
    splits = [reader for reader in readers if isinstance(reader, Split)]
    if not splits or len(splits) != len(readers) or edge in graph.outputs:
        return []
    splits.sort(key=lambda split: split.start)
    pairs = pairwise(splits)
    return splits if all(a.stop <= b.start for a, b in pairs) else []


def _sliced_filters(node: Conv, splits: list[Split]) -> list[Node]:
    return [
        replace(
            node,
            name=f"{node.name}_g{index}",
            output=split.output,
            weight=node.weight[..., split.start : split.stop],
            bias=node.bias[split.start : split.stop],
        )
        for index, split in enumerate(splits)
    ]


def _copies(node: Node, splits: list[Split]) -> list[Node]:
    nodes: list[Node] = []
    for index, split in enumerate(splits):
        name = f"{node.name}_g{index}"
        source = f"{node.inputs[0]}_{name}"
        nodes.append(replace(split, name=f"{name}_in", inputs=node.inputs, output=source))
        part = node.block(split.start, split.stop)
        nodes.append(replace(part, name=name, inputs=(source,), output=split.output))
    return nodes


def _replaced(graph: Graph, node: Node, splits: list[Split], new: list[Node]) -> Graph:
    nodes: list[Node] = []
    for other in graph.nodes:
        if other is node:
            nodes.extend(new)
        elif other not in splits:
            nodes.append(other)
    return graph.rebuilt(nodes)


def _through_concat(graph: Graph, node: Concat, splits: list[Split]) -> Graph | None:
    spans = {}
    start = 0
    for part in node.inputs:
        stop = start + graph.edges[part].shape[-1]
        spans[(start, stop)] = part
        start = stop
    renamed = {split.output: spans.get((split.start, split.stop)) for split in splits}
    if any(part is None or name in graph.outputs for name, part in renamed.items()):
        return None
    nodes = [
        replace(other, inputs=tuple(renamed.get(i) or i for i in other.inputs))
        for other in graph.nodes
        if other is not node and other not in splits
    ]
    return graph.rebuilt(nodes)
