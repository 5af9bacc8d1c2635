"""The operations on batches, vectorised: exact integers carried in floating point.

Tensors are (B, H, W, C) or (B, C). A float32 carries every integer up to 2^24 exactly and a float64
up to 2^53; the emulator picks the narrower one that is wide enough for all partial sums of a node,
so the order in which a library adds products cannot matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from trigforge.hls.graph import Edge, Node
from trigforge.hls.ops import Concat, Conv, Dense, Flatten, LeakyRelu, MaxPool, Quantise, Split

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


def _conv(node: Conv, inputs: Sequence[Edge], dtype: torch.dtype) -> Callable[..., Tensor]:
    product_shift, bias_shift = node.shifts(inputs[0])
    kernel = torch.from_numpy(node.weight.transpose(3, 2, 0, 1) * 2**product_shift).to(dtype)
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    bias = torch.from_numpy(node.bias * 2**bias_shift).to(dtype)
    top, left, bottom, right = node.pads
    symmetric = top == bottom and left == right

    def run(x: Tensor) -> Tensor:
        image = x.permute(0, 3, 1, 2)
        if not symmetric:
            image = functional.pad(image, (left, right, top, bottom))
        if image.shape[1] == 1:
            # with one channel the layout is ambiguous, and torch would leave channels-last
            _, _, height, width = image.shape
            image = image.contiguous().as_strided(image.shape, (height * width, 1, width, 1))
        padding = (top, left) if symmetric else (0, 0)
        y = functional.conv2d(image, kernel, bias, node.strides, padding, groups=node.groups)
        return y.permute(0, 2, 3, 1)

    return run


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
    return lambda x: (x * scale).floor_().clamp_(low, high)


def _max_pool(node: MaxPool, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    top, left, bottom, right = node.pads

    def run(x: Tensor) -> Tensor:
        image = x.permute(0, 3, 1, 2)
        if any(node.pads):
            image = functional.pad(image, (left, right, top, bottom), value=float("-inf"))
        y = functional.max_pool2d(image, node.kernel, node.strides)
        return y.permute(0, 2, 3, 1)

    return run


def _concat(node: Concat, inputs: Sequence[Edge], dtype: torch.dtype) -> Callable[..., Tensor]:
    return lambda *tensors: torch.cat(tensors, dim=-1)


def _split(node: Split, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    return lambda x: x[..., node.start : node.stop]


def _flatten(node: Flatten, inputs: Sequence[Edge], dtype: torch.dtype) -> Kernel:
    return lambda x: x.reshape(x.shape[0], -1)


PREPARE: dict[type[Node], Callable[..., Callable[..., Tensor]]] = {
    Concat: _concat,
    Conv: _conv,
    Dense: _dense,
    Flatten: _flatten,
    LeakyRelu: _leaky_relu,
    MaxPool: _max_pool,
    Quantise: _quantise,
    Split: _split,
}
