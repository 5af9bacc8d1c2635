"""Two-dimensional convolution with explicit zero padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls import forms
from trigforge.hls.graph import Edge, Ints
from trigforge.hls.ops import affine
from trigforge.hls.ops.affine import Affine


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(Affine):
    """y[i, j, o] = sum_{k, l, c} w[k, l, c, o] x[i s_h + k - top, j s_w + l - left, c] + b[o].

    Attributes:
        weight: (kh, kw, C_in / groups, C_out) integers on the grid 2^-weight_fraction.
        bias: (C_out,) integers on the grid 2^-bias_fraction.
        pads: (top, left, bottom, right) zeros around the input.
        groups: the input and output channels fall into this many independent blocks.
    """

    op: ClassVar[str] = "conv"

    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge in the narrowest accumulator that can never overflow."""
        (x,) = inputs
        if len(x.shape) != 3:
            raise self.refuse(f"input has shape {x.shape}, expected (H, W, C)")
        kh, kw, block, outputs = self.weight.shape
        if x.shape[2] != block * self.groups:
            raise self.refuse(
                f"input has {x.shape[2]} channels, kernel expects {block * self.groups}"
            )
        top, left, bottom, right = self.pads
        height = (x.shape[0] + top + bottom - kh) // self.strides[0] + 1
        width = (x.shape[1] + left + right - kw) // self.strides[1] + 1
        if height < 1 or width < 1:
            raise self.refuse(f"kernel {kh} x {kw} is larger than the padded input {x.shape}")
        lo, hi = self._interval(x)
        form = None
        if self.groups == 1 and self.strides == (1, 1) and (height, width) == x.shape[:2]:
            form = self.window(x, self.weight, (top, left))
        return Edge.tight((height, width, outputs), self.fraction(x), lo, hi, form)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the largest partial sum."""
        lo, hi = self._padded_range(inputs[0])
        shifts = self.shifts(inputs[0])
        return max(
            affine.partial_sum_bits(w, b, low, high, *shifts)
            for w, b, low, high in self._split(lo, hi)
        )

    def _padded_range(self, x: Edge) -> tuple[Ints, Ints]:
        if any(self.pads):
            return np.minimum(x.lo, 0), np.maximum(x.hi, 0)
        return x.lo, x.hi

    def _split(self, lo: Ints, hi: Ints) -> list[tuple[Ints, Ints, Ints, Ints]]:
        parts = zip(
            np.split(self.weight, self.groups, axis=-1),
            np.split(self.bias, self.groups),
            np.split(lo, self.groups),
            np.split(hi, self.groups),
            strict=True,
        )
        return list(parts)

    def _interval(self, x: Edge) -> tuple[Ints, Ints]:
        shifts = self.shifts(x)
        (height, width), (top, left, bottom, right) = x.shape[:2], self.pads
        kh, kw = self.weight.shape[:2]
        rows = forms.places(height, kh, top, bottom, self.strides[0])
        columns = forms.places(width, kw, left, right, self.strides[1])
        blocks = self._split(x.lo, x.hi)
        ends = [affine.interval(w, b, lo, hi, *shifts, rows, columns) for w, b, lo, hi in blocks]
        return np.concatenate([e[0] for e in ends]), np.concatenate([e[1] for e in ends])
