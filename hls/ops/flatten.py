"""Image to vector, in the order in which pixels stream: rows, columns, channels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls.graph import Edge, Node


@dataclass(frozen=True, eq=False, kw_only=True)
class Flatten(Node):
    """(H, W, C) -> (H * W * C,), channels fastest."""

    op: ClassVar[str] = "flatten"

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge; each element keeps its channel's range."""
        (x,) = inputs
        pixels = math.prod(x.shape[:-1])
        shape = (pixels * x.shape[-1],)
        return Edge(shape, x.format, np.tile(x.lo, pixels), np.tile(x.hi, pixels))
