"""Quantisation-aware training of the whole CoDAE: the twin learns to reconstruct."""

from __future__ import annotations

from pathlib import Path

import torch

from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.full import build_codae_twin
from trigforge.quantize.qat import CALIBRATION_EVENTS, QuantizedEncoder, overlaid, train_twin
from trigforge.train.codae import CoDAE
from trigforge.train.config import NetworkConfig, check_image
from trigforge.train.events import EventDataset
from trigforge.train.train_codae import Reconstruction, reconstruction_quality


def quantize_codae(
    network: NetworkConfig,
    config: QuantizeConfig,
    model: CoDAE,
    dataset: EventDataset,
    work: Path,
    *,
    progress: bool = True,
) -> QuantizedEncoder:
    """Build, calibrate and train the twin of a float CoDAE, with the float objective.

    Args:
        work: folder for the checkpoint; a second call continues from it.

    Returns:
        The twin; its metrics are the reconstruction of validation background by the float
        network, by the calibrated and by the trained twin.

    Raises:
        InputError: the images have another size than the network's.
        TrainingError: the loss is not finite.
        StorageError: a checkpoint cannot be written.
    """
    height, width = dataset.train.masks.shape[1:]
    check_image(network, height, width, dataset.source)
    masks = overlaid(dataset.train.masks[:CALIBRATION_EVENTS])
    twin = build_codae_twin(model, network, config, torch.from_numpy(masks).float()[:, None])
    objective = Reconstruction(dataset)
    before = {"float": dict(objective.validate(model))}
    fitted, before["calibrated"] = train_twin(twin, objective, config, work, progress=progress)
    metrics = {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch + 1,
        "events": len(dataset.validation),
        **{f"{stage}_{name}": v for stage, found in before.items() for name, v in found.items()},
        **reconstruction_quality(twin, dataset.validation.masks),
    }
    return QuantizedEncoder(fitted.state, fitted.history, metrics)
