"""The operations on batches, vectorised: exact integers carried in floating point.

Tensors are (B, H, W, C) or (B, C). A float32 carries every integer up to 2^24 exactly and a float64
up to 2^53; the emulator picks the narrower one that is wide enough for all partial sums of a node,
so the order in which a library adds products cannot matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Node
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
    aligned,
    reciprocal_root,
)

FLOAT32_BITS = 24
FLOAT64_BITS = 53


def carrier(bits: int) -> torch.dtype | None:
    """The floating-point type that carries ``bits`` bits exactly; ``None`` if neither does."""
    if bits <= FLOAT32_BITS:
        return torch.float32
    return torch.float64 if bits <= FLOAT64_BITS else None


Kernel = Callable[[Tensor], Tensor]


def prepare(node: Node, inputs: Sequence[Edge]) -> Callable[..., Tensor]:
    """A function from input tensors to the output tensor, constants already converted.

    Raises:
        UnsupportedError: the node needs more than 53 bits.
    """
    dtype = carrier(max(node.carried_bits(*inputs), *(e.magnitude.bit_length() for e in inputs)))
    if dtype is None:
        raise node.refuse(f"needs {node.carried_bits(*inputs)} bits, the emulator carries 53")
    run = PREPARE[type(node)](node, inputs, dtype)
    return lambda *tensors: run(*(tensor.to(dtype) for tensor in tensors))


def convolution(node: Conv, x: Edge, dtype: torch.dtype, unit: float = 1.0) -> Kernel:
    """The convolution of (B, C, H, W) images in channels-last memory, times a power of two."""
    product_shift, bias_shift = node.shifts(x)
    kernel = torch.from_numpy(node.weight.transpose(3, 2, 0, 1) * 2**product_shift).to(dtype)
    kernel = (kernel * unit).contiguous(memory_format=torch.channels_last)
    bias = torch.from_numpy(node.bias * 2**bias_shift).to(dtype) * unit
    top, left, bottom, right = node.pads
    symmetric = top == bottom and left == right

    def run(image: Tensor) -> Tensor:
        if not symmetric:
            image = functional.pad(image, (left, right, top, bottom))
        if image.shape[1] == 1:
            # with one channel the layout is ambiguous, and torch would leave channels-last
            _, _, height, width = image.shape
            image = image.contiguous().as_strided(image.shape, (height * width, 1, width, 1))
        padding = (top, left) if symmetric else (0, 0)
        return functional.conv2d(image, kernel, bias, node.strides, padding, groups=node.groups)

    return run


def _conv(node: Conv, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    run = convolution(node, inputs[0], dtype)
    return lambda x: run(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def _dense(node: Dense, inputs: Sequence[Edge], dtype: torch.dtype) -> Callable[..., Tensor]:
    product_shift, bias_shift = node.shifts(inputs[0])
    weight = torch.from_numpy(node.weight * 2**product_shift).to(dtype)
    bias = torch.from_numpy(node.bias * 2**bias_shift).to(dtype)
    return lambda x: torch.addmm(bias, x, weight)


def _leaky_relu(node: LeakyRelu, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    # slope * 2^-fraction is exact in floating point, and so is its product with (x * 2^fraction)
    up = float(1 << node.slope_fraction)
    return lambda x: functional.leaky_relu_(x * up, node.slope / up)


def _quantise(node: Quantise, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    scale = 2.0 ** (node.format.fraction - inputs[0].fraction)
    low, high = node.bounds
    if node.rounding == "half_even":
        return lambda x: (x * scale).round_().clamp_(low, high)
    return lambda x: (x * scale).floor_().clamp_(low, high)


def _thresholds(node: Thresholds, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    table = torch.from_numpy(node.thresholds).to(dtype)
    first = torch.from_numpy(node.first).to(dtype)
    step = torch.from_numpy(node.step).to(dtype)

    def run(x: Tensor) -> Tensor:
        columns = x.reshape(-1, x.shape[-1]).T.contiguous()
        count = torch.searchsorted(table, columns, right=True).T.reshape(x.shape)
        return first + step * count

    return run


def pooling(node: MaxPool, x: Edge) -> Kernel:
    """The max-pool of (B, C, H, W) images, without copying them where torch has the same frame.

    torch frames both sides alike; a row or column more after than before is what its ``ceil_mode``
    adds when the last window would otherwise stick out.
    """
    top, left, bottom, right = node.pads
    height, width = node.infer(x).shape[:2]
    frames = ((top, node.kernel[0], x.shape[0]), (left, node.kernel[1], x.shape[1]))
    fits = all(2 * pad <= window <= size + 2 * pad for pad, window, size in frames)
    for ceil in (False, True):
        if fits:
            probe = torch.empty(1, 1, *x.shape[:2])
            pool = partial(
                functional.max_pool2d,
                kernel_size=node.kernel,
                stride=node.strides,
                padding=(top, left),
                ceil_mode=ceil,
            )
            if pool(probe).shape[2:] == (height, width):
                return pool

    def run(image: Tensor) -> Tensor:
        framed = functional.pad(image, (left, right, top, bottom), value=float("-inf"))
        return functional.max_pool2d(framed, node.kernel, node.strides)

    return run


def _max_pool(node: MaxPool, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    run = pooling(node, inputs[0])
    return lambda x: run(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def _concat(node: Concat, inputs: Sequence[Edge], dtype: torch.dtype) -> Callable[..., Tensor]:
    return lambda *tensors: torch.cat(tensors, dim=-1)


def _split(node: Split, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    return lambda x: x[..., node.start : node.stop]


def _flatten(node: Flatten, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    return lambda x: x.reshape(x.shape[0], -1)


def _prelu(node: Prelu, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    up = float(1 << node.slope_fraction)
    slopes = torch.from_numpy(node.slopes).to(dtype)
    return lambda x: torch.where(x >= 0, x * up, x * slopes)


def _scale(node: Scale, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    product_shift, shift = node.shifts(inputs[0])
    factor = torch.from_numpy(node.factor << product_shift).to(dtype)
    offset = torch.from_numpy(node.offset << shift).to(dtype)
    return lambda x: torch.addcmul(offset, x, factor)


def _add(node: Add | Sub, inputs: Sequence[Edge], dtype: torch.dtype) -> Callable[..., Tensor]:
    _, (a_shift, b_shift) = aligned.shifts(inputs)
    a_unit = 2.0**a_shift
    b_unit = 2.0**b_shift * (-1 if isinstance(node, Sub) else 1)
    return lambda a, b: a * a_unit + b * b_unit


def _mul(node: Mul, inputs: Sequence[Edge], dtype: torch.dtype) -> Callable[..., Tensor]:
    return torch.mul


def _crop(node: Crop, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    rows = slice(node.top, node.top + node.height)
    columns = slice(node.left, node.left + node.width)
    return lambda x: x[:, rows, columns]


def _tile(node: Tile, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    return lambda x: x[:, None, None, :].expand(-1, node.height, node.width, -1)


def _append(node: Append, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    x_shift, shift = node.shifts(inputs[0])
    constant = torch.from_numpy(node.constant << shift).to(dtype)
    unit = 2.0**x_shift

    def run(x: Tensor) -> Tensor:
        return torch.cat([x * unit, constant.expand(len(x), -1, -1, -1)], dim=-1)

    return run


def _conv_transpose(
    node: ConvTranspose, inputs: Sequence[Edge], dtype: torch.dtype
) -> Callable[..., Tensor]:
    return _conv(node.as_conv(), inputs, dtype)


def _nearest(node: Nearest, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    def run(x: Tensor) -> Tensor:
        count, height, width, channels = x.shape
        blocks = x[:, :, None, :, None, :].expand(-1, -1, 2, -1, 2, -1)
        return blocks.reshape(count, 2 * height, 2 * width, channels)

    return run


def _bilinear(node: Bilinear, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    def double(x: Tensor, axis: int) -> Tensor:
        size = x.shape[axis]
        before = torch.cat([x.narrow(axis, 0, 1), x.narrow(axis, 0, size - 1)], axis)
        after = torch.cat([x.narrow(axis, 1, size - 1), x.narrow(axis, size - 1, 1)], axis)
        pairs = torch.stack([before + 3 * x, 3 * x + after], axis + 1)
        return pairs.flatten(axis, axis + 1)

    return lambda x: double(double(x, 1), 2)


def _lookup(node: Lookup, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    entries = torch.from_numpy(node.entries).to(dtype)
    first = inputs[0].format.min_int
    return lambda x: entries[x.to(torch.int64) - first]


def _total(node: Total, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    def run(x: Tensor) -> Tensor:
        flat = x.reshape(len(x), -1, x.shape[-1])
        return flat.sum((1, 2))[:, None] if node.channels else flat.sum(1)

    return run


def _highest(node: Highest, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    return lambda x: x.amax(-1, keepdim=True)


def _quotient(fmt: Format) -> Callable[[Tensor, Tensor], Tensor]:
    return partial(
        reciprocal_root.quotient, fraction=fmt.fraction, low=fmt.min_int, high=fmt.max_int
    )


def _instance_norm(node: InstanceNorm, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    quotient = _quotient(node.format)

    def run(x: Tensor) -> Tensor:
        integers = x.to(torch.int64)
        pixels = integers.shape[1] * integers.shape[2]
        sums = integers.sum((1, 2), keepdim=True)
        squares = integers.square().sum((1, 2), keepdim=True)
        square = pixels * squares - sums.square() + node.epsilon
        return quotient(pixels * integers - sums, square).to(dtype)

    return run


def _sphere(node: Sphere, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    quotient = _quotient(node.format)

    def run(x: Tensor) -> Tensor:
        integers = x.to(torch.int64)
        square = integers.square().sum(-1, keepdim=True).clamp(min=1)
        return quotient(integers, square).to(dtype)

    return run


def _unflatten(node: Unflatten, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    return lambda x: x.reshape(-1, node.channels, node.height, node.width).permute(0, 2, 3, 1)


PREPARE: dict[type[Node], Callable[..., Callable[..., Tensor]]] = {
    Add: _add,
    Append: _append,
    Bilinear: _bilinear,
    Concat: _concat,
    Conv: _conv,
    ConvTranspose: _conv_transpose,
    Crop: _crop,
    Dense: _dense,
    Flatten: _flatten,
    Highest: _highest,
    InstanceNorm: _instance_norm,
    LeakyRelu: _leaky_relu,
    Lookup: _lookup,
    MaxPool: _max_pool,
    Mul: _mul,
    Nearest: _nearest,
    Prelu: _prelu,
    Quantise: _quantise,
    Scale: _scale,
    Sphere: _sphere,
    Split: _split,
    Sub: _add,
    Thresholds: _thresholds,
    Tile: _tile,
    Total: _total,
    Unflatten: _unflatten,
}
