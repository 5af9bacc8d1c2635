"""What convolution and dense layer share: y = w x + b, exact, with a proven range."""

from __future__ import annotations

import numpy as np
from trigforge.hls.formats import Format
from trigforge.hls.graph import Ints


def output_fraction(x_fraction: int, w_fraction: int, b_fraction: int) -> int:
    """Grid of y: fine enough for the products and for the bias."""
    return max(x_fraction + w_fraction, b_fraction)


def interval(
    weight: Ints, bias: Ints, lo: Ints, hi: Ints, product_shift: int, bias_shift: int
) -> tuple[Ints, Ints]:
    """Smallest and largest sum of each output, over all inputs within their ranges.

    Args:
        weight: (..., inputs, outputs).
        bias: (outputs,).
        lo: (inputs,) smallest integer of each input; ``hi`` the largest.
        product_shift: left shift that brings products to the output grid, ``bias_shift`` biases.
    """
    flat = weight.reshape(-1, *weight.shape[-2:])
    positive, negative = np.maximum(flat, 0).sum(0), np.minimum(flat, 0).sum(0)
    low = lo @ positive + hi @ negative
    high = hi @ positive + lo @ negative
    offset = bias << bias_shift
    return (low << product_shift) + offset, (high << product_shift) + offset


def partial_sum_bits(
    weight: Ints, bias: Ints, lo: Ints, hi: Ints, product_shift: int, bias_shift: int
) -> int:
    """Bits of the largest partial sum in whatever order products are added."""
    flat = np.abs(weight.reshape(-1, *weight.shape[-2:])).sum(0)
    largest = np.maximum(np.abs(lo), np.abs(hi)) @ flat
    return int(((largest << product_shift) + (np.abs(bias) << bias_shift)).max()).bit_length()


def format_of(values: Ints, fraction: int) -> Format:
    """The narrowest format that holds constant integers."""
    return Format.smallest(int(values.min(initial=0)), int(values.max(initial=0)), fraction)
