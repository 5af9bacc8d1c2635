"""Element by element: PReLU, sums, differences and products of tensors and constants, BatchNorm."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from trigforge.hls.graph import Ints
from trigforge.hls.ops import Add, LeakyRelu, Mul, Prelu, Scale, Sub
from trigforge.hls.readers.reader import Reader, attributes, slope_integers

# Finest grid for folded BatchNorms; one that needs more is refused rather than rounded.
BATCH_NORM_FRACTION = 24


def prelu(reader: Reader, node: onnx.NodeProto) -> None:
    """PReLU; with a single slope within [0, 1] it is a LeakyReLU."""
    edge, order = reader.place(node)
    if node.input[1] not in reader.constants:
        raise reader.refuse(node, f"the slope {node.input[1]} is computed; it must be a constant")
    channels = reader.edges[edge].shape[-1]
    slopes = _per_channel(reader, node, reader.constants[node.input[1]], order, channels)
    integers, fraction = slope_integers(reader, node, slopes)
    if np.all(integers == integers[0]) and 0 <= integers[0] <= 1 << fraction:
        name = reader.name("leaky")
        slope = int(integers[0])
        reader.add(
            node,
            LeakyRelu(name=name, inputs=(edge,), output=name, slope=slope, slope_fraction=fraction),
            order,
        )
        return
    name = reader.name("prelu")
    exact = Prelu(name=name, inputs=(edge,), output=name, slopes=integers, slope_fraction=fraction)
    reader.add(node, exact, order)


def add(reader: Reader, node: onnx.NodeProto) -> None:
    """Sum of two tensors, or of a tensor and a constant per channel."""
    constant = _constant_input(reader, node)
    if constant is None:
        _two(reader, node, Add)
    else:
        integers, fraction = _channel_integers(reader, node, constant)
        _scale(reader, node, 1 - constant, np.ones_like(integers), 0, integers, fraction)


def sub(reader: Reader, node: onnx.NodeProto) -> None:
    """Difference of two tensors, or of a tensor and a constant per channel, either way round."""
    constant = _constant_input(reader, node)
    if constant is None:
        _two(reader, node, Sub)
        return
    integers, fraction = _channel_integers(reader, node, constant)
    sign = 1 if constant == 1 else -1
    factor = np.full_like(integers, sign)
    _scale(reader, node, 1 - constant, factor, 0, -sign * integers, fraction)


def mul(reader: Reader, node: onnx.NodeProto) -> None:
    """Product of two tensors, or of a tensor and a constant per channel."""
    constant = _constant_input(reader, node)
    if constant is None:
        _two(reader, node, Mul)
    else:
        integers, fraction = _channel_integers(reader, node, constant)
        _scale(reader, node, 1 - constant, integers, fraction, np.zeros_like(integers), 0)


def batch_normalization(reader: Reader, node: onnx.NodeProto) -> None:
    """BatchNorm whose folded factor and offset lie on a grid; others are refused.

    factor = gamma / sqrt(variance + epsilon), offset = beta - factor mean.
    """
    reader.place(node)
    missing = [name for name in node.input[1:5] if name not in reader.constants]
    if missing or attributes(node).get("training_mode", 0):
        raise reader.refuse(node, "normalises with statistics of the batch; export it in eval mode")
    gamma, beta, mean, variance = (
        reader.constants[name].astype(np.float64) for name in node.input[1:5]
    )
    epsilon = attributes(node).get("epsilon", 1e-5)
    factor = gamma / np.sqrt(variance + epsilon)
    offset = beta - factor * mean
    (factors, factor_fraction), (offsets, offset_fraction) = (
        _on_grid(reader, node, values) for values in (factor, offset)
    )
    _scale(reader, node, 0, factors, factor_fraction, offsets, offset_fraction)


def _on_grid(reader: Reader, node: onnx.NodeProto, values: NDArray[np.float64]) -> tuple[Ints, int]:
    scaled = values * 2.0**BATCH_NORM_FRACTION
    integers = np.rint(scaled).astype(np.int64)
    if not np.array_equal(integers, scaled):
        raise reader.refuse(
            node,
            "has factors or offsets that are on no grid; merge it into the convolution before "
            "quantising (brevitas.nn.utils.merge_bn)",
        )
    fraction = BATCH_NORM_FRACTION
    while fraction and not np.any(integers % 2):
        integers, fraction = integers // 2, fraction - 1
    return integers, fraction


def _constant_input(reader: Reader, node: onnx.NodeProto) -> int | None:
    """Which of the two inputs is a constant, if any."""
    return next((i for i in (0, 1) if node.input[i] in reader.constants), None)


def _channel_integers(reader: Reader, node: onnx.NodeProto, index: int) -> tuple[Ints, int]:
    """A quantised constant as integers per channel of the other input."""
    edge, order = reader.place(node, 1 - index)
    integers, fraction = reader.integers(node, index)
    channels = reader.edges[edge].shape[-1]
    return _per_channel(reader, node, integers, order, channels), fraction


def _per_channel(
    reader: Reader, node: onnx.NodeProto, values: NDArray[Any], order: str, channels: int
) -> NDArray[Any]:
    """(C,) values of a constant that ONNX broadcasts along every other axis."""
    if values.size == 1 or (values.size == channels and _channel_axis(values.shape, order)):
        return np.broadcast_to(values.reshape(-1), channels)
    raise reader.refuse(
        node,
        f"combines a tensor with a constant of shape {values.shape}; known are one value and one "
        f"value per channel ({channels})",
    )


def _channel_axis(shape: tuple[int, ...], order: str) -> bool:
    """Whether a shape, aligned at its last axis, extends along the channels alone."""
    if len(shape) > len(order):
        return False
    letters = order[len(order) - len(shape) :]
    return all(size == 1 or letter == "C" for size, letter in zip(shape, letters, strict=True))


def _two(reader: Reader, node: onnx.NodeProto, kind: type[Add] | type[Sub] | type[Mul]) -> None:
    (a, a_order), (b, b_order) = reader.place(node, 0), reader.place(node, 1)
    if a_order != b_order:
        raise reader.refuse(node, f"combines the axes {a_order} with {b_order}")
    name = reader.name(kind.op)
    reader.add(node, kind(name=name, inputs=(a, b), output=name), a_order)


def _scale(
    reader: Reader,
    node: onnx.NodeProto,
    index: int,
    factor: Ints,
    factor_fraction: int,
    offset: Ints,
    offset_fraction: int,
) -> None:
    edge, order = reader.place(node, index)
    name = reader.name("scale")
    exact = Scale(
        name=name,
        inputs=(edge,),
        output=name,
        factor=factor,
        offset=offset,
        factor_fraction=factor_fraction,
        offset_fraction=offset_fraction,
    )
    reader.add(node, exact, order)
