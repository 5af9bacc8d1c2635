"""Truncating, saturating quantiser: the only place where information is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Ints, Node, check_bits


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantise(Node):
    """y = clip(floor(x * 2^-(f_x - f_y)), min, max).

    Attributes:
        format: of the output.
        narrow: leave out the most negative integer, so that the range is symmetric.
    """

    op: ClassVar[str] = "quantise"

    format: Format
    narrow: bool = False

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest integer that comes out."""
        lowest = self.format.min_int + (1 if self.narrow and self.format.signed else 0)
        return lowest, self.format.max_int

    def apply(self, x: Ints, fraction: int) -> Ints:
        """The operation on integers of the grid 2^-fraction."""
        drop = fraction - self.format.fraction
        shifted = x >> drop if drop >= 0 else x << -drop
        clipped: Ints = np.clip(shifted, *self.bounds)
        return clipped

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge in the quantiser's format; monotone, so ends map to ends."""
        (x,) = inputs
        check_bits(x.magnitude * 2.0 ** max(self.format.fraction - x.fraction, 0))
        lo, hi = self.apply(x.lo, x.fraction), self.apply(x.hi, x.fraction)
        return Edge(x.shape, self.format, lo, hi)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of input and output."""
        (x,) = inputs
        return max(x.magnitude.bit_length(), self.format.width)
