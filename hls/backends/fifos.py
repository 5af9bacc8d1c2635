"""How deep each FIFO between two streaming layers must be.

Where a stream forks and its branches meet again, the shorter branch must hold what the longer one
still works on: a FIFO that is too small there stops the design for ever. Depths come from the
schedule: so many pixels are under way in the FIFO at once when events follow each other as fast as
the slowest layer allows. :mod:`~trigforge.hls.backends.bounded` proves that no depth blocks.
"""

from __future__ import annotations

import numpy as np

from trigforge.hls.backends.bounded import require_flow
from trigforge.hls.backends.schedule import Schedule
from trigforge.hls.backends.steps import Cycles

SMALLEST = 2  # what Vitis HLS gives a stream that asks for nothing
# Pipelines may turn out deeper than scheduled, and what is inside them the other branch must hold.
MARGIN = 16


def fifo_depths(timing: Schedule) -> dict[str, int]:
    """Stream -> depth of its FIFO, for every stream that one process writes and another reads.

    Raises:
        UnsupportedError: the design would block at these depths (a flaw of the schedule).
    """
    depths: dict[str, int] = {}
    internal = {stage.stream for stage in timing.processes}
    for stage in timing.processes:
        joins = len(stage.sources) > 1
        for source in internal.intersection(stage.sources):
            most = most_waiting(timing.written[source], timing.read[source], timing.ii_cycles)
            depths[source] = max(most + MARGIN * joins, SMALLEST)
    require_flow(timing.processes, depths)
    return depths


def image_depths(timing: Schedule) -> dict[str, int]:
    """hls4ml's own choice: every FIFO holds a whole image."""
    read = {source for stage in timing.processes for source in stage.sources}
    return {p.stream: p.pixels_out for p in timing.processes if p.stream in read}


def most_waiting(written: Cycles, read: Cycles, ii_cycles: int) -> int:
    """Largest number of pixels in a FIFO when the same event is repeated every ``ii_cycles``.

    Args:
        written: (P,) cycle in which each pixel is written; ``read``: taken.
    """
    stay = read - written + 1
    whole, rest = np.divmod(stay, ii_cycles)
    start = written % ii_cycles
    # a pixel occupies [start, start + rest), folded into one interval
    change: Cycles = np.zeros(2 * ii_cycles + 1, np.int64)
    np.add.at(change, start, 1)
    np.add.at(change, start + rest, -1)
    level = np.cumsum(change)[: 2 * ii_cycles]
    return int(whole.sum() + (level[:ii_cycles] + level[ii_cycles:]).max())
