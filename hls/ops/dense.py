"""Dense layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls.graph import Edge
from trigforge.hls.ops import affine
from trigforge.hls.ops.affine import Affine


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense(Affine):
    """y[o] = sum_i w[i, o] x[i] + b[o].

    Attributes:
        weight: (inputs, outputs) integers on the grid 2^-weight_fraction.
        bias: (outputs,) integers on the grid 2^-bias_fraction.
    """

    op: ClassVar[str] = "dense"

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge in the narrowest accumulator that can never overflow."""
        (x,) = inputs
        if x.shape != (self.weight.shape[0],):
            raise self.refuse(f"input has shape {x.shape}, expected ({self.weight.shape[0]},)")
        lo, hi = affine.interval(self.weight, self.bias, x.lo, x.hi, *self.shifts(x))
        return Edge.tight((self.weight.shape[1],), self.fraction(x), lo, hi)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the largest partial sum."""
        (x,) = inputs
        return affine.partial_sum_bits(self.weight, self.bias, x.lo, x.hi, *self.shifts(x))
