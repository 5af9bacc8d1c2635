"""What convolution and dense layer share: y = w x + b, exact, with a proven range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls import forms
from trigforge.hls.formats import Format
from trigforge.hls.forms import Form
from trigforge.hls.graph import Edge, Ints, Node, check_bits

# One position, on the image: a dense layer has no others.
ALWAYS: Ints = np.ones((1, 1), np.int64)


@dataclass(frozen=True, eq=False, kw_only=True)
class Affine(Node):
    """A node with weights and biases.

    Attributes:
        weight: (..., inputs, outputs) integers on the grid 2^-weight_fraction.
        bias: (outputs,) integers on the grid 2^-bias_fraction.
    """

    weight: Ints
    bias: Ints
    weight_fraction: int
    bias_fraction: int

    @property
    def weight_format(self) -> Format:
        """Narrowest format of the weights."""
        return format_of(self.weight, self.weight_fraction)

    @property
    def bias_format(self) -> Format:
        """Narrowest format of the biases."""
        return format_of(self.bias, self.bias_fraction)

    def fraction(self, x: Edge) -> int:
        """Grid of the output: fine enough for the products and for the bias."""
        return max(x.fraction + self.weight_fraction, self.bias_fraction)

    def window(self, x: Edge, taps: Ints, centre: tuple[int, int]) -> Form | None:
        """The output as an affine function of the input's pixels, ``taps`` (kh, kw, I, C)."""
        product, shift = self.shifts(x)
        largest = float(np.abs(taps.astype(float)).max(initial=0)) * 2.0**product
        if largest * x.magnitude * taps[..., 0].size >= forms.LARGEST:
            return None
        bias = self.bias << shift
        return Form(self.fraction(x), bias, {}, {x: taps << product}, {x: centre})

    def shifts(self, x: Edge) -> tuple[int, int]:
        """Left shifts that bring products and biases to the output grid."""
        fraction = self.fraction(x)
        return fraction - x.fraction - self.weight_fraction, fraction - self.bias_fraction


def interval(
    weight: Ints,
    bias: Ints,
    lo: Ints,
    hi: Ints,
    product_shift: int,
    bias_shift: int,
    rows: Ints = ALWAYS,
    columns: Ints = ALWAYS,
) -> tuple[Ints, Ints]:
    """Smallest and largest sum of each output, over all inputs within their ranges.

    Args:
        weight: (kh, kw, inputs, outputs) or (inputs, outputs).
        bias: (outputs,).
        lo: (inputs,) smallest integer of each input; ``hi`` the largest.
        product_shift: left shift that brings products to the output grid, ``bias_shift`` biases.
        rows: (positions, kh) which rows of the kernel lie on the image, ``columns`` the same.

    Raises:
        OverflowError: a sum could leave 62 bits.
    """
    flat = weight.reshape(-1, *weight.shape[-2:])
    check_bits(float(_largest(flat.astype(float), bias, lo, hi, product_shift, bias_shift).max()))
    taps = weight.reshape(rows.shape[1], columns.shape[1], *weight.shape[-2:])
    low, high = forms.windows(taps, lo, hi, rows, columns)
    offset = bias << bias_shift
    return (low << product_shift) + offset, (high << product_shift) + offset


def partial_sum_bits(
    weight: Ints, bias: Ints, lo: Ints, hi: Ints, product_shift: int, bias_shift: int
) -> int:
    """Bits of the largest partial sum in whatever order products are added."""
    flat = weight.reshape(-1, *weight.shape[-2:])
    largest = _largest(flat, bias, lo, hi, product_shift, bias_shift)
    return int(largest.max()).bit_length()


def _largest(
    flat: NDArray[Any], bias: Ints, lo: Ints, hi: Ints, product_shift: int, bias_shift: int
) -> NDArray[Any]:
    """Largest absolute partial sum of each output, in the arithmetic of ``flat``."""
    inputs = np.maximum(np.abs(lo), np.abs(hi)).astype(flat.dtype)
    products = (inputs @ np.abs(flat).sum(0)) * 2**product_shift
    total: NDArray[Any] = products + np.abs(bias).astype(flat.dtype) * 2**bias_shift
    return total


def format_of(values: Ints, fraction: int) -> Format:
    """The narrowest format that holds constant integers."""
    return Format.smallest(int(values.min(initial=0)), int(values.max(initial=0)), fraction)
