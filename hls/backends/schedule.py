"""When each pixel leaves each layer of hls4ml's streaming pipeline.

A step of a process starts when its pixel has arrived and the previous step is over::

    start[t] = max(arrival[t], start[t-1] + service[t-1])

so layers overlap as soon as the first window is full; nothing waits for whole images. Streams are
deep enough (:mod:`~trigforge.hls.backends.fifos` sees to it) that nobody is ever blocked by a full
one. Time is in clock cycles from the first pixel at the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trigforge.hls.backends.processes import Process, output_stream, processes
from trigforge.hls.backends.steps import Cycles, pixels_of
from trigforge.hls.graph import Graph

# A dataflow region starts its slowest process again one cycle after it has finished.
RESTART = 1


@dataclass(frozen=True, eq=False)
class Schedule:
    """The timed pipeline of one event.

    Attributes:
        latency_cycles: first input pixel to the last process finished (what the vendor quotes).
        result_cycles: first input pixel to the last pixel of the last output.
        ii_cycles: between events: the slowest process and its restart.
        slowest: node of that process.
        written: stream -> cycle in which each of its pixels is there.
        read: stream -> cycle in which each of its pixels is taken.
    """

    processes: tuple[Process, ...]
    latency_cycles: int
    result_cycles: int
    ii_cycles: int
    slowest: str
    written: Mapping[str, Cycles]
    read: Mapping[str, Cycles]


def schedule(graph: Graph, reuse: Mapping[str, int]) -> Schedule:
    """Time one event through the graph.

    Args:
        graph: lowered (no grouped convolutions).
        reuse: name of a convolution or dense layer -> reuse factor; 1 where left out, which is
            strategy Latency, larger ones are strategy Resource.

    Raises:
        UnsupportedError: a node without a streaming model.
    """
    stages = list(processes(graph, reuse))
    written: dict[str, Cycles] = {
        name: np.arange(pixels_of(edge), dtype=np.int64) for name, edge in graph.inputs.items()
    }
    read: dict[str, Cycles] = {}
    latest = 0
    for stage in stages:
        start = _start(stage, [written[source] for source in stage.sources])
        over = start + stage.steps.service + stage.steps.depth
        read |= dict.fromkeys(stage.sources, start[stage.steps.takes])
        written[stage.stream] = over[stage.steps.emits]
        latest = max(latest, int(over[-1]))
    outputs = [written[output_stream(graph, output)] for output in graph.outputs]
    slowest = max(stages, key=lambda stage: stage.cycles)
    return Schedule(
        processes=tuple(stages),
        latency_cycles=latest,
        result_cycles=max(int(output[-1]) for output in outputs),
        ii_cycles=slowest.cycles + RESTART,
        slowest=slowest.node,
        written=written,
        read=read,
    )


def _start(stage: Process, arrivals: list[Cycles]) -> Cycles:
    """The cycle in which each step starts.

    With S the running sum of service times, the recursion of the module's docstring solves to
    start[t] = S[t] + max_{u <= t} (arrival[u] - S[u]).
    """
    steps = stage.steps
    index = np.cumsum(steps.takes) - 1
    # a step that reads nothing waits for nobody
    arrival = np.where(steps.takes, np.max([a[index] for a in arrivals], axis=0), 0)
    before = np.concatenate([[0], np.cumsum(steps.service)[:-1]])
    return np.asarray(before + np.maximum.accumulate(arrival - before))
