"""A twin from a trained network: one pass of the float network chooses every grid.

The twin is the same architecture built by :class:`~trigforge.quantize.layers.QuantLayers`, so
modules are matched by name. Batch normalisation is merged into the convolution in front of it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.quantize.activations import QuantGrid, QuantPrelu
from trigforge.quantize.lookup import QuantFunction
from trigforge.quantize.norms import QuantInstanceNorm, QuantSphere
from trigforge.quantize.quantisers import best_exponent, holding_exponent, set_exponent
from trigforge.train.layers import InstanceNorm

with warnings.catch_warnings():
    # Brevitas 0.13.4 announces on import that an optional kernel package is absent.
    warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
    from brevitas.nn import QuantConv2d, QuantLinear

SAMPLES = 1 << 18
"""Values per tensor that choose its grid."""

FINER = 4
"""Biases are at most so many bits finer than the quantiser behind them."""

AFFINE = (QuantConv2d, QuantLinear)


@dataclass
class Recording:
    """What one pass of the float network showed.

    Attributes:
        order: names of the twin's quantised modules and of merged normalisations, as called.
        samples: name -> values behind the module, thinned; in front of it for tables and norms.
        normalised: name of an InstanceNorm -> its values before factor and offset.
    """

    order: list[str] = field(default_factory=list)
    samples: dict[str, Tensor] = field(default_factory=dict)
    normalised: dict[str, Tensor] = field(default_factory=dict)


def calibrate(model: nn.Module, twin: nn.Module, images: Tensor, headroom: int = 0) -> None:
    """Fill a twin (in place) with the weights of ``model`` and the grids that suit ``images``.

    Grids minimise the squared error of what lies on them. A bias in front of a truncating quantiser
    gets half a step of it, so that truncation starts as rounding.

    Args:
        model: trained float network.
        images: events (B, 1, H, W), a few hundred; background and its overlays.
        headroom: bits that PReLUs get above the range of the smallest error, where few large values
            (the bright pixels of an image that is mostly dark) carry what matters.
    """
    recording = record(model, twin, images)
    floats, quants = dict(model.named_modules()), dict(twin.named_modules())
    behind = _quantisers_behind(recording.order, quants)
    for name in recording.order:
        module = quants[name]
        if isinstance(module, QuantGrid):
            exponent = best_exponent(recording.samples[name], module.bits)
            module.set_exponent(exponent + headroom * isinstance(module, QuantPrelu))
        elif isinstance(module, QuantFunction | QuantInstanceNorm | QuantSphere):
            grid = module.input
            grid.set_exponent(best_exponent(recording.samples[name], grid.bits))
        if isinstance(module, QuantInstanceNorm):
            exponent = best_exponent(recording.normalised[name], module.bits)
            module.set_fraction(-exponent)
    for name, (weight, bias) in _parameters(floats, quants, recording.order).items():
        module, following = quants[name], behind.get(name)
        half = 0.0 if following is None else 2.0 ** (following.exponent - 1)
        if isinstance(module, QuantInstanceNorm):
            # the normalised values are truncated too
            bias = bias + half + weight * 2.0 ** (-module.fraction - 1)
            _fill(module.affine, weight, bias, following)
        else:
            _fill(module, weight, bias + half, following)
    for name, module in quants.items():
        if isinstance(module, QuantPrelu):
            slope = floats[name].weight
            assert isinstance(slope, Tensor)  # noqa: S101
            with torch.no_grad():
                # the slope is truncated like an activation
                module.weight.copy_(slope + 2.0**-7)


@torch.no_grad()
def record(model: nn.Module, twin: nn.Module, images: Tensor) -> Recording:
    """Run the float network once and look at every module that the twin quantises."""
    recording, handles = Recording(), []
    quants = dict(twin.named_modules())
    kinds = (*AFFINE, QuantGrid, QuantFunction, QuantInstanceNorm, QuantSphere)
    for name, module in model.named_modules():
        inner = any(name.startswith(f"{n}.") for n, m in quants.items() if isinstance(m, kinds))
        if (not inner and isinstance(quants[name], kinds)) or isinstance(module, nn.BatchNorm2d):
            hook = partial(_see, recording, name, quants[name])
            handles.append(module.register_forward_hook(hook))
    training = model.training
    model.eval()(images)
    model.train(training)
    for handle in handles:
        handle.remove()
    return recording


def _see(
    recording: Recording, name: str, quant: nn.Module, module: nn.Module, inputs: Any, output: Any
) -> None:
    recording.order.append(name)
    if isinstance(quant, QuantGrid):
        recording.samples[name] = _thinned(output)
    elif isinstance(quant, QuantFunction | QuantInstanceNorm | QuantSphere):
        recording.samples[name] = _thinned(inputs[0])
    if isinstance(module, InstanceNorm):
        normalised = functional.group_norm(inputs[0], inputs[0].shape[1], eps=module.eps)
        recording.normalised[name] = _thinned(normalised)


def _thinned(values: Tensor) -> Tensor:
    flat = values.detach().flatten()
    return flat[:: max(1, flat.numel() // SAMPLES)].clone()


def _quantisers_behind(order: list[str], quants: dict[str, nn.Module]) -> dict[str, QuantGrid]:
    """Name of a layer with biases -> the quantiser that its outputs go to next, if any."""
    behind: dict[str, QuantGrid] = {}
    for name, following in pairwise(order):
        module, target = quants[name], quants[following]
        if isinstance(target, nn.Identity):  # a normalisation that is merged
            index = order.index(following) + 1
            target = quants[order[index]] if index < len(order) else target
        if isinstance(target, QuantFunction | QuantInstanceNorm | QuantSphere):
            target = target.input
        if isinstance(module, (*AFFINE, QuantInstanceNorm)) and isinstance(target, QuantGrid):
            behind[name] = target
    return behind


def _parameters(
    floats: dict[str, nn.Module], quants: dict[str, nn.Module], order: list[str]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Weights and biases (float64) of convolutions, dense layers and InstanceNorms by name."""
    found: dict[str, tuple[Tensor, Tensor]] = {}
    for name, before in zip(order, ["", *order], strict=False):
        module = floats[name]
        if isinstance(module, nn.BatchNorm2d):
            weight, bias = found[before]
            found[before] = merged(weight, bias, module)
        elif isinstance(quants[name], (*AFFINE, QuantInstanceNorm)):
            own = module.get_parameter("weight"), module.get_parameter("bias")
            found[name] = own[0].detach().double(), own[1].detach().double()
    return found


def merged(weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weights (F, C, k, k) and biases (F,) of a convolution with the normalisation behind it.

    With g, b, m, v the scale, shift, mean and variance of a channel, ``w' = w g / sqrt(v + eps)``
    and ``c' = (c - m) g / sqrt(v + eps) + b``: the same function up to rounding.
    """
    assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101
    gain = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
    shift = (bias - norm.running_mean.double()) * gain + norm.bias.detach().double()
    return weight * gain[:, None, None, None], shift


def _fill(module: Any, weight: Tensor, bias: Tensor, behind: QuantGrid | None) -> None:
    """Weights and biases of a quantised layer, and their grids."""
    with torch.no_grad():
        module.weight.copy_(weight)
        module.bias.copy_(bias)
    bits = int(module.weight_quant.bit_width())
    set_exponent(module.weight_quant, bits, best_exponent(weight, bits))
    bits = int(module.bias_quant.bit_width())
    exponent = holding_exponent(float(bias.abs().max()), bits)
    if behind is not None:
        exponent = max(exponent, behind.exponent - FINER)
    set_exponent(module.bias_quant, bits, exponent)
