"""A simulation of the streams with FIFOs of bounded depth: does an event get through?

Processes read and write in a fixed order and wait for data and for room, so whether they block does
not depend on their speed. A pipeline stalls as a whole (Vitis HLS's default style): what is inside
it moves on only when it can take its next step, or has taken its last one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trigforge.hls.backends.processes import Process
from trigforge.train.errors import UnsupportedError


@dataclass
class _Running:
    """A process on its way through one event."""

    stage: Process
    outputs: list[str]
    takes: list[bool]
    emits: list[bool]
    held: int  # steps whose results are still inside the pipeline
    taken: int = 0
    written: int = 0

    @property
    def finished(self) -> bool:
        return self.written == len(self.takes)


@dataclass
class Streams:
    """FIFOs: how many pixels wait in each, and how many may.

    Attributes:
        depths: stream -> most pixels; unbounded where left out.
    """

    depths: Mapping[str, int]
    waiting: dict[str, int] = field(default_factory=dict)

    def room(self, stream: str) -> bool:
        """Whether another pixel fits."""
        return stream not in self.depths or self.waiting.get(stream, 0) < self.depths[stream]


def blocked(
    stages: Sequence[Process], depths: Mapping[str, int], *, stalling: bool = True
) -> list[str]:
    """Nodes that never finish an event; empty when it gets through.

    Args:
        depths: stream -> depth; inputs, and streams left out, are never full.
        stalling: pipelines keep what is inside when they cannot take the next step; otherwise
            results leave at once.
    """
    running = _group(stages, stalling)
    produced = {stream for process in running for stream in process.outputs}
    streams = Streams(depths)
    inputs = {source for stage in stages for source in stage.sources} - produced
    neighbours: dict[str, list[_Running]] = {}
    for process in running:
        for stream in (*process.stage.sources, *process.outputs):
            neighbours.setdefault(stream, []).append(process)
    todo = deque(running)
    queued = {id(process) for process in running}
    while todo:
        process = todo.popleft()
        queued.discard(id(process))
        for stream in _advance(process, streams, inputs):
            for other in neighbours[stream]:
                if other is not process and id(other) not in queued:
                    queued.add(id(other))
                    todo.append(other)
    return [process.stage.node for process in running if not process.finished]


def require_flow(stages: Sequence[Process], depths: Mapping[str, int]) -> None:
    """Refuse depths at which the design blocks.

    Raises:
        UnsupportedError: names the layers that wait for each other.
    """
    names = blocked(stages, depths)
    if names:
        raise UnsupportedError(
            f"the streams block for ever at these FIFO depths: {', '.join(names)} never finish an "
            "event; make the FIFOs of the shorter branch deeper"
        )


def least_depth(
    stages: Sequence[Process], depths: Mapping[str, int], stream: str, *, stalling: bool = True
) -> int:
    """The smallest depth of one stream at which nothing blocks, up to the given one."""
    low, high = 0, depths[stream]
    while high - low > 1:
        middle = (low + high) // 2
        if blocked(stages, {**depths, stream: middle}, stalling=stalling):
            low = middle
        else:
            high = middle
    return high


def _group(stages: Sequence[Process], stalling: bool) -> list[_Running]:
    """One process per node; the copies of a stream are written by one process."""
    running: list[_Running] = []
    clones: dict[str, _Running] = {}
    for stage in stages:
        if stage.kind == "clone" and stage.node in clones:
            clones[stage.node].outputs.append(stage.stream)
            continue
        steps = stage.steps
        held = min(steps.depth, len(steps.takes)) if stalling else 0
        process = _Running(stage, [stage.stream], steps.takes.tolist(), steps.emits.tolist(), held)
        running.append(process)
        if stage.kind == "clone":
            clones[stage.node] = process
    return running


def _advance(process: _Running, streams: Streams, inputs: set[str]) -> set[str]:
    """Take as many steps as possible; returns the streams that changed."""
    touched: set[str] = set()
    sources = [source for source in process.stage.sources if source not in inputs]
    while not process.finished:
        steps = process.taken < len(process.takes)
        reads = steps and process.takes[process.taken]
        # the pipeline is full, or drains behind its last step
        leaves = not steps or process.taken - process.written == process.held
        writes = leaves and process.emits[process.written]
        if reads and not all(streams.waiting.get(source, 0) for source in sources):
            break
        if writes and not all(streams.room(output) for output in process.outputs):
            break
        process.taken += steps
        process.written += leaves
        for source in sources if reads else ():
            streams.waiting[source] -= 1
            touched.add(source)
        for output in process.outputs if writes else ():
            streams.waiting[output] = streams.waiting.get(output, 0) + 1
            touched.add(output)
    return touched
