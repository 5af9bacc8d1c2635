"""Sums over an image: score heads, means times a known divisor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls import forms
from trigforge.hls.graph import Edge, Ints, Node, check_bits


@dataclass(frozen=True, eq=False, kw_only=True)
class Total(Node):
    """y[c] = sum of x over pixels; with ``channels``, y = sum over everything.

    A squared-error score is sub, mul of the difference with itself, total; an absolute-error score
    is sub, prelu of slope -1, total. No mean is taken: the number of pixels is no power of two.

    Attributes:
        channels: sum over channels too; the output is one number.
    """

    op: ClassVar[str] = "total"

    channels: bool = True

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge: every pixel at its end, less what neighbouring windows share."""
        (x,) = inputs
        if len(x.shape) == 1 and not self.channels:
            raise self.refuse(f"input has shape {x.shape}, there are no pixels to sum over")
        pixels = math.prod(x.shape[:-1])
        check_bits(float(x.magnitude) * pixels * x.shape[-1])
        lo, hi = x.lo * pixels, x.hi * pixels
        if self.channels:
            lo, hi = (np.array([end.sum()], np.int64) for end in (lo, hi))
        lo, hi = forms.meet((lo, hi), self._correlated(x, lo, hi))
        return Edge.tight((len(lo),), x.fraction, lo, hi)

    def _correlated(self, x: Edge, lo: Ints, hi: Ints) -> tuple[Ints, Ints]:
        """Ends where pixels cannot all reach theirs at once; otherwise those given."""
        if x.sums is not None and (self.channels or len(x.sums) == len(hi)):
            hi = np.minimum(hi, x.sums.sum() if self.channels else x.sums)
        if x.form is not None and x.form.window:
            height, width = x.shape[:2] if len(x.shape) == 3 else (1, 1)
            try:
                ends = x.form.sums(height, width, self.channels)
            except OverflowError:
                ends = None
            if ends is not None:
                lo, hi = forms.meet((lo, hi), forms.on_grid(ends, x.form.fraction, x.fraction))
        return lo, hi

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the largest partial sum in whatever order."""
        (x,) = inputs
        largest = np.maximum(np.abs(x.lo), np.abs(x.hi)) * math.prod(x.shape[:-1])
        return int(largest.sum() if self.channels else largest.max()).bit_length()
