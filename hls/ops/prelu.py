"""PReLU: a slope per channel, any slopes on the grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from trigforge.hls import forms
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Ints, Node, check_bits
from trigforge.hls.ops import affine


@dataclass(frozen=True, eq=False, kw_only=True)
class Prelu(Node):
    """y = x for x >= 0, slope[c] * x below, on a grid finer by ``slope_fraction`` bits.

    A single slope within [0, 1] is a :class:`~trigforge.hls.ops.leaky_relu.LeakyRelu`.

    Attributes:
        slopes: (C,) integers; the slopes are slopes * 2^-slope_fraction, of either sign.
    """

    op: ClassVar[str] = "prelu"

    slopes: Ints
    slope_fraction: int

    @property
    def slope_format(self) -> Format:
        """Narrowest format of the slopes."""
        return affine.format_of(self.slopes, self.slope_fraction)

    def apply(self, x: Ints) -> Ints:
        """The operation on integers, channels last."""
        return np.where(x >= 0, x << self.slope_fraction, x * self.slopes)

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge: ends map to ends, and the kink at zero may be an end too."""
        (x,) = inputs
        if self.slopes.shape != (x.shape[-1],):
            raise self.refuse(f"{len(self.slopes)} slopes for {x.shape[-1]} channels")
        check_bits(x.magnitude * max(2.0**self.slope_fraction, float(np.abs(self.slopes).max())))
        ends = [self.apply(x.lo), self.apply(x.hi), self.apply(np.clip(0, x.lo, x.hi))]
        fraction = x.fraction + self.slope_fraction
        form = forms.of(x) if x.lo.min() >= 0 else None
        lo, hi = np.min(ends, axis=0), np.max(ends, axis=0)
        return Edge.tight(x.shape, fraction, lo, hi, form)

    def block(self, start: int, stop: int) -> Prelu:
        """The slopes of these channels."""
        return replace(self, slopes=self.slopes[start:stop])

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the input and of the output."""
        return max(inputs[0].magnitude, self.infer(*inputs).magnitude).bit_length()
