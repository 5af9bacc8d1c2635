"""Quantisers of activations, alone and behind LeakyReLU and PReLU."""

from __future__ import annotations

import warnings
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.quantize.quantisers import Activation, scale_exponent, set_exponent

with warnings.catch_warnings():
    # Brevitas 0.13.4 announces on import that an optional kernel package is absent.
    warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
    from brevitas.nn import QuantIdentity

SLOPE_BITS = 8
SLOPE_EXPONENT = -6


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


class TruncatedPrelu(torch.autograd.Function):
    """PReLU with one slope, truncation and saturation in few passes, as :class:`TruncatedLeaky`."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, slope: Tensor, step: float, low: float, high: float
    ) -> Tensor:
        """Values on the grid: ``clamp(floor(prelu(x) / step), low, high) * step``."""
        ctx.save_for_backward(images, slope)
        ctx.limits = low * step, (high + 1) * step
        activated = functional.leaky_relu(images, float(slope))
        return activated.div_(step).floor_().clamp_(low, high).mul_(step)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """Gradients of the images and of the slope; none where something saturates."""
        images, slope = ctx.saved_tensors
        factor = float(slope)
        activated = functional.leaky_relu(images, factor)
        inside = torch.ops.aten.hardtanh_backward(gradient, activated, *ctx.limits)
        wanted = torch.ops.aten.leaky_relu_backward(inside, images, factor, False)
        turned = (inside * images.clamp(max=0.0)).sum().reshape(slope.shape)
        return wanted, turned, None, None, None


class QuantGrid(nn.Module):
    """Truncation to ``bits`` signed bits; any shape.

    Evaluation and export use the Brevitas quantiser, training the same function in one piece.
    """

    slope = 1.0

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits
        self.quantizer = QuantIdentity(act_quant=Activation, bit_width=bits)

    @property
    def exponent(self) -> int:
        """The step of the grid is two to this power."""
        return scale_exponent(self.quantizer.act_quant)

    def set_exponent(self, exponent: int) -> None:
        """Choose the step, ``2**exponent``."""
        set_exponent(self.quantizer.act_quant, self.bits, exponent)

    def before(self, images: Tensor) -> Tensor:
        """What happens in front of the quantiser."""
        return images

    def forward(self, images: Tensor) -> Tensor:
        """Values on the grid of the quantiser."""
        if not self.training:
            return cast(Tensor, self.quantizer(self.before(images)))
        limit = 2.0 ** (self.bits - 1)
        values = TruncatedLeaky.apply(  # type: ignore[no-untyped-call]
            images, self.slope, 2.0**self.exponent, -limit, limit - 1
        )
        return cast(Tensor, values)


class QuantLeaky(QuantGrid):
    """LeakyReLU and the quantiser behind it; any shape."""

    def __init__(self, negative_slope: float, bits: int) -> None:
        super().__init__(bits)
        self.slope = negative_slope
        self.leaky = nn.LeakyReLU(negative_slope)

    def before(self, images: Tensor) -> Tensor:
        """LeakyReLU."""
        return cast(Tensor, self.leaky(images))


class QuantPrelu(QuantGrid):
    """PReLU with one learnt slope on the grid 1/64, and the quantiser behind it; any shape.

    The slope is on its grid in every forward pass, in training too: gradients reach the number
    behind it straight through.
    """

    def __init__(self, bits: int) -> None:
        super().__init__(bits)
        self.weight = nn.Parameter(torch.full((1,), 0.25))
        self.slope_quantizer = QuantIdentity(act_quant=Activation, bit_width=SLOPE_BITS)
        set_exponent(self.slope_quantizer.act_quant, SLOPE_BITS, SLOPE_EXPONENT)

    def forward(self, images: Tensor) -> Tensor:
        """Values on the grid of the quantiser."""
        slope = cast(Tensor, self.slope_quantizer(self.weight))
        if not self.training:
            return cast(Tensor, self.quantizer(functional.prelu(images, slope)))
        limit = 2.0 ** (self.bits - 1)
        values = TruncatedPrelu.apply(  # type: ignore[no-untyped-call]
            images, slope, 2.0**self.exponent, -limit, limit - 1
        )
        return cast(Tensor, values)
