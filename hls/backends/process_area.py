"""Resources of one streaming process and of the FIFO that it writes."""

from __future__ import annotations

from trigforge.hls.backends import area
from trigforge.hls.backends.area import CONTROL_FF, CONTROL_LUT, Area
from trigforge.hls.backends.operators import arithmetic, memories
from trigforge.hls.backends.processes import Process
from trigforge.hls.graph import Graph
from trigforge.hls.ops import Conv, Dense


def of_process(graph: Graph, process: Process, reuse: int, depth: int | None) -> Area:
    """Area of one process.

    Args:
        reuse: of its node; 1 for processes without multipliers.
        depth: of the FIFO behind it; ``None`` where the stream leaves the design.
    """
    edge = process.edge
    channels, bits = edge.shape[-1], edge.format.width
    cost = Area(lut=CONTROL_LUT, ff=CONTROL_FF)
    if process.kind == "node":
        cost += _of_node(graph, process, reuse)
    else:  # padding, copying: a register per bit
        cost += Area(lut=channels * bits / 2, ff=channels * bits)
    return cost if depth is None else cost + area.fifo(depth, channels * bits)


def _of_node(graph: Graph, process: Process, reuse: int) -> Area:
    node = next(n for n in graph.nodes if n.name == process.node)
    inputs = graph.node_inputs(node)
    if not isinstance(node, Conv | Dense):
        return arithmetic(node, inputs, process.edge) + memories(node, inputs, process.edge)
    (x,) = inputs
    cost = area.matrix_product(node, x, process.edge, reuse)
    if isinstance(node, Conv):
        width = x.shape[1] + node.pads[1] + node.pads[3]
        rows = node.weight.shape[0] - 1
        cost += area.line_buffer(width, rows, x.shape[2], x.format.width)
    return cost
