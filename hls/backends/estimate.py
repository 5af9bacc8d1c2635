"""Latency, interval and resources of an io_stream project, without a vendor tool.

Joins the schedule and the areas to one row per layer and to observations of provenance
``estimated``. What the model assumes, and how far it is from published reports, stands in
``docs/estimates.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from trigforge.hls.backends import area
from trigforge.hls.backends.area import Area
from trigforge.hls.backends.fifos import fifo_depths
from trigforge.hls.backends.process_area import of_process
from trigforge.hls.backends.processes import Process, multiplications
from trigforge.hls.backends.reuse import resolve_reuse, valid_factors
from trigforge.hls.backends.schedule import RESTART, Schedule, schedule
from trigforge.hls.backends.steps import IDLE_PIXEL, RESOURCE_OVERHEAD
from trigforge.hls.devices import Device
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import Conv, Dense
from trigforge.hls.reports.observations import Observation, observe
from trigforge.hls.reports.report import Layer
from trigforge.train.artifacts import versions
from trigforge.train.errors import UnsupportedError

TOOL = "trigforge"

NEARLY = 1.05  # costs closer than this are equal; the faster one is taken


@dataclass(frozen=True)
class Estimate:
    """The estimated hardware of one compute unit.

    Attributes:
        layers: one row per node that becomes hardware, in order.
        observations: latency, interval and resources.
        result_cycles: first input pixel to last output, earlier than the latency when rows at the
            bottom of an image are read but not needed.
        slowest: layer that sets the interval.
    """

    layers: tuple[Layer, ...]
    observations: tuple[Observation, ...]
    result_cycles: int
    slowest: str


def estimate(
    graph: Graph,
    reuse: Mapping[str, int],
    device: Device,
    depths: Mapping[str, int] | None = None,
) -> Estimate:
    """Estimate one compute unit.

    Args:
        graph: lowered: no grouped convolutions.
        reuse: recipe entries, layer or stage name -> reuse factor.
        depths: stream -> depth of its FIFO; those that our projects ask for where left out.

    Raises:
        InputError: an entry of ``reuse`` matches no layer or cannot be built.
        UnsupportedError: a node without a hardware model.
    """
    factors = resolve_reuse(graph, reuse)
    timing = schedule(graph, factors)
    if depths is None:
        depths = fifo_depths(timing)
    areas = _areas(graph, timing, factors, depths)
    layers = [
        _layer(graph, node, processes, factors, total, depths)
        for node, processes, total in _by_node(graph, timing, areas)
    ]
    everything = area.total(areas)
    return Estimate(
        layers=tuple(layers),
        observations=observations(timing.latency_cycles, timing.ii_cycles, everything, device),
        result_cycles=timing.result_cycles,
        slowest=timing.slowest,
    )


def propose_reuse(
    graph: Graph, ii_cycles: int, device: Device, weights: Mapping[str, float] | None = None
) -> dict[str, int]:
    """The cheapest valid reuse factor of every layer for an interval.

    Layers are independent in a dataflow pipeline, so each takes the factor whose largest share of
    any resource is smallest among those fast enough; of factors that cost within 5 % of that, the
    fastest.

    Args:
        ii_cycles: between events of one compute unit.
        weights: resource -> share of the device that the budget grants (1.0 where left out).

    Raises:
        UnsupportedError: a layer is too slow even without sharing multipliers.
    """
    chosen: dict[str, int] = {}
    slowest = schedule(graph, {})
    if slowest.ii_cycles > ii_cycles:
        raise UnsupportedError(
            f"node {slowest.slowest} needs {slowest.ii_cycles} cycles per event even at reuse "
            f"factor 1; more than {ii_cycles} allowed, so use more compute units"
        )
    grants = dict(weights or {})
    for process in slowest.processes:
        node = next((n for n in graph.nodes if n.name == process.node), None)
        if process.kind != "node" or not isinstance(node, Conv | Dense):
            continue
        x, y = graph.edges[node.inputs[0]], process.edge
        shares = {
            factor: _share(area.matrix_product(node, x, y, factor), device, grants)
            for factor in valid_factors(*multiplications(node))
            if _cycles(process, node, factor) + RESTART <= ii_cycles
        }
        cheapest = min(shares.values())
        chosen[node.name] = min(f for f, share in shares.items() if share <= NEARLY * cheapest)
    return chosen


def scaled(found: tuple[Observation, ...], units: int) -> tuple[Observation, ...]:
    """The observations of a card with several compute units: resources add, cycles stay."""
    return tuple(replace(o, value=o.value * units) if o.available is not None else o for o in found)


def _cycles(process: Process, node: Conv | Dense, factor: int) -> int:
    """Cycles of a multiplying process at another reuse factor."""
    if factor == 1:
        return process.cycles
    if isinstance(node, Dense):
        return len(process.steps.service) + factor + RESOURCE_OVERHEAD
    windows = process.pixels_out
    return (
        windows * (factor + RESOURCE_OVERHEAD) + (len(process.steps.service) - windows) * IDLE_PIXEL
    )


def _share(cost: Area, device: Device, grants: Mapping[str, float]) -> float:
    """Largest fraction of what is granted of any resource, with the sum as a tie-breaker."""
    shares = [
        getattr(cost, name) / (available * grants.get(name, 1.0))
        for name in ("lut", "ff", "dsp", "bram_18k")
        if (available := device.available(name))
    ]
    return float(max(shares) + 1e-3 * sum(shares))


def _areas(
    graph: Graph, timing: Schedule, factors: Mapping[str, int], depths: Mapping[str, int]
) -> list[Area]:
    return [
        of_process(graph, process, factors.get(process.node, 1), depths.get(process.stream))
        for process in timing.processes
    ]


def _by_node(
    graph: Graph, timing: Schedule, areas: list[Area]
) -> list[tuple[str, list[Process], Area]]:
    rows: dict[str, tuple[list[Process], list[Area]]] = {}
    for process, cost in zip(timing.processes, areas, strict=True):
        found = rows.setdefault(process.node, ([], []))
        found[0].append(process)
        found[1].append(cost)
    return [(name, processes, area.total(costs)) for name, (processes, costs) in rows.items()]


def _layer(
    graph: Graph,
    name: str,
    processes: list[Process],
    factors: Mapping[str, int],
    cost: Area,
    depths: Mapping[str, int],
) -> Layer:
    node: Node | None = next((n for n in graph.nodes if n.name == name), None)
    cycles = max(process.cycles for process in processes)
    edge = processes[-1].edge
    row = layer_row(graph, node or name, edge, factors, cost)
    fifos = tuple(
        depths[source]
        for source in dict.fromkeys(s for p in processes for s in p.sources)
        if source in depths
    )
    return replace(row, fifo_depths=fifos, latency_cycles=cycles, ii_cycles=cycles)


def layer_row(
    graph: Graph, node: Node | str, y: Edge, factors: Mapping[str, int], cost: Area
) -> Layer:
    """What is known of a layer beside its cycles.

    Args:
        node: of the graph, or the edge that is cloned.
        y: what the layer writes.
    """
    weighted = node if isinstance(node, Conv | Dense) else None
    source = graph.edges[node if isinstance(node, str) else node.inputs[0]]
    return Layer(
        name=node if isinstance(node, str) else node.name,
        op="clone" if isinstance(node, str) else node.op,
        weight_bits=weighted.weight_format.width if weighted else None,
        in_format=str(source.format),
        out_format=str(y.format),
        acc_bits=y.format.width if weighted else None,
        reuse=factors[weighted.name] if weighted else None,
        multipliers=weighted.weight.size // factors[weighted.name] if weighted else None,
        lut=round(cost.lut),
        ff=round(cost.ff),
        dsp=round(cost.dsp),
        bram_18k=round(cost.bram_18k),
    )


def observations(
    latency_cycles: int, ii_cycles: int, cost: Area, device: Device
) -> tuple[Observation, ...]:
    """The estimated quantities of one compute unit."""
    values = {
        "latency_cycles": latency_cycles,
        "ii_cycles": ii_cycles,
        "lut": math.ceil(cost.lut),
        "ff": math.ceil(cost.ff),
        "dsp": math.ceil(cost.dsp),
        "bram_18k": math.ceil(cost.bram_18k),
        "uram": 0,
    }
    version = versions(TOOL)[TOOL]
    return tuple(
        observe(
            quantity,
            value,
            provenance="estimated",
            tool=TOOL,
            version=version,
            available=device.available(quantity),
        )
        for quantity, value in values.items()
    )
