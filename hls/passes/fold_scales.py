"""A factor and offset behind a convolution, dense layer or another factor move into it.

Only where no weight gets wider by it: a bias that was exported as an addition, factors of one. A
factor with bits of its own costs one multiplier per channel and pixel where it stands, and wider
multipliers everywhere in the convolution if it were folded.
"""

from __future__ import annotations

from dataclasses import replace

from trigforge.hls.graph import Graph, Node
from trigforge.hls.ops import Conv, Dense, Scale


def fold_scales(graph: Graph) -> Graph:
    """Fold each such scale whose input nothing else reads; the output keeps its grid and range.

    f (w x + b) + o = (f w) x + (f b + o): integers multiply, fraction bits add.
    """
    nodes: list[Node] = []
    for node in graph.nodes:
        source = next((n for n in nodes if n.output in node.inputs), None)
        if (
            isinstance(node, Scale)
            and isinstance(source, Conv | Dense | Scale)
            and len(graph.consumers(source.output)) == 1
            and source.output not in graph.outputs
        ):
            if isinstance(source, Scale):
                nodes[nodes.index(source)] = _merged(source, node)
                continue
            folded = _folded(source, node)
            if folded.weight_format.width <= source.weight_format.width:
                nodes[nodes.index(source)] = folded
                continue
        nodes.append(node)
    return graph.rebuilt(nodes)


def _folded(node: Conv | Dense, scale: Scale) -> Conv | Dense:
    product = node.bias_fraction + scale.factor_fraction
    fraction = max(product, scale.offset_fraction)
    bias = (node.bias * scale.factor << (fraction - product)) + (
        scale.offset << (fraction - scale.offset_fraction)
    )
    return replace(
        node,
        output=scale.output,
        weight=node.weight * scale.factor,
        bias=bias,
        weight_fraction=node.weight_fraction + scale.factor_fraction,
        bias_fraction=fraction,
    )


def _merged(first: Scale, second: Scale) -> Scale:
    """g (f x + o) + p = (g f) x + (g o + p)."""
    product = first.offset_fraction + second.factor_fraction
    fraction = max(product, second.offset_fraction)
    return replace(
        first,
        output=second.output,
        factor=first.factor * second.factor,
        offset=(first.offset * second.factor << (fraction - product))
        + (second.offset << (fraction - second.offset_fraction)),
        factor_fraction=first.factor_fraction + second.factor_fraction,
        offset_fraction=fraction,
    )
