"""What networks are built from: a factory of layers, and its floating-point implementation.

A network asks a :class:`LayerFactory` for its layers and never names a torch class. The quantised
network is the same architecture built by another factory (``trigforge.quantize.layers``).

Images are (B, C, H, W) with H = phi rows and W = eta columns.
"""

from __future__ import annotations

import math
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

Normalization = Literal["batch", "instance"]

NORM_EPSILON = 1e-3
"""Added to the variance by both normalisations, as in the published networks."""


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis for an output of ``ceil(size / stride)``.

    TensorFlow's "same": an odd total puts the extra element after. Kernel 3 with stride 2 gives
    (0, 1) for even sizes and (1, 1) for odd ones.
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def same_size(size: int, strides: int) -> int:
    """Size of an axis after ``strides`` layers of stride 2 with "same" padding."""
    for _ in range(strides):
        size = -(-size // 2)
    return size


class MaxPoolSame(nn.Module):
    """Max-pool 3x3, stride 2, "same": the pad never wins because it is minus infinity.

    (B, C, height, width) to (B, C, ceil(height/2), ceil(width/2)). An export sees a Pad with minus
    infinity and constant sizes and a MaxPool without padding; otherwise the pooling pads by itself,
    which saves a copy.
    """

    kernel = 3
    stride = 2

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.rows = same_padding(height, self.kernel, self.stride)
        self.columns = same_padding(width, self.kernel, self.stride)

    def forward(self, images: Tensor) -> Tensor:
        """Pooled images (B, C, ceil(height/2), ceil(width/2))."""
        if torch.onnx.is_in_onnx_export():
            padded = functional.pad(images, (*self.columns, *self.rows), value=-math.inf)
            return functional.max_pool2d(padded, self.kernel, self.stride)
        # Pads are (0, 1) or (1, 1): what comes before is given, ceil_mode allows one more after.
        pads = (self.rows[0], self.columns[0])
        return functional.max_pool2d(images, self.kernel, self.stride, padding=pads, ceil_mode=True)


class ConvSame(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding: (B, C, H, W) to (B, F, H/stride, W/stride)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, groups: int
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        """Convolved images; symmetric pads are left to the kernel, others are made before."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        rows = same_padding(input.shape[-2], kernel, stride)
        columns = same_padding(input.shape[-1], kernel, stride)
        if rows[0] == rows[1] and columns[0] == columns[1]:
            pads = (rows[0], columns[0])
        else:
            pads = (0, 0)
            input = functional.pad(input, (*columns, *rows))
        return functional.conv2d(input, self.weight, self.bias, self.stride, pads, 1, self.groups)


class InstanceNorm(nn.GroupNorm):
    """Instance normalisation with scale and shift per channel (epsilon 1e-3).

    One group per channel: the same function as ``nn.InstanceNorm2d`` with an order of magnitude
    less time in channels-last memory on a CPU.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, eps=NORM_EPSILON)


class Sphere(nn.Module):
    """L2 normalisation: (B, C) to (B, C) of length one; zero stays zero."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Unit vectors (B, C)."""
        return functional.normalize(vectors, dim=1)


class LayerFactory(Protocol):
    """What an architecture may be made of."""

    def conv(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> nn.Module:
        """Convolution with bias and "same" padding."""
        ...

    def linear(self, in_features: int, out_features: int) -> nn.Module:
        """Dense layer with bias."""
        ...

    def norm(self, channels: int, kind: Normalization) -> nn.Module:
        """Normalisation over H x W (``instance``) or over the batch as well (``batch``)."""
        ...

    def activation(self, negative_slope: float) -> nn.Module:
        """LeakyReLU."""
        ...

    def grid(self) -> nn.Module:
        """Nothing; the quantised network brings sums, products and means back to few bits here."""
        ...

    def prelu(self) -> nn.Module:
        """PReLU with one learnt slope."""
        ...

    def sphere(self) -> nn.Module:
        """Vectors (B, C) divided by their length."""
        ...

    def sigmoid(self) -> nn.Module:
        """Logistic function."""
        ...


class FloatLayers:
    """Layers in floating point."""

    def conv(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> nn.Module:
        """Convolution with bias and "same" padding."""
        return ConvSame(in_channels, out_channels, kernel, stride, groups)

    def linear(self, in_features: int, out_features: int) -> nn.Module:
        """Dense layer with bias."""
        return nn.Linear(in_features, out_features)

    def norm(self, channels: int, kind: Normalization) -> nn.Module:
        """Instance or batch normalisation, epsilon 1e-3."""
        if kind == "instance":
            return InstanceNorm(channels)
        return nn.BatchNorm2d(channels, eps=NORM_EPSILON)

    def activation(self, negative_slope: float) -> nn.Module:
        """LeakyReLU."""
        return nn.LeakyReLU(negative_slope)

    def grid(self) -> nn.Module:
        """Nothing."""
        return nn.Identity()

    def prelu(self) -> nn.Module:
        """PReLU with one learnt slope."""
        return nn.PReLU()

    def sphere(self) -> nn.Module:
        """Vectors (B, C) divided by their length."""
        return Sphere()

    def sigmoid(self) -> nn.Module:
        """Logistic function."""
        return nn.Sigmoid()
