"""Element by element: PReLU, sums, products, powers and limits of tensors, constants, BatchNorm."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from trigforge.hls.formats import Format
from trigforge.hls.graph import Ints
from trigforge.hls.ops import Add, LeakyRelu, Mul, Prelu, Quantise, Scale, Sub
from trigforge.hls.readers import pending, quantisers
from trigforge.hls.readers.orders import streamed
from trigforge.hls.readers.reader import Reader, attributes, coarsest, slope_integers

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
    elif not _floats(reader, node, constant):
        integers, fraction = _channel_integers(reader, node, constant)
        _scale(reader, node, 1 - constant, np.ones_like(integers), 0, integers, fraction)


def sub(reader: Reader, node: onnx.NodeProto) -> None:
    """Difference of two tensors, or of a tensor and a constant per channel, either way round."""
    constant = _constant_input(reader, node)
    if constant is None:
        _two(reader, node, Sub)
        return
    if _floats(reader, node, constant):
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
    elif not _floats(reader, node, constant):
        integers, fraction = _channel_integers(reader, node, constant)
        _scale(reader, node, 1 - constant, integers, fraction, np.zeros_like(integers), 0)


def div(reader: Reader, node: onnx.NodeProto) -> None:
    """Division by powers of two; by other constants only in front of a quantiser."""
    if node.input[1] not in reader.constants:
        raise reader.refuse(node, "divides by a tensor; only constants can divide")
    divisor = reader.constants[node.input[1]].astype(np.float64)
    if np.any(divisor == 0):
        raise reader.refuse(node, "divides by zero")
    if np.all(np.frexp(np.abs(divisor))[0] == 0.5) and node.input[0] not in reader.pending:
        edge, order = reader.place(node)
        channels = reader.edges[edge].shape[-1]
        values = _per_channel(reader, node, 1 / divisor, order, channels)
        integers, fraction = _on_grid(reader, node, values)
        _scale(reader, node, 0, integers, fraction, np.zeros_like(integers), 0)
    else:
        _pend(reader, node, 1)


def power(reader: Reader, node: onnx.NodeProto) -> None:
    """Squares."""
    exponent = reader.constants.get(node.input[1])
    if exponent is None or np.any(exponent != 2):
        raise reader.refuse(node, "is another power than a square; only exponent 2 is known")
    edge, order = reader.place(node)
    name = reader.name("mul")
    reader.add(node, Mul(name=name, inputs=(edge, edge), output=name), order)


def absolute(reader: Reader, node: onnx.NodeProto) -> None:
    """Absolute values: a PReLU of slope -1."""
    edge, order = reader.place(node)
    name = reader.name("prelu")
    slopes = np.full(reader.edges[edge].shape[-1], -1, np.int64)
    exact = Prelu(name=name, inputs=(edge,), output=name, slopes=slopes, slope_fraction=0)
    reader.add(node, exact, order)


def negate(reader: Reader, node: onnx.NodeProto) -> None:
    """The other sign."""
    edge, _ = reader.place(node)
    factor = np.full(reader.edges[edge].shape[-1], -1, np.int64)
    _scale(reader, node, 0, factor, 0, np.zeros_like(factor), 0)


def clip(reader: Reader, node: onnx.NodeProto) -> None:
    """Limits on the tensor's own grid, of integers in a QDQ pair, or of a pending function."""
    source = node.input[0]
    if source in reader.codes:
        quantisers.clip_codes(reader, node)
        return
    low, high = reader.limits(node)
    if source in reader.pending:
        before = pending.start(reader, node, "")
        reader.pending[node.output[0]] = before.then(lambda v: np.clip(v, low, high))
        return
    edge, order = reader.place(node)
    x = reader.edges[edge]
    bounds = [int(x.lo.min()), int(x.hi.max())]
    for index, value in enumerate((low, high)):
        if value is None or not np.isfinite(value):
            continue
        scaled = value * 2.0**x.fraction
        if scaled != np.rint(scaled):
            raise reader.refuse(node, f"limits to {value:.6g}, off the grid 2^-{x.fraction}")
        bounds[index] = int((max, min)[index](bounds[index], scaled))
    if bounds[0] > bounds[1]:
        raise reader.refuse(node, "leaves nothing of its input's range")
    fmt = Format.smallest(bounds[0], bounds[1], x.fraction)
    name = reader.name("clip")
    exact = Quantise(
        name=name, inputs=(edge,), output=name, format=fmt, clip=(bounds[0], bounds[1])
    )
    reader.add(node, exact, order)


def batch_normalization(reader: Reader, node: onnx.NodeProto) -> None:
    """BatchNorm whose folded factor and offset lie on a grid; others are refused.

    factor = gamma / sqrt(variance + epsilon), offset = beta - factor mean.
    """
    source = node.input[0]
    if source not in reader.pending:
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
    if source not in reader.pending and _is_on_grid(factor) and _is_on_grid(offset):
        (factors, factor_fraction), (offsets, offset_fraction) = (
            _on_grid(reader, node, values) for values in (factor, offset)
        )
        _scale(reader, node, 0, factors, factor_fraction, offsets, offset_fraction)
        return
    before = pending.start(
        reader,
        node,
        "has factors or offsets that are on no grid; merge it into the convolution before "
        "quantising (brevitas.nn.utils.merge_bn)",
    )
    columns = [v[:, None] for v in (gamma, beta, mean, variance)]

    def step(x: NDArray[Any]) -> NDArray[Any]:
        g, b, m, v = (c.astype(x.dtype) for c in columns)
        return np.asarray(g * (x - m) / np.sqrt(v + x.dtype.type(epsilon)) + b)

    if before.order not in ("BCHW", "BHWC", "BC") or reader.edges[before.edge].shape[-1] != len(
        gamma
    ):
        raise reader.refuse(node, f"normalises {len(gamma)} channels of the axes {before.order}")
    reader.pending[node.output[0]] = before.then(step, uniform=False)


def _is_on_grid(values: NDArray[np.float64]) -> bool:
    scaled = values * 2.0**BATCH_NORM_FRACTION
    return bool(np.all(np.abs(scaled) < 2.0**53) and np.array_equal(np.rint(scaled), scaled))


def _floats(reader: Reader, node: onnx.NodeProto, index: int) -> bool:
    """Whether a constant is on no grid, or its partner a function already: both wait then."""
    name = node.input[index]
    if node.input[1 - index] not in reader.pending and reader.grid(name) is not None:
        return False
    _pend(reader, node, index)
    return True


def _pend(reader: Reader, node: onnx.NodeProto, index: int) -> None:
    """The function of a tensor and a constant, the constant being input ``index``."""
    name = node.input[index]
    reason = f"{name} is floating point; quantise it with a power-of-two scale"
    before = pending.start(reader, node, reason, 1 - index)
    channels = reader.edges[before.edge].shape[-1]
    values = _per_channel(
        reader, node, reader.constants[name].astype(np.float64), before.order, channels
    )
    reader.pending[node.output[0]] = pending.affine(
        reader, node, 1 - index, values[:, None], reason
    )


def _on_grid(reader: Reader, node: onnx.NodeProto, values: NDArray[np.float64]) -> tuple[Ints, int]:
    scaled = values * 2.0**BATCH_NORM_FRACTION
    integers = np.rint(scaled).astype(np.int64)
    if not np.array_equal(integers, scaled):
        raise reader.refuse(
            node,
            "has factors or offsets that are on no grid; merge it into the convolution before "
            "quantising (brevitas.nn.utils.merge_bn)",
        )
    return coarsest(integers, BATCH_NORM_FRACTION)


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
    positions = streamed(order)
    letters = "BC" if positions is not None or order == "B" else order
    if values.size == 1 or (values.size == channels and _channel_axis(values.shape, letters)):
        each = np.broadcast_to(values.reshape(-1), channels)
        return each if positions is None else each[positions]
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
