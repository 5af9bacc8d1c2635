"""A window of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls.graph import Edge, Node


@dataclass(frozen=True, eq=False, kw_only=True)
class Crop(Node):
    """``height`` rows from ``top`` on, ``width`` columns from ``left`` on."""

    op: ClassVar[str] = "crop"

    top: int
    left: int
    height: int
    width: int

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge, same format and ranges."""
        (x,) = inputs
        if len(x.shape) != 3:
            raise self.refuse(f"input has shape {x.shape}, expected (H, W, C)")
        rows = 0 <= self.top < self.top + self.height <= x.shape[0]
        columns = 0 <= self.left < self.left + self.width <= x.shape[1]
        if not (rows and columns):
            raise self.refuse(
                f"rows {self.top}..{self.top + self.height}, columns {self.left}.."
                f"{self.left + self.width} are not within {x.shape[0]} x {x.shape[1]}"
            )
        return Edge((self.height, self.width, x.shape[2]), x.format, x.lo, x.hi)
