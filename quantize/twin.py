"""The quantised twin of a float mask encoder: merge, choose the grids, carry the half steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.layers import QuantLayers
from trigforge.quantize.quantisers import (
    best_exponent,
    freeze_scales,
    holding_exponent,
    scale_exponent,
    set_exponent,
)
from trigforge.train.codae import MaskEncoder
from trigforge.train.config import NetworkConfig

CALIBRATION_VALUES = 1 << 20


def merge_norm(encoder: MaskEncoder) -> dict[str, Tensor]:
    """Weights and biases (float64) of an encoder, batch normalisation merged into convolutions.

    With g, b, m, v the scale, shift, mean and variance of a channel, ``w' = w g / sqrt(v + eps)``
    and ``c' = (c - m) g / sqrt(v + eps) + b``: the same function up to rounding.

    Returns:
        ``blocks.<i>.conv.{weight,bias}`` and ``dense.{weight,bias}``.

    Raises:
        ValueError: the encoder has another normalisation, which cannot be merged.
    """
    merged: dict[str, Tensor] = {}
    for index, block in enumerate(encoder.blocks):
        norm, conv = block.norm, block.conv
        if not isinstance(norm, nn.BatchNorm2d):
            raise ValueError(f"block {index} has {type(norm).__name__}, expected BatchNorm2d")
        assert isinstance(conv, nn.Conv2d) and conv.bias is not None  # noqa: S101
        assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101
        gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        shift = (conv.bias.double() - norm.running_mean.double()) * gain + norm.bias.double()
        merged[f"blocks.{index}.conv.weight"] = conv.weight.double() * gain[:, None, None, None]
        merged[f"blocks.{index}.conv.bias"] = shift
    for name in ("dense.weight", "dense.bias"):
        merged[name] = encoder.get_parameter(name).double()
    return {name: tensor.detach() for name, tensor in merged.items()}


def empty_twin(network: NetworkConfig, config: QuantizeConfig) -> MaskEncoder:
    """The quantised architecture, scales frozen at 1, to be filled from a state dict."""
    twin = MaskEncoder(network, QuantLayers(config))
    freeze_scales(twin)
    return twin


def build_twin(
    encoder: MaskEncoder, network: NetworkConfig, config: QuantizeConfig, masks: Tensor
) -> MaskEncoder:
    """A calibrated twin of a trained float encoder.

    Grids of weights and biases minimise their own squared error; those of the activations the
    squared error over ``masks``. Then every bias in front of a truncating quantiser gets
    half a step of it, so that truncation starts as rounding.

    Args:
        encoder: trained, with batch normalisation.
        masks: events (B, 1, H, W) to calibrate on, a few hundred; background and its overlays.
    """
    twin = empty_twin(network, config)
    with torch.no_grad():
        for name, tensor in merge_norm(encoder).items():
            twin.get_parameter(name).copy_(tensor)
    samples = activation_samples(encoder, masks)
    activated = [(layer, activation) for layer, activation in layers_in_order(twin) if activation]
    for (layer, activation), values in zip(activated, samples, strict=True):
        quantizer = activation.quantizer.act_quant
        bits = int(quantizer.bit_width())
        set_exponent(quantizer, bits, best_exponent(values, bits))
        with torch.no_grad():
            layer.bias += 2.0 ** (scale_exponent(quantizer) - 1)
    grid = 0
    for layer, activation in layers_in_order(twin):
        bits = int(layer.weight_quant.bit_width())
        exponent = best_exponent(layer.weight.detach(), bits)
        set_exponent(layer.weight_quant, bits, exponent)
        bias_bits = int(layer.bias_quant.bit_width())
        # Biases are few and each matters: their grid holds the largest. It need not be finer than
        # that of the products, or than the half step of a finer quantiser behind.
        finest = grid + exponent
        if activation is not None:
            finest = min(finest, scale_exponent(activation.quantizer.act_quant) - 1)
        holding = holding_exponent(float(layer.bias.detach().abs().max()), bias_bits)
        set_exponent(layer.bias_quant, bias_bits, max(holding, finest))
        if activation is not None:
            grid = scale_exponent(activation.quantizer.act_quant)
    return twin


def layers_in_order(twin: MaskEncoder) -> Iterator[tuple[Any, Any]]:
    """(convolution or dense layer, activation behind it or None), input to output."""
    for block in twin.blocks:
        yield block.conv, block.activation
    yield twin.dense, None


@torch.no_grad()
def activation_samples(encoder: MaskEncoder, masks: Tensor) -> Iterator[Tensor]:
    """Values behind each LeakyReLU of a float encoder, thinned to about a million per block."""
    encoder.eval()
    features = masks
    for block, pool in zip(encoder.blocks, encoder.pools, strict=True):
        activated = block(features)
        yield activated.flatten()[:: max(1, activated.numel() // CALIBRATION_VALUES)]
        features = pool(activated)
