"""Products of two tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls.graph import Edge, Node, check_bits


@dataclass(frozen=True, eq=False, kw_only=True)
class Mul(Node):
    """y = a b, element by element, with the fraction bits of both.

    When both inputs are the same edge this is the square, which is never negative.
    """

    op: ClassVar[str] = "mul"

    @property
    def is_square(self) -> bool:
        """Whether an edge is multiplied by itself."""
        return self.inputs[0] == self.inputs[1]

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge: the extreme products of the ends, of equal ends for a square."""
        a, b = inputs
        if a.shape != b.shape:
            raise self.refuse(f"inputs of shape {a.shape} and {b.shape}; tile or crop one of them")
        check_bits(float(a.magnitude) * float(b.magnitude))
        fraction = a.fraction + b.fraction
        if self.is_square:
            ends = np.stack([a.lo**2, a.hi**2])
            crosses = (a.lo <= 0) & (a.hi >= 0)
            return Edge.tight(a.shape, fraction, np.where(crosses, 0, ends.min(0)), ends.max(0))
        ends = np.stack([p * q for p in (a.lo, a.hi) for q in (b.lo, b.hi)])
        return Edge.tight(a.shape, fraction, ends.min(0), ends.max(0))
