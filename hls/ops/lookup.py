"""A function of one variable as a table: one integer out for every integer in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Ints, Node
from trigforge.quantize.tables import LARGEST_WIDTH


@dataclass(frozen=True, eq=False, kw_only=True)
class Lookup(Node):
    """y = entries[x - min], min the smallest integer of the input's format.

    Attributes:
        entries: (2^width,) integers in ``format``, width the input's.
        format: of the output.
    """

    op: ClassVar[str] = "lookup"

    entries: Ints
    format: Format

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge: the extremes of the entries that each channel can reach."""
        (x,) = inputs
        if x.format.width > LARGEST_WIDTH:
            raise self.refuse(f"input has {x.format.width} bits, tables at most {LARGEST_WIDTH}")
        if self.entries.shape != (1 << x.format.width,):
            raise self.refuse(f"{len(self.entries)} entries for {x.format.width} bits")
        if not self.format.holds(int(self.entries.min()), int(self.entries.max())):
            raise self.refuse(f"entries do not fit {self.format}")
        first, last = x.lo - x.format.min_int, x.hi - x.format.min_int
        reached = [self.entries[a : b + 1] for a, b in zip(first, last, strict=True)]
        lo = np.array([span.min() for span in reached], np.int64)
        hi = np.array([span.max() for span in reached], np.int64)
        return Edge(x.shape, self.format, lo, hi)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of input and output."""
        return max(inputs[0].format.width, self.format.width)
