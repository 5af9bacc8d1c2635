"""Max-pooling; what lies outside the image never wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls.graph import Edge, Node


@dataclass(frozen=True, eq=False, kw_only=True)
class MaxPool(Node):
    """Largest value of each window; the pad counts as minus infinity.

    Attributes:
        kernel: (height, width) of the window.
        pads: (top, left, bottom, right). TensorFlow's "same" at stride 2 and kernel 3 is 0 before
            and 1 after for even sizes, 1 and 1 for odd ones.
    """

    op: ClassVar[str] = "max_pool"

    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge, same format and ranges."""
        (x,) = inputs
        if len(x.shape) != 3:
            raise self.refuse(f"input has shape {x.shape}, expected (H, W, C)")
        top, left, bottom, right = self.pads
        for pad, size in zip(self.pads, self.kernel * 2, strict=True):
            if pad >= size:
                raise self.refuse(f"pad {pad} leaves a window without a pixel (kernel {size})")
        height = (x.shape[0] + top + bottom - self.kernel[0]) // self.strides[0] + 1
        width = (x.shape[1] + left + right - self.kernel[1]) // self.strides[1] + 1
        if height < 1 or width < 1:
            raise self.refuse(f"window {self.kernel} is larger than the padded input {x.shape}")
        return Edge((height, width, x.shape[2]), x.format, x.lo, x.hi)
