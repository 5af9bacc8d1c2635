"""A transposed convolution of stride one becomes a convolution."""

from __future__ import annotations

from trigforge.hls.graph import Graph
from trigforge.hls.ops import ConvTranspose


def untranspose(graph: Graph) -> Graph:
    """Turn kernels by 180 degrees and pad with k - 1 - p."""
    return graph.rebuilt(
        [node.as_conv() if isinstance(node, ConvTranspose) else node for node in graph.nodes]
    )
