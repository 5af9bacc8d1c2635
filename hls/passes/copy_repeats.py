"""An operation that takes one tensor twice gets a copy of it.

hls4ml hands every reader of a tensor one stream, so that ``x + x`` would be generated with a single
operand. A square reads its tensor once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trigforge.hls.graph import Graph, Node
from trigforge.hls.ops import Mul, Scale


def copy_repeats(graph: Graph) -> Graph:
    """Give each further use of a tensor in one operation a copy, a factor of one."""
    nodes: list[Node] = []
    for node in graph.nodes:
        inputs: list[str] = []
        for edge in node.inputs:
            if edge in inputs and not isinstance(node, Mul):
                name = f"{node.name}_copy{len(inputs)}"
                channels = graph.edges[edge].shape[-1]
                nodes.append(
                    Scale(
                        name=name,
                        inputs=(edge,),
                        output=name,
                        factor=np.ones(channels, np.int64),
                        offset=np.zeros(channels, np.int64),
                        factor_fraction=0,
                        offset_fraction=graph.edges[edge].fraction,
                    )
                )
                edge = name
            inputs.append(edge)
        nodes.append(replace(node, inputs=tuple(inputs)))
    return graph.rebuilt(nodes)
