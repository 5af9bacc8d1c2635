"""The largest entry of a vector: the score of the nearest of several prototypes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls.graph import Edge, Node


@dataclass(frozen=True, eq=False, kw_only=True)
class Highest(Node):
    """y = max over c of x[c]: behind a dense layer, the best of mu_k z + b_k."""

    op: ClassVar[str] = "highest"

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge: the largest lower end to the largest upper end."""
        (x,) = inputs
        if len(x.shape) != 1:
            raise self.refuse(f"input has shape {x.shape}, expected (C,)")
        return Edge.tight((1,), x.fraction, x.lo.max(keepdims=True), x.hi.max(keepdims=True))

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the input."""
        return inputs[0].magnitude.bit_length()
