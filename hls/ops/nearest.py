"""Every pixel becomes a block of two by two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls.graph import Edge, Node


@dataclass(frozen=True, eq=False, kw_only=True)
class Nearest(Node):
    """y[i, j] = x[i // 2, j // 2]: (H, W, C) -> (2 H, 2 W, C)."""

    op: ClassVar[str] = "nearest"

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge, same format and ranges."""
        (x,) = inputs
        if len(x.shape) != 3:
            raise self.refuse(f"input has shape {x.shape}, expected (H, W, C)")
        return Edge((2 * x.shape[0], 2 * x.shape[1], x.shape[2]), x.format, x.lo, x.hi)
