"""A block of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls.graph import Edge, Node


@dataclass(frozen=True, eq=False, kw_only=True)
class Split(Node):
    """Channels ``start`` to ``stop`` (exclusive) of the input."""

    op: ClassVar[str] = "split"

    start: int
    stop: int

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge, same format, the ranges of the block."""
        (x,) = inputs
        if not 0 <= self.start < self.stop <= x.shape[-1]:
            raise self.refuse(
                f"channels {self.start}..{self.stop} are not within {x.shape[-1]} channels"
            )
        block = slice(self.start, self.stop)
        shape = (*x.shape[:-1], self.stop - self.start)
        return Edge(shape, x.format, x.lo[block], x.hi[block])
