"""Fixed-point formats as a value type, rendered to ``ap_fixed`` in this one place."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A fixed-point format as Xilinx counts: value = integer * 2^-(width - integer).

    Attributes:
        width: bits in all, the sign included.
        integer: bits before the binary point, the sign included; may be negative or exceed
            ``width``.
        signed: two's complement when true.
    """

    width: int
    integer: int
    signed: bool

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width is {self.width}, expected at least 1")

    @property
    def fraction(self) -> int:
        """Bits behind the binary point: the grid is 2^-fraction."""
        return self.width - self.integer

    @property
    def min_int(self) -> int:
        """Smallest integer on the grid."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def max_int(self) -> int:
        """Largest integer on the grid."""
        return (1 << (self.width - self.signed)) - 1

    @classmethod
    def smallest(cls, lo: int, hi: int, fraction: int) -> Format:
        """The narrowest format on the grid 2^-fraction that holds every integer of [lo, hi]."""
        if lo > hi:
            raise ValueError(f"empty range [{lo}, {hi}]")
        signed = lo < 0
        width = max(max(hi, 0).bit_length(), (-lo - 1).bit_length() if signed else 0) + signed
        width = max(width, 1)
        return cls(width, width - fraction, signed)

    @classmethod
    def parse(cls, text: str) -> Format:
        """The format that ``str`` wrote: ``fixed<8,3>`` or ``ufixed<8,0>``.

        Raises:
            ValueError: anything else.
        """
        match = re.fullmatch(r"(u?)fixed<(\d+),\s*(-?\d+)>", text.strip())
        if match is None or not 1 <= int(match[2]) <= 32 or abs(int(match[3])) > 64:
            raise ValueError(f"{text!r} is no format such as 'fixed<8,3>' or 'ufixed<8,0>'")
        return cls(int(match[2]), int(match[3]), not match[1])

    def holds(self, lo: int, hi: int) -> bool:
        """Whether every integer of [lo, hi] is representable."""
        return self.min_int <= lo and hi <= self.max_int

    def ap(self, *, saturate: bool = False, half_even: bool = False) -> str:
        """The type in HLS C++: truncating unless ``half_even``, wrapping unless ``saturate``."""
        kind = "ap_fixed" if self.signed else "ap_ufixed"
        rounding = "AP_RND_CONV" if half_even else "AP_TRN"
        overflow = "AP_SAT" if saturate else "AP_WRAP"
        return f"{kind}<{self.width},{self.integer},{rounding},{overflow},0>"

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}fixed<{self.width},{self.integer}>"
