"""Areas of multipliers, constants and memories in closed form."""

from __future__ import annotations

import numpy as np

from trigforge.hls.backends import area


def naf(value_: int) -> int:
    """Slow oracle: non-adjacent form by definition."""
    count, rest = 0, abs(value_)
    while rest:
        if rest % 2:
            count += 1
            rest -= 2 - rest % 4
        rest //= 2
    return count


def test_signed_digits() -> None:
    values = np.arange(-300, 301)
    assert list(area.signed_digits(values)) == [naf(int(v)) for v in values]


def test_multipliers_by_width() -> None:
    assert area.multiplier(8, 6).dsp == 0
    assert area.multiplier(15, 4).dsp == 0
    assert area.multiplier(15, 5) == area.Area(dsp=1)
    assert area.multiplier(27, 18).dsp == 1
    assert area.multiplier(28, 18).dsp == 2
    assert area.multiplier(32, 32).dsp == 4
    assert 365 <= area.LUT_PER_BIT_PAIR * 18 * 18 <= 401
    assert area.multiplier(1, 6).lut == 3


def test_constants_of_few_digits_are_adders() -> None:
    powers = area.constant_multipliers(np.array([0, 1, -4, 64]), 16)
    assert powers == area.Area()
    assert area.constant_multipliers(np.array([5]), 16).lut == 16 + 4
    assert area.constant_multipliers(np.array([0b1010101]), 16).dsp == 1
    assert area.constant_multipliers(np.array([0b1010101]), 1).dsp == 0


def test_memories() -> None:
    assert area.block_ram(512, 36) == 1
    assert area.block_ram(513, 36) == 2
    assert area.block_ram(900, 16) == 1
    assert area.block_ram(16384, 1) == 1
    assert area.fifo(2, 4096).bram_18k == 0
    assert area.fifo(16, 64).bram_18k == 0
    assert area.fifo(17, 64).bram_18k == 2
    assert area.line_buffer(58, 2, 32, 8) == area.Area(lut=2 * 32 * 8 * 2)
