"""InstanceNorm in integer arithmetic: exact mean and variance, reciprocal root by table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Node, check_bits
from trigforge.hls.ops import reciprocal_root


@dataclass(frozen=True, eq=False, kw_only=True)
class InstanceNorm(Node):
    """y = (N x - S) / sqrt(N Q - S^2 + epsilon), each channel by itself.

    N is the number of pixels, S the sum of the channel's integers and Q that of their squares, so
    that N x - S is N times the deviation from the mean and N Q - S^2 is N^2 times the variance,
    both exact. The quotient is defined in :mod:`~trigforge.hls.ops.reciprocal_root`. A learnt
    factor and offset are a scale behind it.

    Attributes:
        epsilon: positive integer on the grid of N Q - S^2; N^2 2^(2 f) times the usual epsilon, f
            the input's fraction bits.
        format: of the output; saturates.
    """

    op: ClassVar[str] = "instance_norm"

    epsilon: int
    format: Format

    @staticmethod
    def integer_epsilon(epsilon: float, x: Edge) -> int:
        """The integer that stands for an epsilon beside the variance; at least one."""
        pixels = math.prod(x.shape[:-1])
        return max(1, round(epsilon * pixels**2 * 2.0 ** (2 * x.fraction)))

    def widths(self, x: Edge) -> tuple[int, int]:
        """Bits of S and N x - S with their sign, and of N Q - S^2 + epsilon."""
        largest = math.prod(x.shape[:-1]) * x.magnitude
        return (2 * largest).bit_length() + 1, (largest**2 + self.epsilon).bit_length()

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge: one pixel against all others is as far from the mean as it gets."""
        (x,) = inputs
        if len(x.shape) != 3:
            raise self.refuse(f"input has shape {x.shape}, expected (H, W, C)")
        if self.epsilon < 1:
            raise self.refuse(f"epsilon is {self.epsilon}, expected a positive integer")
        if self.format.fraction > reciprocal_root.FINEST or not self.format.signed:
            raise self.refuse(
                f"output {self.format}: expected signed, "
                f"with at most {reciprocal_root.FINEST} fraction bits"
            )
        deviation, square = self.widths(x)
        check_bits(2.0 ** (deviation + reciprocal_root.PRECISION - 3))
        if square > reciprocal_root.LARGEST_BITS:
            raise self.refuse(f"variances need {square} bits, at most 53 are carried")
        pixels, spans = math.prod(x.shape[:-1]), (x.hi - x.lo).tolist()
        ends = [reciprocal_root.bound(self._largest(pixels, span), self.format) for span in spans]
        lo, hi = np.array(ends, np.int64).T
        energy = reciprocal_root.energy(pixels, pixels, self.format)
        return Edge(x.shape, self.format, lo, hi).knowing(energy=np.full(x.shape[-1], energy))

    def _largest(self, pixels: int, span: int) -> float:
        """Largest |N x - S| / sqrt(D) of a channel that spans ``span`` integers.

        A deviation t = N x - S is at most (N - 1) span, and makes N Q - S^2 at least
        t^2 / (N - 1); one pixel at one end and all others at the other reach both.
        """
        deviation = float(span) * (pixels - 1)
        if deviation == 0:
            return 0.0
        return deviation / math.sqrt(deviation**2 / (pixels - 1) + self.epsilon)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of input and output; what lies between is carried in 64-bit integers."""
        return max(inputs[0].magnitude.bit_length(), self.format.width)
