"""Transposed convolution of stride one; lowering turns it into a convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls.graph import Edge
from trigforge.hls.ops.affine import Affine
from trigforge.hls.ops.conv import Conv


@dataclass(frozen=True, eq=False, kw_only=True)
class ConvTranspose(Affine):
    """y[i, j, o] = sum_{k, l, c} w[k, l, c, o] x[i + top - k, j + left - l, c] + b[o].

    Attributes:
        weight: (kh, kw, C_in, C_out) integers on the grid 2^-weight_fraction.
        bias: (C_out,) integers on the grid 2^-bias_fraction.
        pads: (top, left, bottom, right) rows and columns cut off the full result.
    """

    op: ClassVar[str] = "conv_transpose"

    pads: tuple[int, int, int, int] = (0, 0, 0, 0)

    def as_conv(self) -> Conv:
        """The convolution that gives the same integers.

        The kernel is turned by 180 degrees, and what was cut off becomes what is not padded:
        pads of k - 1 - p.
        """
        kh, kw = self.weight.shape[:2]
        top, left, bottom, right = self.pads
        pads = (kh - 1 - top, kw - 1 - left, kh - 1 - bottom, kw - 1 - right)
        if min(pads) < 0:
            raise self.refuse(f"cuts {self.pads} off a kernel of {kh} x {kw}; crop instead")
        return Conv(
            name=self.name,
            inputs=self.inputs,
            output=self.output,
            weight=np.ascontiguousarray(self.weight[::-1, ::-1]),
            bias=self.bias,
            weight_fraction=self.weight_fraction,
            bias_fraction=self.bias_fraction,
            pads=pads,
        )

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge of the equal convolution."""
        return self.as_conv().infer(*inputs)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the largest partial sum."""
        return self.as_conv().carried_bits(*inputs)
