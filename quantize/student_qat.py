"""Quantisation-aware training of a score student: the twin learns to give the float scores.

The images are those of the float training, plain and broken background; the float student, not the
teacher, says what is right, so that float and firmware keep the same physics.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.qat import CALIBRATION_EVENTS, QuantizedEncoder, train_twin
from trigforge.quantize.twin import build_twin
from trigforge.train.artifacts import sha256_json
from trigforge.train.codae import MaskEncoder
from trigforge.train.config import NetworkConfig, TrainConfig, check_image
from trigforge.train.events import EventDataset
from trigforge.train.scores import evaluate_latents
from trigforge.train.student import Imitation
from trigforge.train.student_data import ScoredImages, unscored_pool


def quantize_student(
    network: NetworkConfig,
    config: QuantizeConfig,
    train: TrainConfig,
    student: MaskEncoder,
    dataset: EventDataset,
    work: Path,
    *,
    progress: bool = True,
) -> QuantizedEncoder:
    """Build, calibrate and train the twin of a float student.

    Args:
        train: how the float student was trained, for its images.
        work: folder for the checkpoint; a second call continues from it.

    Returns:
        The twin; its metrics compare it with the float student on validation background.

    Raises:
        InputError: the images have another size than the network's.
        TrainingError: the loss is not finite.
        StorageError: a checkpoint cannot be written.
    """
    height, width = dataset.train.masks.shape[1:]
    check_image(network, height, width, dataset.source)
    if train.teacher is None:
        raise ValueError("a score student needs train.teacher")
    masks, key = unscored_pool(dataset, train.teacher.images, train.seed)
    pool = _scored(student, masks, key)
    validation = _scored(student, dataset.validation.masks, dataset.sha256)
    few = torch.from_numpy(masks[:CALIBRATION_EVENTS]).float()[:, None]
    twin = build_twin(student, network, config, few)
    return imitate(twin, pool, validation, config, work, progress=progress)


def imitate(
    twin: nn.Module,
    pool: ScoredImages,
    validation: ScoredImages,
    config: QuantizeConfig,
    work: Path,
    *,
    progress: bool,
) -> QuantizedEncoder:
    """Train a calibrated twin towards the float scores of a pool; best on ``validation``."""
    objective = Imitation(pool, validation, ranking=0.0)
    fitted, calibrated = train_twin(twin, objective, config, work, progress=progress)
    metrics = {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch + 1,
        "pool_images": len(pool.masks),
        "events": len(validation.masks),
        **{f"calibrated_{name}": value for name, value in calibrated.items()},
        **objective.validate(twin),
    }
    return QuantizedEncoder(fitted.state, fitted.history, metrics)


def _scored(student: MaskEncoder, masks: npt.NDArray[np.uint8], key: str) -> ScoredImages:
    """Images with the float student's score."""
    scores = evaluate_latents(student, masks)[:, 0].astype(np.float64)
    digest = sha256_json([key, scores[: len(scores) // 8 + 1].tolist()])
    return ScoredImages(masks, scores, digest)
