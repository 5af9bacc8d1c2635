"""Quantisers with one power-of-two scale each, chosen once and frozen.

The scale 2^-f is a parameter of the network (so it lives in the state dict), set by
:func:`set_exponent`; nothing is estimated while training or at evaluation. Weights and biases round
to nearest, activations truncate (FLOOR) as the firmware does.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    # Brevitas 0.13.4 announces on import that an optional kernel package is absent.
    warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
    from brevitas.inject.enum import FloatToIntImplType, ScalingImplType
    from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear
    from brevitas.nn.quant_scale_bias import QuantScaleBias
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
        if isinstance(module, QuantConv2d | QuantLinear | QuantScaleBias):
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


def freeze_scales(model: nn.Module) -> None:
    """Scales of every quantiser are 1 and not trained; a state dict brings the real ones."""
    for holder, kind, bits in quantizers(model):
        set_exponent(getattr(holder, f"{kind}_quant"), bits, 0)


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


def holding_exponent(largest: float, bits: int) -> int:
    """The finest step exponent with which ``bits`` signed bits hold ``+-largest``."""
    if largest == 0:
        return -(bits - 1)
    exponent = math.ceil(math.log2(largest)) - (bits - 1)
    fits = largest <= (2 ** (bits - 1) - 1) * 2.0**exponent
    return exponent if fits else exponent + 1
