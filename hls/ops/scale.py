"""A factor and an offset per channel: folded BatchNorm, products and sums with constants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from trigforge.hls import forms
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Ints, Node, check_bits
from trigforge.hls.ops import affine


@dataclass(frozen=True, eq=False, kw_only=True)
class Scale(Node):
    """y = factor[c] x + offset[c].

    Attributes:
        factor: (C,) integers on the grid 2^-factor_fraction.
        offset: (C,) integers on the grid 2^-offset_fraction.
    """

    op: ClassVar[str] = "scale"

    factor: Ints
    offset: Ints
    factor_fraction: int
    offset_fraction: int

    @property
    def factor_format(self) -> Format:
        """Narrowest format of the factors."""
        return affine.format_of(self.factor, self.factor_fraction)

    @property
    def offset_format(self) -> Format:
        """Narrowest format of the offsets."""
        return affine.format_of(self.offset, self.offset_fraction)

    def fraction(self, x: Edge) -> int:
        """Grid of the output: fine enough for the products and for the offset."""
        return max(x.fraction + self.factor_fraction, self.offset_fraction)

    def shifts(self, x: Edge) -> tuple[int, int]:
        """Left shifts that bring products and offsets to the output grid."""
        fraction = self.fraction(x)
        return fraction - x.fraction - self.factor_fraction, fraction - self.offset_fraction

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge; linear, so ends map to ends."""
        (x,) = inputs
        if self.factor.shape != (x.shape[-1],) or self.offset.shape != (x.shape[-1],):
            raise self.refuse(
                f"{self.factor.size} factors and {self.offset.size} offsets "
                f"for {x.shape[-1]} channels"
            )
        check_bits(float(self._largest(x)))
        product, shift = self.shifts(x)
        ends = [(end * self.factor << product) + (self.offset << shift) for end in (x.lo, x.hi)]
        form = forms.attempt(
            lambda: (
                forms.of(x)
                .scaled(self.factor, self.factor_fraction)
                .offset(self.offset, self.offset_fraction)
            )
        )
        lo, hi = np.min(ends, axis=0), np.max(ends, axis=0)
        return Edge.tight(x.shape, self.fraction(x), lo, hi, form)

    def block(self, start: int, stop: int) -> Scale:
        """The factors and offsets of these channels."""
        return replace(self, factor=self.factor[start:stop], offset=self.offset[start:stop])

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the products and of the sum."""
        return self._largest(inputs[0]).bit_length()

    def _largest(self, x: Edge) -> int:
        product, shift = self.shifts(x)
        factor, offset = int(np.abs(self.factor).max()), int(np.abs(self.offset).max())
        return (x.magnitude * factor << product) + (offset << shift)
