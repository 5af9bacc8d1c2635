"""x / sqrt(D) on integers, by a table: what the normalisations of every stage share.

D > 0 is written as m 2^s with s even and 256 <= m < 1024, dropping bits (floor) or appending zeros.
With the table r[m] = round(2^16 / sqrt(m + 1/2)) the quotient on the grid 2^-f is

    y = floor(x r[m] / 2^(16 + s / 2 - f)),

clipped to the output's format. The table has 768 entries of 12 bits; r[m] 2^-16 2^(-s/2) differs
from 1 / sqrt(D) by less than one part in 900.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

INDEX_BITS = 10
FIRST = 1 << (INDEX_BITS - 2)
LAST = (1 << INDEX_BITS) - 1
PRECISION = 16
# The shift of the product never turns left as long as the output's grid is no finer than this.
FINEST = PRECISION - INDEX_BITS // 2 + 1
# A float64 holds D exactly, which is how its leading bit is found.
LARGEST_BITS = 53
# Largest relative error of the table, see the tests.
RELATIVE_ERROR = 1 / 900

TABLE: npt.NDArray[np.int64] = np.rint(
    2.0**PRECISION / np.sqrt(np.arange(FIRST, LAST + 1) + 0.5)
).astype(np.int64)


def quotient(x: Tensor, square: Tensor, fraction: int, low: int, high: int) -> Tensor:
    """``x / sqrt(square)`` on the grid 2^-fraction, clipped to ``low .. high``; all int64.

    Args:
        x: integers of any shape.
        square: positive integers below 2^53, of a shape that broadcasts to that of ``x``.
        fraction: at most :data:`FINEST`.
    """
    _, length = torch.frexp(square.to(torch.float64))
    shift = length.to(torch.int64) - INDEX_BITS
    shift += shift % 2
    mantissa = (square >> shift.clamp(min=0)) << (-shift).clamp(min=0)
    roots = torch.from_numpy(TABLE)[mantissa - FIRST]
    y = (x * roots) >> (PRECISION + (shift >> 1) - fraction)
    return y.clamp_(low, high)
