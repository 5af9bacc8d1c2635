from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigforge.hls.formats import Format

integers = st.integers(-(1 << 40), 1 << 40)


@given(integers, integers, st.integers(-8, 24))
def test_smallest_holds_the_range_and_one_bit_less_does_not(a: int, b: int, fraction: int) -> None:
    lo, hi = sorted((a, b))
    fmt = Format.smallest(lo, hi, fraction)
    assert fmt.holds(lo, hi)
    assert fmt.fraction == fraction
    if fmt.width > 1:
        assert not Format(fmt.width - 1, fmt.integer - 1, fmt.signed).holds(lo, hi)


def test_bounds_count_as_xilinx_does() -> None:
    assert (Format(8, 3, True).min_int, Format(8, 3, True).max_int) == (-128, 127)
    assert (Format(8, 3, False).min_int, Format(8, 3, False).max_int) == (0, 255)
    assert Format(8, 3, True).fraction == 5


def test_rendering() -> None:
    assert Format(8, 3, True).ap() == "ap_fixed<8,3,AP_TRN,AP_WRAP,0>"
    assert Format(1, 1, False).ap(saturate=True) == "ap_ufixed<1,1,AP_TRN,AP_SAT,0>"
    assert str(Format(6, -1, False)) == "ufixed<6,-1>"


def test_no_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="width is 0"):
        Format(0, 0, True)
    with pytest.raises(ValueError, match="empty range"):
        Format.smallest(1, 0, 0)
