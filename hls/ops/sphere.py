"""L2 normalisation of a vector onto the unit sphere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Node, check_bits
from trigforge.hls.ops import reciprocal_root


@dataclass(frozen=True, eq=False, kw_only=True)
class Sphere(Node):
    """y = x / sqrt(max(sum of x[c]^2, 1)) for a vector; zero stays zero.

    The sum of squares is exact; the quotient is defined in
    :mod:`~trigforge.hls.ops.reciprocal_root`.

    Attributes:
        format: of the output; saturates.
    """

    op: ClassVar[str] = "sphere"

    format: Format

    @staticmethod
    def square_width(x: Edge) -> int:
        """Bits of the sum of squares."""
        ends = zip(x.lo.tolist(), x.hi.tolist(), strict=True)
        largest: int = sum(max(lo**2, hi**2) for lo, hi in ends)
        return max(largest, 1).bit_length()

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge: no component is longer than the vector, whose length is one."""
        (x,) = inputs
        if len(x.shape) != 1:
            raise self.refuse(f"input has shape {x.shape}, expected (C,)")
        if self.format.fraction > reciprocal_root.FINEST or not self.format.signed:
            raise self.refuse(
                f"output {self.format}: expected signed, "
                f"with at most {reciprocal_root.FINEST} fraction bits"
            )
        check_bits(x.magnitude * 2.0 ** (reciprocal_root.PRECISION - 4))
        if self.square_width(x) > reciprocal_root.LARGEST_BITS:
            raise self.refuse(f"squares need {self.square_width(x)} bits, at most 53 are carried")
        lo, hi = reciprocal_root.bound(1.0, self.format)
        channels = x.shape[0]
        y = Edge(x.shape, self.format, np.full(channels, lo), np.full(channels, hi))
        energy = reciprocal_root.energy(channels, 1.0, self.format)
        return y.knowing(energy=np.array([energy], np.int64))

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of input and output; what lies between is carried in 64-bit integers."""
        return max(inputs[0].magnitude.bit_length(), self.format.width)
