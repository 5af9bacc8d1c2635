"""Concatenation along channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls.graph import Edge, Node


@dataclass(frozen=True, eq=False, kw_only=True)
class Concat(Node):
    """Channels of the first input, then of the second, and so on; all on one grid."""

    op: ClassVar[str] = "concat"

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge in the narrowest format for all inputs."""
        first = inputs[0]
        for edge in inputs[1:]:
            if edge.shape[:-1] != first.shape[:-1]:
                raise self.refuse(f"inputs of shape {first.shape} and {edge.shape} do not line up")
            if edge.fraction != first.fraction:
                raise self.refuse(
                    f"inputs on the grids 2^-{first.fraction} and 2^-{edge.fraction}; "
                    "give both branches the same activation format"
                )
        lo = np.concatenate([edge.lo for edge in inputs])
        hi = np.concatenate([edge.hi for edge in inputs])
        shape = (*first.shape[:-1], len(lo))
        return Edge.tight(shape, first.fraction, lo, hi)
