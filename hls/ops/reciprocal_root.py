"""What the range analysis knows of x / sqrt(D) by table.

The arithmetic itself is defined in :mod:`trigforge.quantize.reciprocal_root`, where the quantised
training reads it too.
"""

from __future__ import annotations

import math

from trigforge.hls.formats import Format
from trigforge.quantize.reciprocal_root import (
    FINEST,
    FIRST,
    INDEX_BITS,
    LARGEST_BITS,
    LAST,
    PRECISION,
    RELATIVE_ERROR,
    TABLE,
    quotient,
)


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


__all__ = [
    "FINEST",
    "FIRST",
    "INDEX_BITS",
    "LARGEST_BITS",
    "LAST",
    "PRECISION",
    "RELATIVE_ERROR",
    "TABLE",
    "bound",
    "energy",
    "quotient",
]
