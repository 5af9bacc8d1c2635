"""Dense layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls import forms
from trigforge.hls.graph import Edge, Ints, check_bits
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
        if x.energy is not None:
            lo, hi = forms.meet((lo, hi), self._within(int(x.energy[0]), x))
        form = self.window(x, self.weight[None, None], (0, 0))
        return Edge.tight((self.weight.shape[1],), self.fraction(x), lo, hi, form)

    def _within(self, energy: int, x: Edge) -> tuple[Ints, Ints]:
        """Ends for a vector whose squares sum to ``energy`` at most (Cauchy and Schwarz)."""
        product, shift = self.shifts(x)
        squares = (self.weight.astype(object) ** 2).sum(0)
        reach = [math.isqrt(int(square) * energy) << product for square in squares]
        check_bits(float(max(reach)))
        bias = self.bias << shift
        return bias - np.array(reach, np.int64), bias + np.array(reach, np.int64)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the largest partial sum."""
        (x,) = inputs
        return affine.partial_sum_bits(self.weight, self.bias, x.lo, x.hi, *self.shifts(x))
