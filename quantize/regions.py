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
from trigforge.quantize.qat import CALIBRATION_EVENTS, RELEASED, QuantizedEncoder, train_twin
from trigforge.quantize.quantisers import (
    best_exponent,
    holding_exponent,
    quantizers,
    scale_exponent,
    set_exponent,
)
from trigforge.train.artifacts import sha256_json
from trigforge.train.config import NetworkConfig, TrainConfig, check_image
from trigforge.train.events import EventDataset
from trigforge.train.region_student import region_config, region_pool
from trigforge.train.regions import Images, RegionScore
from trigforge.train.scores import evaluate_latents
from trigforge.train.student import Imitation
from trigforge.train.student_data import ScoredImages
from trigforge.train.weights import load_released


def empty_region_twin(network: NetworkConfig, config: QuantizeConfig) -> RegionScore:
    """The quantised architecture, scales frozen at 1, to be filled from a state dict."""
    twin = RegionScore(network, QuantLayers(config))
    for holder, kind, bits in quantizers(twin):
        set_exponent(getattr(holder, f"{kind}_quant"), bits, 0)
    return twin


def build_region_twin(
    student: RegionScore, network: NetworkConfig, config: QuantizeConfig, regions: Tensor
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
    network: NetworkConfig,
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
    images = region_pool(dataset, train.seed)
    pool = _scored(student, images)
    validation = _scored(student, dataset.validation.masks)
    few = torch.from_numpy(images[:CALIBRATION_EVENTS]).float()[:, None]
    twin = build_region_twin(student, network, config, few)
    objective = Imitation(pool, validation, ranking=0.0)
    fitted, calibrated = train_twin(twin, objective, config, work, progress=progress)
    metrics = {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch + 1,
        "pool_images": len(images),
        "events": len(dataset.validation),
        **{f"calibrated_{name}": value for name, value in calibrated.items()},
        **objective.validate(twin),
    }
    return QuantizedEncoder(fitted.state, fitted.history, metrics)


def region_twin_from_state(
    network: NetworkConfig, config: QuantizeConfig, state: Mapping[str, Tensor]
) -> RegionScore:
    """The twin in evaluation mode."""
    twin = empty_region_twin(network, config)
    twin.load_state_dict(state)
    return twin.eval()


def quantized_region_config(network: NetworkConfig, config: QuantizeConfig) -> dict[str, Any]:
    """What quantised weights depend on."""
    widths = asdict(config)
    names = ("weight_bits", "activation_bits", "bias_bits")
    return region_config(network) | {name: widths[name] for name in names}


def load_released_region_twin(
    network: NetworkConfig, config: QuantizeConfig, name: str
) -> QuantizedEncoder:
    """Released quantised weights.

    Raises:
        InputError: no such weights, or they are for another network or other bit widths.
    """
    expected = empty_region_twin(network, config).state_dict()
    released = load_released(RELEASED, name, expected, quantized_region_config(network, config))
    return QuantizedEncoder(
        released.state, released.manifest["history"], released.manifest["metrics"]
    )


def _layers(twin: RegionScore) -> Iterator[tuple[Any, Any]]:
    """(dense layer, activation behind it or None), input to output."""
    for block in twin.blocks:
        yield block.linear, block.activation
    yield twin.dense, None


def _scored(student: RegionScore, images: Images) -> ScoredImages:
    scores = evaluate_latents(student, images, 256)[:, 0].astype(np.float64)
    return ScoredImages(images, scores, sha256_json(scores[:: len(scores) // 1000 or 1].tolist()))
