"""Dense layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Ints, Node
from trigforge.hls.ops import affine


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense(Node):
    """y[o] = sum_i w[i, o] x[i] + b[o].

    Attributes:
        weight: (inputs, outputs) integers on the grid 2^-weight_fraction.
        bias: (outputs,) integers on the grid 2^-bias_fraction.
    """

    op: ClassVar[str] = "dense"

    weight: Ints
    bias: Ints
    weight_fraction: int
    bias_fraction: int

    @property
    def weight_format(self) -> Format:
        """Narrowest format of the weights."""
        return affine.format_of(self.weight, self.weight_fraction)

    @property
    def bias_format(self) -> Format:
        """Narrowest format of the biases."""
        return affine.format_of(self.bias, self.bias_fraction)

    def shifts(self, x: Edge) -> tuple[int, int]:
        """Left shifts that bring products and biases to the output grid."""
        products = x.fraction + self.weight_fraction
        fraction = affine.output_fraction(x.fraction, self.weight_fraction, self.bias_fraction)
        return fraction - products, fraction - self.bias_fraction

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge in the narrowest accumulator that can never overflow."""
        (x,) = inputs
        if x.shape != (self.weight.shape[0],):
            raise self.refuse(f"input has shape {x.shape}, expected ({self.weight.shape[0]},)")
        lo, hi = affine.interval(self.weight, self.bias, x.lo, x.hi, *self.shifts(x))
        fraction = affine.output_fraction(x.fraction, self.weight_fraction, self.bias_fraction)
        return Edge.tight((self.weight.shape[1],), fraction, lo, hi)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the largest partial sum."""
        (x,) = inputs
        return affine.partial_sum_bits(self.weight, self.bias, x.lo, x.hi, *self.shifts(x))
