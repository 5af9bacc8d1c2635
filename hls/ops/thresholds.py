"""Comparators: a quantiser behind any monotone function, as integers per channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Ints, Node

LARGEST_COUNT = 255


@dataclass(frozen=True, eq=False, kw_only=True)
class Thresholds(Node):
    """y = first[c] + step[c] times the number of thresholds t[c, k] <= x.

    A quantiser behind a BatchNorm whose factors lie on no grid is such a staircase, exactly: where
    the rounded value changes, the accumulator crosses an integer (FINN, arXiv:1709.04060).

    Attributes:
        thresholds: (C, K) integers on the input's grid, ascending along K.
        first: (C,) integers in ``format``, below all thresholds.
        step: (C,) integers; negative where the function falls.
        format: of the output.
    """

    op: ClassVar[str] = "thresholds"

    thresholds: Ints
    first: Ints
    step: Ints
    format: Format

    def apply(self, x: Ints) -> Ints:
        """The operation on integers, channels last."""
        counts = (x[..., None] >= self.thresholds).sum(-1)
        y: Ints = self.first + self.step * counts
        return y

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge; monotone, so ends map to ends."""
        (x,) = inputs
        channels = x.shape[-1]
        if self.thresholds.ndim != 2 or len(self.thresholds) != channels:
            raise self.refuse(f"{len(self.thresholds)} rows of thresholds for {channels} channels")
        if self.thresholds.shape[1] > LARGEST_COUNT:
            raise self.refuse(
                f"{self.thresholds.shape[1]} thresholds per channel, at most {LARGEST_COUNT}"
            )
        if np.any(np.diff(self.thresholds, axis=1) < 0):
            raise self.refuse("thresholds do not ascend")
        ends = np.stack([self.apply(x.lo), self.apply(x.hi)])
        lo, hi = ends.min(0), ends.max(0)
        if not self.format.holds(int(lo.min()), int(hi.max())):
            raise self.refuse(f"{self.format} does not hold [{lo.min()}, {hi.max()}]")
        return Edge(x.shape, self.format, lo, hi)

    def block(self, start: int, stop: int) -> Thresholds:
        """The comparators of these channels."""
        channels = slice(start, stop)
        return replace(
            self,
            thresholds=self.thresholds[channels],
            first=self.first[channels],
            step=self.step[channels],
        )

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the input, the thresholds and the output."""
        largest = int(np.abs(self.thresholds).max(initial=0))
        return max(inputs[0].magnitude.bit_length(), largest.bit_length(), self.format.width)
