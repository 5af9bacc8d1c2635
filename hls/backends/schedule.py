"""When each pixel leaves each layer of hls4ml's streaming pipeline.

A step of a process starts when its pixel has arrived and the previous step is over::

    start[t] = max(arrival[t], start[t-1] + service[t-1])

so layers overlap as soon as the first window is full; nothing waits for whole images. Streams are
as deep as an image (hls4ml's default), so nobody is ever blocked by a full one. Time is in clock
cycles from the first pixel at the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trigforge.hls.backends.processes import Cycles, Process, pixels_of, processes, stream_of
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
        done: process stream -> cycle in which it has finished.
    """

    processes: tuple[Process, ...]
    latency_cycles: int
    result_cycles: int
    ii_cycles: int
    slowest: str
    done: Mapping[str, int]


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
    times: dict[str, Cycles] = {
        name: np.arange(pixels_of(edge), dtype=np.int64) for name, edge in graph.inputs.items()
    }
    done: dict[str, int] = {}
    for stage in stages:
        written, finished = _run(stage, [times[source] for source in stage.sources])
        times[stage.stream] = written
        done[stage.stream] = finished
    outputs = [times[stream_of(graph, output)] for output in graph.outputs]
    slowest = max(stages, key=lambda stage: stage.cycles)
    return Schedule(
        processes=tuple(stages),
        latency_cycles=max(done.values()),
        result_cycles=max(int(output[-1]) for output in outputs),
        ii_cycles=slowest.cycles + RESTART,
        slowest=slowest.node,
        done=done,
    )


def _run(stage: Process, arrivals: list[Cycles]) -> tuple[Cycles, int]:
    """Output times and the cycle in which the process has finished.

    With S the running sum of service times, the recursion of the module's docstring solves to
    start[t] = S[t] + max_{u <= t} (arrival[u] - S[u]).
    """
    read = np.cumsum(stage.takes) - 1
    arrival = np.where(stage.takes, np.max([a[read] for a in arrivals], axis=0), 0)
    before = np.concatenate([[0], np.cumsum(stage.service)[:-1]])
    start = before + np.maximum.accumulate(arrival - before)
    over = start + stage.service + stage.depth
    return over[stage.emits], int(over[-1])
