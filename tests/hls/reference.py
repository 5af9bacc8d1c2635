"""The slow, obvious twin of the emulator: Python integers, one output at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    Flatten,
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
    Split,
    Sub,
    Thresholds,
    Tile,
    Total,
    Unflatten,
)


def run(graph: Graph, x: Any) -> dict[str, Any]:
    """All edges of a graph for one event; arrays of Python integers."""
    edges = {next(iter(graph.inputs)): np.asarray(x).astype(object)}
    for node in graph.nodes:
        inputs = [edges[name] for name in node.inputs]
        edges[node.output] = apply(node, inputs, graph.node_inputs(node))
    return edges


def apply(node: Node, inputs: list[Any], edges: Sequence[Edge]) -> Any:
    """One operation on arrays of Python integers, straight from its definition."""
    x = inputs[0]
    fractions = [edge.fraction for edge in edges]
    firsts = [edge.format.min_int for edge in edges]
    match node:
        case Conv():
            return convolve(node, x, fractions[0])
        case Dense():
            products, biases = shifts(node, fractions[0])
            y = []
            for column, bias in zip(node.weight.T, node.bias, strict=True):
                total = sum(int(a) * int(w) for a, w in zip(x, column, strict=True))
                y.append((total << products) + (int(bias) << biases))
            return np.array(y, object)
        case LeakyRelu():
            return elementwise(x, lambda v: v << node.slope_fraction if v >= 0 else v * node.slope)
        case Quantise():
            low, high = node.bounds
            unit = Fraction(2) ** (node.format.fraction - fractions[0])
            rounded = math.floor if node.rounding == "floor" else round
            return elementwise(x, lambda v: min(max(rounded(v * unit), low), high))
        case Thresholds():
            return by_channel(
                x,
                lambda v, c: (
                    int(node.first[c])
                    + int(node.step[c]) * sum(v >= int(t) for t in node.thresholds[c])
                ),
            )
        case MaxPool():
            return max_pool(node, x)
        case Concat():
            return np.concatenate(inputs, axis=-1)
        case Split():
            return x[..., node.start : node.stop]
        case Flatten():
            return x.reshape(-1)
        case Prelu():
            return by_channel(
                x,
                lambda v, c: v << node.slope_fraction if v >= 0 else v * int(node.slopes[c]),
            )
        case Scale():
            products, offsets = shifts(node, fractions[0])
            return by_channel(
                x,
                lambda v, c: (
                    ((v * int(node.factor[c])) << products) + (int(node.offset[c]) << offsets)
                ),
            )
        case Add() | Sub():
            common = max(fractions)
            a, b = (v * 2 ** (common - f) for v, f in zip(inputs, fractions, strict=True))
            return a + b if isinstance(node, Add) else a - b
        case Mul():
            return inputs[0] * inputs[1]
        case Crop():
            rows = range(node.top, node.top + node.height)
            columns = range(node.left, node.left + node.width)
            return np.array([[x[r, c] for c in columns] for r in rows], object)
        case Tile():
            return np.array([[x] * node.width] * node.height, object)
        case Append():
            common = max(fractions[0], node.constant_fraction)
            own = node.constant.astype(object) * 2 ** (common - node.constant_fraction)
            return np.concatenate([x * 2 ** (common - fractions[0]), own], axis=-1)
        case ConvTranspose():
            return scatter(node, x, fractions[0])
        case Nearest():
            return np.array([[x[i // 2, j // 2] for j in twice(x, 1)] for i in twice(x, 0)], object)
        case Bilinear():
            return bilinear(x)
        case Lookup():
            return elementwise(x, lambda v: int(node.entries[v - firsts[0]]))
        case Total():
            axes = tuple(range(x.ndim)) if node.channels else tuple(range(x.ndim - 1))
            return np.array(x.sum(axes), object).reshape(-1)
        case Highest():
            return np.array([max(x)], object)
        case InstanceNorm():
            return instance_norm(node, x)
        case Sphere():
            square = max(sum(int(v) ** 2 for v in x), 1)
            return elementwise(x, lambda v: quotient(v, square, node.format))
        case Unflatten():
            y = np.zeros((node.height, node.width, node.channels), object)
            for i, (c, h, w) in enumerate(np.ndindex(node.channels, node.height, node.width)):
                y[h, w, c] = x[i]
            return y
    raise NotImplementedError(node.op)


def shifts(node: Conv | ConvTranspose | Dense | Scale, x_fraction: int) -> tuple[int, int]:
    """Left shifts of products and biases to their common grid."""
    if isinstance(node, Scale):
        factor, offset = node.factor_fraction, node.offset_fraction
    else:
        factor, offset = node.weight_fraction, node.bias_fraction
    common = max(x_fraction + factor, offset)
    return common - x_fraction - factor, common - offset


def convolve(node: Conv, x: Any, x_fraction: int) -> Any:
    """Seven nested loops."""
    products, biases = shifts(node, x_fraction)
    top, left, bottom, right = node.pads
    framed = np.pad(x, ((top, bottom), (left, right), (0, 0)), constant_values=0)
    kh, kw, block, filters = node.weight.shape
    per_group = filters // node.groups
    height = (framed.shape[0] - kh) // node.strides[0] + 1
    width = (framed.shape[1] - kw) // node.strides[1] + 1
    y = np.zeros((height, width, filters), object)
    for i, j, o in np.ndindex(height, width, filters):
        total = 0
        for k, m, c in np.ndindex(kh, kw, block):
            row, column = i * node.strides[0] + k, j * node.strides[1] + m
            channel = (o // per_group) * block + c
            total += int(framed[row, column, channel]) * int(node.weight[k, m, c, o])
        y[i, j, o] = (total << products) + (int(node.bias[o]) << biases)
    return y


def max_pool(node: MaxPool, x: Any) -> Any:
    """Only pixels inside the image take part."""
    top, left, bottom, right = node.pads
    height = (x.shape[0] + top + bottom - node.kernel[0]) // node.strides[0] + 1
    width = (x.shape[1] + left + right - node.kernel[1]) // node.strides[1] + 1
    y = np.zeros((height, width, x.shape[2]), object)
    for i, j, c in np.ndindex(*y.shape):
        rows = range(i * node.strides[0] - top, i * node.strides[0] - top + node.kernel[0])
        columns = range(j * node.strides[1] - left, j * node.strides[1] - left + node.kernel[1])
        inside = [
            x[r, k, c] for r in rows for k in columns if 0 <= r < x.shape[0] and 0 <= k < x.shape[1]
        ]
        y[i, j, c] = max(inside)
    return y


def elementwise(x: Any, function: Any) -> Any:
    """Apply to every Python integer."""
    return np.array([function(int(v)) for v in x.ravel()], object).reshape(x.shape)


def by_channel(x: Any, function: Any) -> Any:
    """Apply to every Python integer and its channel."""
    y = np.zeros(x.shape, object)
    for index in np.ndindex(*x.shape):
        y[index] = function(int(x[index]), index[-1])
    return y


def scatter(node: ConvTranspose, x: Any, x_fraction: int) -> Any:
    """Every input pixel adds a kernel to the full result, whose frame is then cut off."""
    products, biases = shifts(node, x_fraction)
    kh, kw, _, filters = node.weight.shape
    full = np.zeros((x.shape[0] + kh - 1, x.shape[1] + kw - 1, filters), object)
    for i, j, c in np.ndindex(*x.shape):
        for k, m, o in np.ndindex(kh, kw, filters):
            full[i + k, j + m, o] += int(x[i, j, c]) * int(node.weight[k, m, c, o])
    top, left, bottom, right = node.pads
    cut = full[top : full.shape[0] - bottom, left : full.shape[1] - right]
    return by_channel(cut, lambda v, o: (v << products) + (int(node.bias[o]) << biases))


def twice(x: Any, axis: int) -> range:
    """Positions along an axis that is enlarged by two."""
    return range(2 * x.shape[axis])


def bilinear(x: Any) -> Any:
    """Sixteenths: from each output pixel's centre, (i + 1/2) / 2 - 1/2, and clamped neighbours."""

    def neighbours(i: int, size: int) -> list[tuple[int, int]]:
        quarters = 2 * i - 1  # four times the source position
        first, rest = quarters // 4, quarters % 4
        return [
            (min(max(first, 0), size - 1), 4 - rest),
            (min(max(first + 1, 0), size - 1), rest),
        ]

    y = np.zeros((2 * x.shape[0], 2 * x.shape[1], x.shape[2]), object)
    for i, j, c in np.ndindex(*y.shape):
        for row, a in neighbours(i, x.shape[0]):
            for column, b in neighbours(j, x.shape[1]):
                y[i, j, c] += a * b * int(x[row, column, c])
    return y


def quotient(x: int, square: int, fmt: Format) -> int:
    """x / sqrt(square) with a root of ten significant bits and a power of four."""
    shift = 0
    while square >> shift >= 1024:
        shift += 2
    while square < 256 * Fraction(4) ** (shift // 2):
        shift -= 2
    mantissa = math.floor(square / Fraction(4) ** (shift // 2))
    root = round(2**16 / math.sqrt(mantissa + 0.5))
    y = math.floor(Fraction(x * root) / Fraction(2) ** (16 + shift // 2 - fmt.fraction))
    return min(max(y, fmt.min_int), fmt.max_int)


def instance_norm(node: InstanceNorm, x: Any) -> Any:
    """Mean and variance of each channel as exact integers."""
    pixels = x.shape[0] * x.shape[1]
    y = np.zeros(x.shape, object)
    for c in range(x.shape[2]):
        values = [int(v) for v in x[..., c].ravel()]
        total = sum(values)
        square = pixels * sum(v * v for v in values) - total * total + node.epsilon
        found = [quotient(pixels * v - total, square, node.format) for v in values]
        y[..., c] = np.array(found, object).reshape(x.shape[:2])
    return y
