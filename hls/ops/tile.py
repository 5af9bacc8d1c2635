"""A vector repeated at every pixel, as a condition for an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls.graph import Edge, Node


@dataclass(frozen=True, eq=False, kw_only=True)
class Tile(Node):
    """(C,) -> (height, width, C)."""

    op: ClassVar[str] = "tile"

    height: int
    width: int

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge, same format and ranges."""
        (x,) = inputs
        if len(x.shape) != 1:
            raise self.refuse(f"input has shape {x.shape}, expected (C,)")
        if self.height < 1 or self.width < 1:
            raise self.refuse(f"an image of {self.height} x {self.width} pixels")
        return Edge((self.height, self.width, x.shape[0]), x.format, x.lo, x.hi)
