"""The quantised layer factory: what an architecture gets instead of floating-point layers."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any, cast

from torch import Tensor, nn
from torch.nn import functional

from trigforge.quantize.activations import QuantGrid, QuantLeaky, QuantPrelu
from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.lookup import QuantFunction
from trigforge.quantize.norms import QuantInstanceNorm, QuantSphere
from trigforge.quantize.quantisers import Bias, Weight
from trigforge.train.layers import Normalization, same_padding

with warnings.catch_warnings():
    # Brevitas 0.13.4 announces on import that an optional kernel package is absent.
    warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
    from brevitas.nn import QuantConv2d, QuantLinear

SLOPE_GRID = 16
"""Slopes of LeakyReLU are multiples of 1/16: the paper's 0.2 becomes 3/16, one addition."""


class QuantConvSame(QuantConv2d):  # type: ignore[misc]
    """Strided convolution with TensorFlow's "same" padding, whatever the image's size."""

    def forward(self, input: Any) -> Any:
        """Convolved images (B, F, ceil(H/stride), ceil(W/stride))."""
        # int: an export sees constants
        rows, columns = (
            same_padding(int(size), self.kernel_size[0], self.stride[0])
            for size in cast(Tensor, input).shape[-2:]
        )
        return super().forward(functional.pad(input, (*columns, *rows)))


class QuantLayers:
    """Layers for one network; widths are taken in order of construction.

    Batch normalisation is an identity here: it is merged into the convolution before quantising.

    Args:
        config: bit widths; those of ``weight_bits`` and ``activation_bits`` unless given.
        weight_bits: per convolution and dense layer.
        activation_bits: per LeakyReLU or PReLU.
    """

    def __init__(
        self,
        config: QuantizeConfig,
        weight_bits: Iterable[int] | None = None,
        activation_bits: Iterable[int] | None = None,
    ) -> None:
        self._weight_bits: Iterator[int] = iter(weight_bits or config.weight_bits)
        self._activation_bits: Iterator[int] = iter(activation_bits or config.activation_bits)
        self._config = config

    def conv(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> nn.Module:
        """Convolution with bias and "same" padding."""
        kind = QuantConv2d if stride == 1 else QuantConvSame
        layer: nn.Module = kind(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            padding=same_padding(kernel, kernel, 1)[0] if stride == 1 else 0,
            groups=groups,
            bias=True,
            weight_quant=Weight,
            weight_bit_width=next(self._weight_bits),
            bias_quant=Bias,
            bias_bit_width=self._config.bias_bits,
        )
        return layer

    def linear(self, in_features: int, out_features: int) -> nn.Module:
        """Dense layer with bias and no quantiser behind it."""
        layer: nn.Module = QuantLinear(
            in_features,
            out_features,
            bias=True,
            weight_quant=Weight,
            weight_bit_width=next(self._weight_bits),
            bias_quant=Bias,
            bias_bit_width=self._config.bias_bits,
        )
        return layer

    def norm(self, channels: int, kind: Normalization) -> nn.Module:
        """InstanceNorm in integer arithmetic; nothing for ``batch``, which is merged."""
        if kind == "batch":
            return nn.Identity()
        return QuantInstanceNorm(channels, self._config.norm_bits, self._config.bias_bits)

    def activation(self, negative_slope: float) -> nn.Module:
        """LeakyReLU with its slope on the grid 1/16, and its quantiser.

        Raises:
            ValueError: no multiple of 1/16 between 0 and 1 is near the slope.
        """
        slope = round(negative_slope * SLOPE_GRID) / SLOPE_GRID
        if not 0 < slope < 1:
            raise ValueError(f"negative_slope is {negative_slope}, expected between 1/16 and 15/16")
        return QuantLeaky(slope, next(self._activation_bits))

    def grid(self) -> nn.Module:
        """Truncation to ``grid_bits``."""
        return QuantGrid(self._config.grid_bits)

    def prelu(self) -> nn.Module:
        """PReLU with one learnt slope, and its quantiser."""
        return QuantPrelu(next(self._activation_bits))

    def sphere(self) -> nn.Module:
        """L2 normalisation in integer arithmetic."""
        return QuantSphere(self._config.norm_bits)

    def sigmoid(self) -> nn.Module:
        """Logistic function as a table."""
        return QuantFunction("sigmoid", self._config.grid_bits, self._config.table_bits)
