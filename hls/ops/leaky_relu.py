"""LeakyReLU with a slope on the grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls import forms
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Ints, Node, check_bits


@dataclass(frozen=True, eq=False, kw_only=True)
class LeakyRelu(Node):
    """y = x for x >= 0, slope * x below, on a grid finer by ``slope_fraction`` bits.

    Attributes:
        slope: integer; the slope is slope * 2^-slope_fraction, in [0, 1]. Zero is ReLU.
    """

    op: ClassVar[str] = "leaky_relu"

    slope: int
    slope_fraction: int

    @property
    def slope_format(self) -> Format:
        """Narrowest format of the slope."""
        return Format.smallest(0, self.slope, self.slope_fraction)

    def apply(self, x: Ints) -> Ints:
        """The operation on integers."""
        return np.where(x >= 0, x << self.slope_fraction, x * self.slope)

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge; monotone, so ends map to ends."""
        (x,) = inputs
        if not 0 <= self.slope <= 1 << self.slope_fraction:
            raise self.refuse(f"slope {self.slope} * 2^-{self.slope_fraction} is outside [0, 1]")
        check_bits(x.magnitude * 2.0**self.slope_fraction)
        fraction = x.fraction + self.slope_fraction
        form = forms.of(x) if x.lo.min() >= 0 else None
        return Edge.tight(x.shape, fraction, self.apply(x.lo), self.apply(x.hi), form)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the products; the positive side only moves the binary point."""
        (x,) = inputs
        return max(x.magnitude, self.slope * int(max(-x.lo.min(), 0))).bit_length()
