"""Name every edge after the node that writes it; graph inputs and outputs keep their names."""

from __future__ import annotations

from dataclasses import replace

from trigforge.hls.graph import Graph


def name_edges(graph: Graph) -> Graph:
    """The same graph, readable."""
    kept = {*graph.inputs, *graph.outputs}
    names = {node.output: node.name for node in graph.nodes if node.output not in kept}
    return graph.rebuilt(
        [
            replace(
                node,
                inputs=tuple(names.get(edge, edge) for edge in node.inputs),
                output=names.get(node.output, node.output),
            )
            for node in graph.nodes
        ]
    )
