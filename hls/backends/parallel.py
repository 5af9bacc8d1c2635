"""Latency, interval and resources of an io_parallel project, without a vendor tool.

Whole tensors lie in registers and every loop is unrolled, so an operation costs its arithmetic once
per output pixel. A network without convolutions and reuse is one pipeline that takes an event per
clock. With them it is a chain of functions: a convolution works on one window after another
(``n_partitions``), a shared multiplier on one product after another. Equations and assumptions
stand in ``docs/estimates.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from trigforge.hls.backends import area
from trigforge.hls.backends.area import CONTROL_FF, CONTROL_LUT, MUX_INPUTS_PER_LUT, Area
from trigforge.hls.backends.estimate import Estimate, layer_row, observations
from trigforge.hls.backends.operators import arithmetic, statistics, times
from trigforge.hls.backends.processes import is_fused, multiplications
from trigforge.hls.backends.reuse import resolve_reuse
from trigforge.hls.backends.schedule import RESTART
from trigforge.hls.backends.steps import ROOT_DEPTH, pixels_of
from trigforge.hls.devices import Device
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import (
    Append,
    Concat,
    Conv,
    Crop,
    Dense,
    Flatten,
    Highest,
    InstanceNorm,
    MaxPool,
    Mul,
    Nearest,
    Scale,
    Sphere,
    Split,
    Tile,
    Total,
    Unflatten,
)

# Constant indices: nothing but wires and constants.
WIRES = (Append, Concat, Crop, Flatten, Nearest, Split, Tile, Unflatten)
# Additions and comparisons behind each other that fit into one clock.
LEVELS_PER_CYCLE = 2


@dataclass(frozen=True)
class Timing:
    """Cycles of one node: first operand to result, and between events."""

    latency: int
    interval: int


def estimate_parallel(graph: Graph, reuse: Mapping[str, int], device: Device) -> Estimate:
    """Estimate one compute unit.

    Args:
        graph: lowered: no grouped convolutions.
        reuse: recipe entries, layer or stage name -> reuse factor.

    Raises:
        InputError: an entry of ``reuse`` matches no layer or cannot be built.
    """
    factors = resolve_reuse(graph, reuse)
    timings = {node: timing(graph, node, factors.get(node.name, 1)) for node in graph.nodes}
    dataflow = any(t.interval > 1 for t in timings.values())
    ready = dict.fromkeys(graph.inputs, 0)
    layers, costs = [], []
    for node in graph.nodes:
        start = max(ready[name] for name in node.inputs)
        ready[node.output] = start + timings[node].latency
        cost = cost_of(graph, node, factors.get(node.name, 1), dataflow=dataflow)
        costs.append(cost)
        if not isinstance(node, WIRES):
            row = layer_row(graph, node, graph.edges[node.output], factors, cost)
            t = timings[node]
            layers.append(replace(row, latency_cycles=t.latency, ii_cycles=t.interval))
    slowest = max(graph.nodes, key=lambda node: timings[node].interval)
    interval = timings[slowest].interval + RESTART * dataflow
    latency = max(1, *ready.values())
    total = area.total([Area(lut=CONTROL_LUT, ff=CONTROL_FF), *costs])
    return Estimate(
        layers=tuple(layers),
        observations=observations(latency, interval, total, device),
        result_cycles=max(1, *(ready[name] for name in graph.outputs)),
        slowest=slowest.name,
    )


def timing(graph: Graph, node: Node, reuse: int) -> Timing:
    """Latency and interval of one node."""
    x, y = graph.edges[node.inputs[0]], graph.edges[node.output]
    depth = _depth(graph, node, x)
    if isinstance(node, Conv):
        interval = pixels_of(y) * reuse
        return Timing(depth + interval - 1, interval)
    if isinstance(node, Dense):
        return Timing(depth + reuse - 1, reuse)
    return Timing(depth, 1)


def _depth(graph: Graph, node: Node, x: Edge) -> int:
    match node:
        case Conv() | Dense():
            return 1 + _levels(multiplications(node)[0])
        case MaxPool():
            return _levels(math.prod(node.kernel))
        case Total():
            return _levels(pixels_of(x) * (x.shape[-1] if node.channels else 1))
        case Highest():
            return _levels(x.shape[-1])
        case Sphere():
            return 2 * ROOT_DEPTH
        case InstanceNorm():
            return 2 * ROOT_DEPTH + _levels(pixels_of(x))
        case Mul() | Scale():
            return 2
    return 0 if isinstance(node, WIRES) or is_fused(graph, node) else 1


def _levels(operands: int) -> int:
    """Cycles of a tree of additions or comparisons."""
    return max(1, math.ceil(math.log2(max(operands, 2)) / LEVELS_PER_CYCLE))


def cost_of(graph: Graph, node: Node, reuse: int, *, dataflow: bool) -> Area:
    """Area of one node; in a chain of functions its result is kept twice."""
    if isinstance(node, WIRES) or is_fused(graph, node):
        return Area()
    inputs, y = graph.node_inputs(node), graph.edges[node.output]
    x = inputs[0]
    bits = y.shape[-1] * y.format.width
    kept = Area(ff=pixels_of(y) * bits) + Area(lut=CONTROL_LUT, ff=CONTROL_FF)
    cost = kept if dataflow else Area()
    if isinstance(node, Conv | Dense):
        return cost + area.matrix_product(node, x, y, reuse) + _selectors(node, x, y)
    if isinstance(node, InstanceNorm):
        return (
            cost
            + times(pixels_of(x), arithmetic(node, inputs, y))
            + times(x.shape[-1], statistics(node, x))
        )
    if isinstance(node, MaxPool):
        compared = bits * area.MAX_LUT_PER_BIT * (math.prod(node.kernel) - 1)
        return cost + times(pixels_of(y), Area(lut=compared, ff=bits))
    steps = pixels_of(x) if isinstance(node, Total) else pixels_of(y)
    return cost + times(steps, arithmetic(node, inputs, y))


def _selectors(node: Conv | Dense, x: Edge, y: Edge) -> Area:
    """A window is chosen out of the whole image."""
    windows = pixels_of(y)
    if windows == 1:
        return Area()
    chosen = multiplications(node)[0] * x.format.width * math.ceil(windows / MUX_INPUTS_PER_LUT)
    return Area(lut=chosen)
