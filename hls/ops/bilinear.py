"""Bilinear enlargement by two with half-pixel centres, as torch and ONNX define it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls.graph import Edge, Node
from trigforge.hls.ops import aligned

# Weights are 1/4 and 3/4: two fraction bits along each of two axes.
FRACTION_BITS = 4


@dataclass(frozen=True, eq=False, kw_only=True)
class Bilinear(Node):
    """Weighted mean of the four nearest pixels: (H, W, C) -> (2 H, 2 W, C).

    Along each axis ::

        y[2 i] = x[i - 1] / 4 + 3 x[i] / 4,    y[2 i + 1] = 3 x[i] / 4 + x[i + 1] / 4,

    where the first and last pixels repeat beyond the edges.
    """

    op: ClassVar[str] = "bilinear"

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge: weighted means stay within the range, on a grid finer by four bits."""
        (x,) = inputs
        if len(x.shape) != 3:
            raise self.refuse(f"input has shape {x.shape}, expected (H, W, C)")
        shape = (2 * x.shape[0], 2 * x.shape[1], x.shape[2])
        return Edge.tight(shape, x.fraction + FRACTION_BITS, *aligned.shifted(x, FRACTION_BITS))
