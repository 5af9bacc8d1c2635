"""What the arithmetic of one step of each operation costs, and the memories beside it.

A step works on one pixel, all channels at once. In io_stream there is one copy of it, behind
memories that keep rows or images; in io_parallel one copy per output pixel and no memory. One
equation of ``docs/estimates.md`` each. Convolutions and dense layers are in
:mod:`~trigforge.hls.backends.area`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from trigforge.hls.backends.area import (
    ACTIVATION_LUT_PER_INPUT_BIT,
    LUT_RAM_DEPTH,
    MAX_LUT_PER_BIT,
    MUX_INPUTS_PER_LUT,
    Area,
    block_ram,
    constant_multipliers,
    multiplier,
)
from trigforge.hls.backends.steps import pixels_of
from trigforge.hls.graph import Edge, Node
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    Highest,
    InstanceNorm,
    LeakyRelu,
    Lookup,
    MaxPool,
    Mul,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Sphere,
    Sub,
    Thresholds,
    Total,
    Unflatten,
    affine,
    reciprocal_root,
)

# Tables of up to 2^10 entries are LUTs, larger ones block RAM, which has two ports.
LARGEST_LUT_TABLE_BITS = 10
BLOCK_RAM_PORTS = 2
BILINEAR_ADDERS = 6

Inputs = tuple[Edge, ...]


def arithmetic(node: Node, inputs: Inputs, y: Edge) -> Area:
    """One step: operators and a register for every bit of the result."""
    model = ARITHMETIC.get(type(node), _wires)
    return model(node, inputs, y) + Area(ff=_bits(y))


def memories(node: Node, inputs: Inputs, y: Edge) -> Area:
    """What a stream needs beside the operators: rows, images, vectors."""
    model = MEMORIES.get(type(node))
    return model(node, inputs[0], y) if model else Area()


def _bits(edge: Edge) -> int:
    """Bits of a pixel."""
    return edge.shape[-1] * edge.format.width


def times(number: float, one: Area) -> Area:
    """Copies of one area."""
    return Area(number * one.lut, number * one.ff, number * one.dsp, number * one.bram_18k)


def _wires(node: Node, inputs: Inputs, y: Edge) -> Area:
    return Area(lut=_bits(y) / 2)


def _adder(node: Add | Sub, inputs: Inputs, y: Edge) -> Area:
    return Area(lut=_bits(y))


def _product(node: Mul, inputs: Inputs, y: Edge) -> Area:
    a, b = inputs[0], inputs[-1]
    return times(y.shape[-1], multiplier(a.format.width, b.format.width))


def _activation(node: LeakyRelu | Quantise, inputs: Inputs, y: Edge) -> Area:
    """Comparison, slope and saturation."""
    (x,) = inputs
    per_channel = ACTIVATION_LUT_PER_INPUT_BIT * x.format.width + y.format.width
    return Area(lut=y.shape[-1] * per_channel, ff=_bits(x))


def _prelu(node: Prelu, inputs: Inputs, y: Edge) -> Area:
    slopes = constant_multipliers(node.slopes, inputs[0].format.width)
    return slopes + Area(lut=_bits(y))


def _scale(node: Scale, inputs: Inputs, y: Edge) -> Area:
    factors = constant_multipliers(node.factor, inputs[0].format.width)
    return factors + Area(lut=_bits(y))


def _lookup(node: Lookup, inputs: Inputs, y: Edge) -> Area:
    return times(y.shape[-1], table(inputs[0].format.width, y.format.width))


def table(in_bits: int, out_bits: int) -> Area:
    """One port of a table."""
    if in_bits > LARGEST_LUT_TABLE_BITS:
        return Area(bram_18k=block_ram(1 << in_bits, out_bits) / BLOCK_RAM_PORTS)
    return Area(lut=out_bits * math.ceil((1 << in_bits) / LUT_RAM_DEPTH))


def _bilinear(node: Bilinear, inputs: Inputs, y: Edge) -> Area:
    return Area(lut=BILINEAR_ADDERS * _bits(y))


def _total(node: Total, inputs: Inputs, y: Edge) -> Area:
    return Area(lut=inputs[0].shape[-1] * y.format.width)


def _highest(node: Highest, inputs: Inputs, y: Edge) -> Area:
    (x,) = inputs
    return Area(lut=MAX_LUT_PER_BIT * (x.shape[-1] - 1) * x.format.width)


def _comparators(node: Thresholds, inputs: Inputs, y: Edge) -> Area:
    """Comparators with constants, half a LUT per bit, and the count of those passed."""
    return Area(lut=node.thresholds.size * (inputs[0].format.width / 2 + 1))


def _max_pool(node: MaxPool, inputs: Inputs, y: Edge) -> Area:
    """Row maximum, then column maximum."""
    rows, columns = node.kernel
    return Area(lut=(rows - 1 + columns - 1) * _bits(y) * MAX_LUT_PER_BIT)


def _quotient(deviation_bits: int, square_bits: int, out_bits: int) -> Area:
    """One product with the root, shifted and clipped."""
    root = affine.format_of(reciprocal_root.TABLE, 0).width
    product = deviation_bits + root
    levels = math.ceil(math.log2(max(square_bits // 2, 2)))
    return multiplier(deviation_bits, root) + Area(lut=product * levels / 2 + 2 * out_bits)


def root_of(square_bits: int) -> Area:
    """Leading one, shift and table of a reciprocal root."""
    levels = math.ceil(math.log2(max(square_bits, 2)))
    root = affine.format_of(reciprocal_root.TABLE, 0).width
    shift = Area(lut=square_bits * (levels / 2 + 1), ff=square_bits)
    return shift + table(reciprocal_root.INDEX_BITS, root)


def _sphere(node: Sphere, inputs: Inputs, y: Edge) -> Area:
    (x,) = inputs
    width, square = x.format.width, node.square_width(x)
    squares = times(x.shape[-1], multiplier(width, width) + Area(lut=square))
    quotients = times(x.shape[-1], _quotient(width, square, y.format.width))
    return squares + root_of(square) + quotients


def _instance_norm(node: InstanceNorm, inputs: Inputs, y: Edge) -> Area:
    """Sum, square and quotient per channel; the statistics' own arithmetic once, see memories."""
    (x,) = inputs
    width = x.format.width
    deviation, square = node.widths(x)
    sums = multiplier(width, width) + Area(lut=deviation + square)
    return times(x.shape[-1], sums + _quotient(deviation, square, y.format.width))


def statistics(node: InstanceNorm, x: Edge) -> Area:
    """N Q - S^2 and its root, for one channel."""
    deviation, square = node.widths(x)
    return multiplier(deviation, deviation) + Area(lut=2 * square) + root_of(square)


def _statistics_and_image(node: InstanceNorm, x: Edge, y: Edge) -> Area:
    """One channel's statistics at a time; a memory per channel for the image."""
    memory = times(x.shape[-1], _image_memory(pixels_of(x), x.format.width))
    deviation, square = node.widths(x)
    kept = Area(ff=x.shape[-1] * (deviation + square + reciprocal_root.PRECISION))
    return statistics(node, x) + memory + kept


def _image_memory(depth: int, width: int) -> Area:
    if depth <= 4 * LUT_RAM_DEPTH:
        return Area(lut=width * math.ceil(depth / LUT_RAM_DEPTH))
    return Area(bram_18k=block_ram(depth, width))


def _line(node: Nearest, x: Edge, y: Edge) -> Area:
    return Area(lut=2.0 * _bits(x) * math.ceil(x.shape[1] / LUT_RAM_DEPTH))


def _two_lines(node: Bilinear, x: Edge, y: Edge) -> Area:
    """Rows in registers, and a selector for each of the four neighbours."""
    selectors = 4 * _bits(x) * math.ceil(x.shape[1] / MUX_INPUTS_PER_LUT)
    return Area(lut=selectors, ff=2 * x.shape[1] * _bits(x))


def _rows_of_windows(node: MaxPool, x: Edge, y: Edge) -> Area:
    rows, columns = node.kernel
    width = x.shape[1] + node.pads[1] + node.pads[3]
    memory = 2.0 * rows * _bits(x) * math.ceil(width / LUT_RAM_DEPTH)
    # the last pixel's register is counted with the result
    return Area(lut=memory, ff=(rows + columns - 1) * _bits(x))


def _vector(node: Unflatten, x: Edge, y: Edge) -> Area:
    """The vector, and a selector for every bit of a pixel."""
    return Area(lut=_bits(y) * math.ceil(pixels_of(y) / MUX_INPUTS_PER_LUT), ff=_bits(x))


def _constants(node: Append, x: Edge, y: Edge) -> Area:
    bits = (y.shape[-1] - x.shape[-1]) * y.format.width
    return Area(lut=bits * math.ceil(pixels_of(y) / LUT_RAM_DEPTH))


ARITHMETIC: dict[type[Node], Callable[[Any, Inputs, Edge], Area]] = {
    Add: _adder,
    Bilinear: _bilinear,
    Highest: _highest,
    InstanceNorm: _instance_norm,
    LeakyRelu: _activation,
    Lookup: _lookup,
    MaxPool: _max_pool,
    Mul: _product,
    Prelu: _prelu,
    Quantise: _activation,
    Scale: _scale,
    Sphere: _sphere,
    Sub: _adder,
    Thresholds: _comparators,
    Total: _total,
}

MEMORIES: dict[type[Node], Callable[[Any, Edge, Edge], Area]] = {
    Append: _constants,
    Bilinear: _two_lines,
    InstanceNorm: _statistics_and_image,
    MaxPool: _rows_of_windows,
    Nearest: _line,
    Unflatten: _vector,
}
