"""The quantised layer factory: Brevitas layers with power-of-two scales that are chosen once.

Every quantiser has one scale 2^-f. It is a frozen parameter of the network (so it lives in the
state dict), set by :func:`set_exponent`; nothing is estimated while training or at evaluation.
Weights and biases round to nearest, activations truncate (FLOOR) as the firmware does.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.quantize.config import QuantizeConfig
from trigforge.train.layers import Normalization, same_padding

with warnings.catch_warnings():
    # Brevitas 0.13.4 announces on import that an optional kernel package is absent.
    warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
    from brevitas.inject.enum import FloatToIntImplType, ScalingImplType
    from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear
    from brevitas.quant.fixed_point import (
        Int8ActPerTensorFixedPoint,
        Int8BiasPerTensorFixedPointInternalScaling,
        Int8WeightPerTensorFixedPoint,
    )


class Weight(Int8WeightPerTensorFixedPoint):  # type: ignore[misc]
    """Signed, symmetric (the lowest code is not used), rounded to nearest."""

    scaling_impl_type = ScalingImplType.PARAMETER
    scaling_init = 1.0


class Bias(Int8BiasPerTensorFixedPointInternalScaling):  # type: ignore[misc]
    """Signed, rounded to nearest, on a grid of its own."""

    scaling_impl_type = ScalingImplType.PARAMETER
    scaling_init = 1.0


class Activation(Int8ActPerTensorFixedPoint):  # type: ignore[misc]
    """Signed (behind a leaky unit), truncated, saturating."""

    scaling_impl_type = ScalingImplType.PARAMETER
    scaling_init = 1.0
    float_to_int_impl_type = FloatToIntImplType.FLOOR


class TruncatedLeaky(torch.autograd.Function):
    """LeakyReLU, truncation and saturation in few passes over memory, for training.

    The values are those of LeakyReLU and the Brevitas quantiser; the gradient is the leaky unit's
    where nothing saturates and 0 elsewhere (straight-through), as Brevitas has it.
    """

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, slope: float, step: float, low: float, high: float
    ) -> Tensor:
        """Values on the grid: ``clamp(floor(leaky(x) / step), low, high) * step``."""
        ctx.save_for_backward(images)
        ctx.slope, ctx.limits = slope, (low * step / slope, (high + 1) * step)
        return functional.leaky_relu(images, slope).div_(step).floor_().clamp_(low, high).mul_(step)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Gradient of the images; the grid is not trained."""
        (images,) = ctx.saved_tensors
        leaky = torch.ops.aten.leaky_relu_backward(gradient, images, ctx.slope, False)
        return torch.ops.aten.hardtanh_backward(leaky, images, *ctx.limits), None, None, None, None


class QuantLeaky(nn.Module):
    """LeakyReLU and the quantiser behind it; any shape.

    Evaluation and export use the Brevitas quantiser, training the same function in one piece.
    """

    def __init__(self, negative_slope: float, bits: int) -> None:
        super().__init__()
        self.bits = bits
        self.leaky = nn.LeakyReLU(negative_slope)
        self.quantizer = QuantIdentity(act_quant=Activation, bit_width=bits)

    def forward(self, images: Tensor) -> Tensor:
        """Values on the grid of the quantiser."""
        if not self.training:
            return cast(Tensor, self.quantizer(self.leaky(images)))
        step = float(self.quantizer.act_quant.scale().detach())
        limit = 2.0 ** (self.bits - 1)
        values = TruncatedLeaky.apply(  # type: ignore[no-untyped-call]
            images, self.leaky.negative_slope, step, -limit, limit - 1
        )
        return cast(Tensor, values)


class QuantLayers:
    """Layers for one network; widths are taken from the configuration in order of construction.

    Normalisation is an identity here: it is merged into the convolution before quantising.
    """

    def __init__(self, config: QuantizeConfig) -> None:
        self._weight_bits: Iterator[int] = iter(config.weight_bits)
        self._activation_bits: Iterator[int] = iter(config.activation_bits)
        self._bias_bits = config.bias_bits

    def conv(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> nn.Module:
        """Convolution with bias and "same" padding; stride 1 only."""
        if stride != 1:
            raise ValueError(f"stride is {stride}; quantised convolutions have stride 1")
        layer: nn.Module = QuantConv2d(
            in_channels,
            out_channels,
            kernel,
            padding=same_padding(kernel, kernel, 1)[0],
            groups=groups,
            bias=True,
            weight_quant=Weight,
            weight_bit_width=next(self._weight_bits),
            bias_quant=Bias,
            bias_bit_width=self._bias_bits,
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
            bias_bit_width=self._bias_bits,
        )
        return layer

    def norm(self, channels: int, kind: Normalization) -> nn.Module:
        """Nothing; only batch normalisation can be merged.

        Raises:
            ValueError: instance normalisation, which depends on the event.
        """
        if kind != "batch":
            raise ValueError("instance normalisation cannot be merged into a convolution")
        return nn.Identity()

    def activation(self, negative_slope: float) -> nn.Module:
        """LeakyReLU and its quantiser.

        Raises:
            ValueError: the slope is not a power of two, so the product would leave the grid.
        """
        if not 0 < negative_slope < 1 or not math.log2(negative_slope).is_integer():
            raise ValueError(f"negative_slope is {negative_slope}, expected a power of two below 1")
        return QuantLeaky(negative_slope, next(self._activation_bits))


class Quantizer(Protocol):
    """What the weight, bias and activation quantisers of Brevitas have in common."""

    def scale(self) -> Tensor:
        """The step of the grid."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """The logarithm of the threshold, nothing else."""
        ...


def quantizers(model: nn.Module) -> Iterator[tuple[nn.Module, str, int]]:
    """Every quantiser of a model as (module that holds it, ``weight``/``bias``/``act``, bits)."""
    for module in model.modules():
        if isinstance(module, QuantConv2d | QuantLinear):
            yield module, "weight", int(module.weight_quant.bit_width())
            yield module, "bias", int(module.bias_quant.bit_width())
        elif isinstance(module, QuantIdentity):
            yield module, "act", int(module.act_quant.bit_width())


def set_exponent(quantizer: Quantizer, bits: int, exponent: int) -> None:
    """Fix the scale of a quantiser to ``2**exponent`` and take it out of training."""
    for parameter in quantizer.parameters():
        # Brevitas keeps log2 of the threshold 2^(bits - 1) * scale.
        nn.init.constant_(parameter, exponent + bits - 1)
        parameter.requires_grad_(False)


def scale_exponent(quantizer: Quantizer) -> int:
    """The exponent of a quantiser's power-of-two scale.

    Raises:
        ValueError: the scale is not a power of two.
    """
    scale = float(quantizer.scale().detach())
    mantissa, exponent = math.frexp(scale)
    if mantissa != 0.5:
        raise ValueError(f"scale {scale} is not a power of two")
    return exponent - 1


def grid_error(values: Tensor, bits: int, exponent: int) -> float:
    """Mean squared error of rounding to ``bits`` signed bits with step ``2**exponent``.

    Stands for truncation too, where the bias carries the half step.
    """
    step = 2.0**exponent
    limit = 2 ** (bits - 1)
    quantized = torch.clamp(torch.round(values / step), -limit, limit - 1) * step
    return float(torch.mean(torch.square(quantized - values), dtype=torch.float64))


def best_exponent(values: Tensor, bits: int) -> int:
    """The step exponent with the smallest mean squared error over ``values`` (any shape).

    All exponents from "nothing saturates" to four steps finer are tried: a power-of-two step that
    holds the largest value can waste a bit on it.
    """
    largest = float(values.abs().max())
    if largest == 0:
        return -(bits - 1)
    safe = math.ceil(math.log2(largest)) - (bits - 1)
    return min(range(safe + 1, safe - 5, -1), key=lambda e: grid_error(values, bits, e))
