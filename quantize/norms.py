"""InstanceNorm and L2 normalisation in integer arithmetic, for training and export.

The forward pass gives the integers that firmware gives (``trigforge.hls.ops.instance_norm`` and
``sphere``); the backward pass is the gradient of the floating-point function where the output does
not saturate, and 0 elsewhere (straight-through).
"""

from __future__ import annotations

import warnings
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.quantize.activations import QuantGrid
from trigforge.quantize.functions import DOMAIN
from trigforge.quantize.quantisers import Activation, Bias, Weight, scale_exponent, set_exponent
from trigforge.quantize.reciprocal_root import FINEST, quotient
from trigforge.train.layers import NORM_EPSILON

with warnings.catch_warnings():
    # Brevitas 0.13.4 announces on import that an optional kernel package is absent.
    warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
    from brevitas.nn import QuantIdentity
    from brevitas.nn.quant_scale_bias import QuantScaleBias


def _integers(x: Tensor, step: float) -> Tensor:
    return torch.round(x.double() / step).to(torch.int64)


def _gradient(function: Any, x: Tensor, gradient: Tensor, low: float, high: float) -> Tensor:
    """Gradient of ``clamp(function(x), low, high)``."""
    with torch.enable_grad():
        source = x.detach().requires_grad_()
        (found,) = torch.autograd.grad(function(source).clamp(low, high), source, gradient)
    return found


class IntegerInstanceNorm(torch.autograd.Function):
    """(N x - S) / sqrt(N Q - S^2 + epsilon) of images (B, C, H, W), each channel by itself."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, in_step: float, epsilon: int, bits: int, fraction: int
    ) -> Tensor:
        """Values on the grid 2^-fraction, of ``bits`` signed bits."""
        ctx.save_for_backward(x)
        limit = 1 << (bits - 1)
        ctx.limits = -limit * 2.0**-fraction, limit * 2.0**-fraction
        n = _integers(x, in_step)
        pixels = n.shape[2] * n.shape[3]
        total = n.sum((2, 3), keepdim=True)
        square = pixels * n.square().sum((2, 3), keepdim=True) - total.square() + epsilon
        y = quotient(pixels * n - total, square, fraction, -limit, limit - 1)
        return (y.double() * 2.0**-fraction).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient of floating-point InstanceNorm."""
        (x,) = ctx.saved_tensors

        def norm(x: Tensor) -> Tensor:
            return functional.group_norm(x, x.shape[1], eps=NORM_EPSILON)

        return _gradient(norm, x, gradient, *ctx.limits), None, None, None, None

    @staticmethod
    def symbolic(g: Any, x: Any, in_step: float, epsilon: int, bits: int, fraction: int) -> Any:
        """The node that :mod:`trigforge.quantize.functions` defines."""
        limit = 1 << (bits - 1)
        return g.op(
            f"{DOMAIN}::InstanceNorm",
            x,
            in_step_f=in_step,
            epsilon_i=epsilon,
            out_step_f=2.0**-fraction,
            fraction_i=fraction,
            low_i=-limit,
            high_i=limit - 1,
        ).setType(x.type())


class IntegerSphere(torch.autograd.Function):
    """x / sqrt(max(sum of x^2, 1)) of vectors (B, C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, in_step: float, bits: int, fraction: int) -> Tensor:
        """Values on the grid 2^-fraction, of ``bits`` signed bits."""
        ctx.save_for_backward(x)
        limit = 1 << (bits - 1)
        ctx.limits = -limit * 2.0**-fraction, limit * 2.0**-fraction
        n = _integers(x, in_step)
        square = n.square().sum(1, keepdim=True).clamp(min=1)
        y = quotient(n, square, fraction, -limit, limit - 1)
        return (y.double() * 2.0**-fraction).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient of floating-point normalisation."""
        (x,) = ctx.saved_tensors
        return _gradient(functional.normalize, x, gradient, *ctx.limits), None, None, None

    @staticmethod
    def symbolic(g: Any, x: Any, in_step: float, bits: int, fraction: int) -> Any:
        """The node that :mod:`trigforge.quantize.functions` defines."""
        limit = 1 << (bits - 1)
        return g.op(
            f"{DOMAIN}::Sphere",
            x,
            in_step_f=in_step,
            out_step_f=2.0**-fraction,
            fraction_i=fraction,
            low_i=-limit,
            high_i=limit - 1,
        ).setType(x.type())


class _Normalised(nn.Module):
    """A quantiser in front and the grid of what comes out, which is made exactly there."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits
        self.input = QuantGrid(bits)
        # Holds the scale of the output in the state dict; never called.
        self.output = QuantIdentity(act_quant=Activation, bit_width=bits)

    @property
    def fraction(self) -> int:
        """Fraction bits of the normalised values."""
        return -scale_exponent(self.output.act_quant)

    def set_fraction(self, fraction: int) -> None:
        """Choose the grid of the normalised values, at most 12 fraction bits."""
        set_exponent(self.output.act_quant, self.bits, -min(fraction, FINEST))


class QuantInstanceNorm(_Normalised):
    """InstanceNorm of quantised images (B, C, H, W), then a quantised factor and offset.

    Args:
        bits: of the input, of the normalised values and of the factors.
        bias_bits: of the offsets.
    """

    def __init__(self, channels: int, bits: int, bias_bits: int) -> None:
        super().__init__(bits)
        self.affine = QuantScaleBias(
            channels,
            bias=True,
            weight_quant=Weight,
            weight_bit_width=bits,
            bias_quant=Bias,
            bias_bit_width=bias_bits,
        )

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, C, H, W), not quantised again behind factor and offset."""
        step = 2.0**self.input.exponent
        pixels = int(images.shape[2]) * int(images.shape[3])
        epsilon = max(1, round(NORM_EPSILON * (pixels / step) ** 2))
        normalised = IntegerInstanceNorm.apply(  # type: ignore[no-untyped-call]
            self.input(images), step, epsilon, self.bits, self.fraction
        )
        return cast(Tensor, self.affine(normalised))


class QuantSphere(_Normalised):
    """L2 normalisation of quantised vectors (B, C); components reach just below one."""

    def __init__(self, bits: int) -> None:
        super().__init__(bits)
        self.set_fraction(bits - 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Unit vectors (B, C) on the output's grid."""
        unit = IntegerSphere.apply(  # type: ignore[no-untyped-call]
            self.input(vectors), 2.0**self.input.exponent, self.bits, self.fraction
        )
        return cast(Tensor, unit)
