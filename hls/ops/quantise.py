"""Rounding, saturating quantiser: the only place where information is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from trigforge.hls import forms
from trigforge.hls.formats import Format
from trigforge.hls.forms import Form
from trigforge.hls.graph import Edge, Ints, Node, check_bits

Rounding = Literal["floor", "half_even"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantise(Node):
    """y = clip(floor(x * 2^-(f_x - f_y)), min, max), or rounded half to even.

    Attributes:
        format: of the output.
        narrow: leave out the most negative integer of a signed format, so that the range is
            symmetric, and the largest one of an unsigned format.
        rounding: our own networks truncate; imported ones may round half to even.
        clip: smallest and largest integer, where they are not the format's.
    """

    op: ClassVar[str] = "quantise"

    format: Format
    narrow: bool = False
    rounding: Rounding = "floor"
    clip: tuple[int, int] | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest integer that comes out."""
        low, high = self.format.min_int, self.format.max_int
        if self.narrow:
            low, high = (low + 1, high) if self.format.signed else (low, high - 1)
        if self.clip is not None:
            low, high = max(low, self.clip[0]), min(high, self.clip[1])
        return low, high

    @property
    def fills_format(self) -> bool:
        """Whether every integer of the format can come out: a saturating type then says it all."""
        return self.bounds == (self.format.min_int, self.format.max_int)

    def apply(self, x: Ints, fraction: int) -> Ints:
        """The operation on integers of the grid 2^-fraction."""
        clipped: Ints = np.clip(self._rounded(x, fraction - self.format.fraction), *self.bounds)
        return clipped

    def _rounded(self, x: Ints, drop: int) -> Ints:
        shifted = x >> drop if drop >= 0 else x << -drop
        if self.rounding == "half_even" and drop > 0:
            rest, half = x - (shifted << drop), 1 << (drop - 1)
            shifted = shifted + ((rest > half) | ((rest == half) & (shifted % 2 == 1)))
        return shifted

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge in the quantiser's format; monotone, so ends map to ends."""
        (x,) = inputs
        low, high = self.bounds
        if low > high:
            raise self.refuse(f"clips to [{low}, {high}], which holds nothing")
        check_bits(x.magnitude * 2.0 ** max(self.format.fraction - x.fraction, 0))
        lo, hi = self.apply(x.lo, x.fraction), self.apply(x.hi, x.fraction)
        return Edge(x.shape, self.format, lo, hi, self._form(x))

    def _form(self, x: Edge) -> Form | None:
        """The input less what is dropped, where nothing saturates."""
        drop = x.fraction - self.format.fraction
        low, high = self.bounds
        if self._rounded(x.lo, drop).min() < low or self._rounded(x.hi, drop).max() > high:
            return None
        if drop <= 0:
            return forms.of(x)
        least, most = (0, (1 << drop) - 1)
        if self.rounding == "half_even":
            least, most = -(1 << (drop - 1)), 1 << (drop - 1)
        zero = np.zeros(x.shape[-1], np.int64)
        dropped = Edge.tight(x.shape, x.fraction, zero + least, zero + most)
        return forms.attempt(lambda: forms.of(x).minus(forms.atom(dropped)))

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of input and output."""
        (x,) = inputs
        return max(x.magnitude.bit_length(), self.format.width)
