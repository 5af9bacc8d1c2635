"""Constant channels behind an image's own: the x/y mesh of a coordinate convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Ints, Node, check_bits
from trigforge.hls.ops import affine


@dataclass(frozen=True, eq=False, kw_only=True)
class Append(Node):
    """(H, W, C) -> (H, W, C + K): the input's channels, then constants, on the finer grid.

    Attributes:
        constant: (H, W, K) integers on the grid 2^-constant_fraction.
    """

    op: ClassVar[str] = "append"

    constant: Ints
    constant_fraction: int

    @property
    def constant_format(self) -> Format:
        """Narrowest format of the constants."""
        return affine.format_of(self.constant, self.constant_fraction)

    def shifts(self, x: Edge) -> tuple[int, int]:
        """Left shifts that bring the input and the constants to the output grid."""
        fraction = max(x.fraction, self.constant_fraction)
        return fraction - x.fraction, fraction - self.constant_fraction

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge; a constant channel spans its own values."""
        (x,) = inputs
        if self.constant.ndim != 3 or self.constant.shape[:2] != x.shape[:-1]:
            raise self.refuse(
                f"constants of shape {self.constant.shape} beside an image of shape {x.shape}"
            )
        x_shift, shift = self.shifts(x)
        check_bits(x.magnitude * 2.0**x_shift)
        check_bits(float(np.abs(self.constant).max()) * 2.0**shift)
        own = self.constant << shift
        lo = np.concatenate([x.lo << x_shift, own.min((0, 1))])
        hi = np.concatenate([x.hi << x_shift, own.max((0, 1))])
        return Edge.tight((*x.shape[:2], len(lo)), x.fraction + x_shift, lo, hi)
