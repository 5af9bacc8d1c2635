"""What hls4ml's streaming layers cost in LUTs, registers, DSPs and block RAM before synthesis.

Every function is one equation of ``docs/estimates.md``; the constants below are its assumptions,
each with its source. This file has the parts; :mod:`~trigforge.hls.backends.operators` the
operations other than matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trigforge.hls.backends.processes import multiplications
from trigforge.hls.graph import Edge, Ints
from trigforge.hls.ops import Conv, Dense

# Vitis HLS 2024.1 puts 15 x 5 products into DSPs and 15 x 4 into LUTs (reports of one design); the
# boundary is set between their areas, 60 and 75 partial products.
LUT_PRODUCT_BITS = 64
# An 18 x 18 multiplier in LUTs takes 365 to 401 of them (hls4ml issue 99), 1.13 to 1.24 per bit
# pair.
LUT_PER_BIT_PAIR = 1.2
# DSP48E2 multiplies 27 x 18 signed (UG579); wider operands are cut into limbs of one bit less.
DSP_WIDTHS = (27, 18)
# Constants of one or two signed digits become wires or one adder; more become multipliers (the same
# reports list multipliers only for constants of three digits and more).
MAX_SHIFT_ADD_DIGITS = 2
SRL_DEPTH = 32  # one LUT is a shift register of 32 (UG574)
LUT_RAM_DEPTH = 64  # or a memory of 64
MUX_INPUTS_PER_LUT = 4  # a 4:1 multiplexer is one 6-input LUT; wider ones use the F7 and F8 muxes
BRAM_SHAPES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))  # UG573
# config_storage fifo -auto_srl_max_bits and -auto_srl_max_depth, defaults (UG1399)
FIFO_SRL_BITS = 1024
FIFO_SRL_DEPTH = 2
# Assumptions, of the size seen in Vivado HLS 2019.2 and 2020.1 reports.
CONTROL_LUT = 200
CONTROL_FF = 100
FIFO_LUT, FIFO_FF = 36, 50
ACTIVATION_LUT_PER_INPUT_BIT = 6
MAX_LUT_PER_BIT = 2


@dataclass(frozen=True)
class Area:
    """Resources; fractions are kept until the whole design is summed."""

    lut: float = 0.0
    ff: float = 0.0
    dsp: float = 0.0
    bram_18k: float = 0.0

    def __add__(self, other: Area) -> Area:
        return Area(
            self.lut + other.lut,
            self.ff + other.ff,
            self.dsp + other.dsp,
            self.bram_18k + other.bram_18k,
        )


def total(areas: Iterable[Area]) -> Area:
    """Sum of areas."""
    return sum(areas, Area())


def multiplier(a_bits: int, b_bits: int) -> Area:
    """One multiplier of two variables."""
    if min(a_bits, b_bits) == 1:
        return Area(lut=max(a_bits, b_bits) / 2)  # an AND per bit, two to a LUT
    if a_bits * b_bits <= LUT_PRODUCT_BITS or min(a_bits, b_bits) <= 4:
        return Area(lut=LUT_PER_BIT_PAIR * a_bits * b_bits)
    wide, narrow = max(a_bits, b_bits), min(a_bits, b_bits)
    limbs = [
        math.ceil((wide - 1) / (x - 1)) * math.ceil((narrow - 1) / (y - 1))
        for x, y in (DSP_WIDTHS, DSP_WIDTHS[::-1])
    ]
    return Area(dsp=min(limbs))


def constant_multipliers(weights: Ints, x_bits: int) -> Area:
    """All products with constant weights (strategy Latency): shifts, adders or multipliers."""
    digits = signed_digits(weights.ravel())
    widths = np.vectorize(lambda w: int(abs(w)).bit_length() + 1, otypes=[np.int64])
    lut = dsp = 0.0
    for count in range(2, int(digits.max(initial=0)) + 1):
        values = weights.ravel()[digits == count]
        if not values.size:
            continue
        bits = widths(values)
        if count <= MAX_SHIFT_ADD_DIGITS or x_bits == 1:
            lut += float((x_bits + bits).sum()) * (count - 1)
            continue
        for width in np.unique(bits):
            one, number = multiplier(x_bits, int(width)), int((bits == width).sum())
            # in LUTs a constant multiplier is its adders, never more than a full multiplier
            lut += number * min(one.lut, (x_bits + int(width)) * (count - 1))
            dsp += number * one.dsp
    return Area(lut=lut, dsp=dsp)


def signed_digits(values: Ints) -> Ints:
    """Non-zero digits of the canonical signed-digit form of each integer.

    They are the bits in which v and 3 v differ, halved in place (Reitwieser).
    """
    magnitude = np.abs(values)
    changed = (magnitude ^ (3 * magnitude)) >> 1
    return np.array([int(v).bit_count() for v in changed.ravel()], np.int64).reshape(values.shape)


def block_ram(depth: int, width: int) -> int:
    """Block RAMs (18 Kb) of a memory, in the best of their shapes."""
    return min(math.ceil(depth / d) * math.ceil(width / w) for d, w in BRAM_SHAPES)


def fifo(depth: int, width: int) -> Area:
    """A FIFO as ``config_storage fifo -impl autosrl`` builds it."""
    if depth <= FIFO_SRL_DEPTH or depth * width <= FIFO_SRL_BITS:
        return Area(lut=FIFO_LUT + width * math.ceil(depth / SRL_DEPTH), ff=FIFO_FF)
    return Area(lut=FIFO_LUT, ff=FIFO_FF + width, bram_18k=block_ram(depth, width))


def matrix_product(node: Conv | Dense, x: Edge, y: Edge, reuse: int) -> Area:
    """Multipliers, adders, operand multiplexers, weight memory and registers of one layer.

    Args:
        x: input edge; ``y``: output edge, whose width is the proven accumulator's.
    """
    inputs, outputs = multiplications(node)
    x_bits, w_bits, acc_bits = x.format.width, node.weight_format.width, y.format.width
    operands = Area(ff=inputs * x_bits)
    if reuse == 1:
        products = int(np.count_nonzero(node.weight))
        adders = Area(lut=products * acc_bits, ff=outputs * acc_bits + products * acc_bits / 8)
        return operands + adders + constant_multipliers(node.weight, x_bits)
    number = inputs * outputs // reuse
    one = multiplier(x_bits, w_bits)
    multipliers = Area(number * one.lut, number * (x_bits + w_bits), number * one.dsp)
    adders = Area(lut=number * acc_bits, ff=number * acc_bits / 2 + outputs * acc_bits)
    shared = min(reuse, inputs)
    selectors = Area(lut=inputs / shared * x_bits * math.ceil(shared / MUX_INPUTS_PER_LUT))
    memory = Area(bram_18k=block_ram(reuse, number * w_bits))
    return operands + multipliers + adders + selectors + memory


def line_buffer(width: int, rows: int, channels: int, bits: int) -> Area:
    """``rows`` image rows kept in ``ap_shift_reg``, which is always shift-register LUTs."""
    return Area(lut=rows * channels * bits * math.ceil(width / SRL_DEPTH))
