"""The quantised twin of a score of regions: grids, half steps, training, released weights.

The twin learns the scores of the float student on the student's own pool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.layers import QuantLayers
from trigforge.quantize.qat import CALIBRATION_EVENTS, QuantizedEncoder, released_encoder
from trigforge.quantize.quantisers import (
    best_exponent,
    freeze_scales,
    holding_exponent,
    scale_exponent,
    set_exponent,
)
from trigforge.quantize.student_qat import imitate
from trigforge.train.artifacts import sha256_json
from trigforge.train.config import RegionNetwork, TrainConfig, check_image
from trigforge.train.events import EventDataset
from trigforge.train.level1.region_student import held_out_pool, region_config, region_pool
from trigforge.train.level1.regions import Images, RegionScore
from trigforge.train.scores import evaluate_latents
from trigforge.train.student_data import ScoredImages


def empty_region_twin(network: RegionNetwork, config: QuantizeConfig) -> RegionScore:
    """The quantised architecture, scales frozen at 1, to be filled from a state dict."""
    twin = RegionScore(network, QuantLayers(config))
    freeze_scales(twin)
    return twin


def build_region_twin(
    student: RegionScore, network: RegionNetwork, config: QuantizeConfig, regions: Tensor
) -> RegionScore:
    """A calibrated twin; biases in front of a truncating quantiser carry half a step of it.

    Args:
        student: trained.
        regions: crossings (B, 1, H, W) to calibrate on.
    """
    twin = empty_region_twin(network, config)
    with torch.no_grad():
        for name, tensor in student.state_dict().items():
            twin.get_parameter(name).copy_(tensor)
        features = torch.flatten(regions, 1)
        for block, (layer, activation) in zip(student.blocks, _layers(twin), strict=False):
            features = block(features)
            quantizer = activation.quantizer.act_quant
            bits = int(quantizer.bit_width())
            set_exponent(quantizer, bits, best_exponent(features.flatten(), bits))
            layer.bias += 2.0 ** (scale_exponent(quantizer) - 1)
    grid = 0
    for layer, activation in _layers(twin):
        bits = int(layer.weight_quant.bit_width())
        exponent = best_exponent(layer.weight.detach(), bits)
        set_exponent(layer.weight_quant, bits, exponent)
        # no finer than the products or the half step of the quantiser behind, and wide enough
        finest = grid + exponent
        if activation is not None:
            finest = min(finest, scale_exponent(activation.quantizer.act_quant) - 1)
        bits = int(layer.bias_quant.bit_width())
        holding = holding_exponent(float(layer.bias.detach().abs().max()), bits)
        set_exponent(layer.bias_quant, bits, max(holding, finest))
        if activation is not None:
            grid = scale_exponent(activation.quantizer.act_quant)
    return twin


def quantize_region_score(
    network: RegionNetwork,
    config: QuantizeConfig,
    train: TrainConfig,
    student: RegionScore,
    dataset: EventDataset,
    work: Path,
    *,
    progress: bool = True,
) -> QuantizedEncoder:
    """Build, calibrate and train the twin of a float student.

    Args:
        train: how the student was trained, for its pool.
        work: folder for the checkpoint; a second call continues from it.

    Raises:
        InputError: the images have another size than the network's.
        TrainingError: the loss is not finite.
        StorageError: a checkpoint cannot be written.
    """
    height, width = dataset.train.masks.shape[1:]
    check_image(network, height, width, dataset.source)
    images = region_pool(network, dataset, train.seed)
    pool = _scored(student, images)
    validation = _scored(student, held_out_pool(network, dataset, train.seed))
    few = torch.from_numpy(images[:CALIBRATION_EVENTS]).float()[:, None]
    twin = build_region_twin(student, network, config, few)
    return imitate(twin, pool, validation, config, work, progress=progress)


def region_twin_from_state(
    network: RegionNetwork, config: QuantizeConfig, state: Mapping[str, Tensor]
) -> RegionScore:
    """The twin in evaluation mode."""
    twin = empty_region_twin(network, config)
    twin.load_state_dict(state)
    return twin.eval()


def quantized_region_config(network: RegionNetwork, config: QuantizeConfig) -> dict[str, Any]:
    """What quantised weights depend on."""
    widths = asdict(config)
    names = ("weight_bits", "activation_bits", "bias_bits")
    return region_config(network) | {name: widths[name] for name in names}


def load_released_region_twin(
    network: RegionNetwork, config: QuantizeConfig, name: str
) -> QuantizedEncoder:
    """Released quantised weights.

    Raises:
        InputError: no such weights, or they are for another network or other bit widths.
    """
    expected = empty_region_twin(network, config).state_dict()
    return released_encoder(expected, quantized_region_config(network, config), name)


def _layers(twin: RegionScore) -> Iterator[tuple[Any, Any]]:
    """(dense layer, activation behind it or None), input to output."""
    for block in twin.blocks:
        yield block.linear, block.activation
    yield twin.dense, None


def _scored(student: RegionScore, images: Images) -> ScoredImages:
    scores = evaluate_latents(student, images, 256)[:, 0].astype(np.float64)
    return ScoredImages(images, scores, sha256_json(scores[:: len(scores) // 1000 or 1].tolist()))
