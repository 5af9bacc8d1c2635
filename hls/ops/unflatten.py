"""Vector to image: what a decoder does behind its dense layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls.graph import Edge, Ints, Node


@dataclass(frozen=True, eq=False, kw_only=True)
class Unflatten(Node):
    """(C * H * W,) -> (H, W, C): y[h, w, c] = x[(c H + h) W + w], the order of ONNX's reshape."""

    op: ClassVar[str] = "unflatten"

    height: int
    width: int
    channels: int

    def apply(self, x: Ints) -> Ints:
        """The operation on (..., C * H * W)."""
        y = x.reshape(*x.shape[:-1], self.channels, self.height, self.width)
        return np.moveaxis(y, -3, -1)

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge; a channel spans what its pixels span."""
        (x,) = inputs
        shape = (self.height, self.width, self.channels)
        if min(shape) < 1 or x.shape != (self.height * self.width * self.channels,):
            raise self.refuse(f"input has shape {x.shape}, which is no vector of {shape}")
        lo, hi = self.apply(x.lo).min((0, 1)), self.apply(x.hi).max((0, 1))
        return Edge(shape, x.format, lo, hi)
