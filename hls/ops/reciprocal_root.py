"""x / sqrt(D) on integers, by a table: what the normalisations share.

D > 0 is written as m 2^s with s even and 256 <= m < 1024, dropping bits (floor) or appending zeros.
With the table r[m] = round(2^16 / sqrt(m + 1/2)) the quotient on the grid 2^-f is

    y = floor(x r[m] / 2^(16 + s / 2 - f)),

clipped to the output's format. The table has 768 entries of 12 bits; r[m] 2^-16 2^(-s/2) differs
from 1 / sqrt(D) by less than one part in 900.
"""

from __future__ import annotations

import math

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Ints

INDEX_BITS = 10
FIRST = 1 << (INDEX_BITS - 2)
LAST = (1 << INDEX_BITS) - 1
PRECISION = 16
# The shift of the product never turns left as long as the output's grid is no finer than this.
FINEST = PRECISION - INDEX_BITS // 2 + 1
# A float64 holds D exactly, which is how the emulator finds its leading bit.
LARGEST_BITS = 53
# Largest relative error of the table, see the tests.
RELATIVE_ERROR = 1 / 900

TABLE: Ints = np.rint(2.0**PRECISION / np.sqrt(np.arange(FIRST, LAST + 1) + 0.5)).astype(np.int64)


def bound(largest: float, fmt: Format) -> tuple[int, int]:
    """Ends of y when |x| <= ``largest`` sqrt(D): the quotient's, or the format's where smaller."""
    reach = math.ceil(largest * (1 + RELATIVE_ERROR) * 2.0**fmt.fraction)
    return max(-reach, fmt.min_int), min(reach, fmt.max_int)


def energy(count: int, square: float, fmt: Format) -> int:
    """Largest sum of y^2 over ``count`` integers when x^2 sums to ``square`` D at most.

    Flooring moves each y by less than one, so the length of all by less than sqrt(count); clipping
    only shortens.
    """
    length = math.sqrt(square) * (1 + RELATIVE_ERROR) * 2.0**fmt.fraction + math.sqrt(count)
    return math.ceil(length**2)
