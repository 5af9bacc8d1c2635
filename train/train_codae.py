"""The training stage of CoDAE: events in, weights and metrics out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.train.augmentation import draw_augmentation
from trigforge.train.codae import CoDAE, build_codae
from trigforge.train.config import NetworkConfig, TrainConfig, check_image
from trigforge.train.events import EventDataset
from trigforge.train.fit import Schedule, fit
from trigforge.train.scores import (
    EVALUATION_BATCH,
    batches,
    choose_score,
    evaluate_scores,
    rank_correlation,
    reconstruction_scores,
)
from trigforge.train.ssim import ssim
from trigforge.train.weights import RELEASED, load_released

SELECTION_EVENTS = 1024
"""Validation events that epochs are compared on."""


@dataclass(frozen=True)
class TrainedCodae:
    """A trained CoDAE.

    Attributes:
        state: state dict of the best epoch.
        history: per epoch the training loss, the seconds and the validation metrics.
        metrics: of the best epoch on all validation events, see :func:`background_metrics`.
    """

    state: dict[str, Tensor]
    history: list[dict[str, float]]
    metrics: dict[str, Any]


class Reconstruction:
    """Reconstruct augmented masks; binary cross-entropy summed over pixels, mean over the batch.

    One augmentation is drawn per batch (section 4.2). Epochs are compared by structural similarity.
    """

    selection = "ssim"

    def __init__(self, dataset: EventDataset) -> None:
        self._train = torch.from_numpy(dataset.train.masks)
        self._validation = dataset.validation.masks[:SELECTION_EVENTS]
        self.key = {
            "objective": "reconstruction",
            "dataset": dataset.sha256,
            "events": [len(self._train), len(self._validation)],
        }

    @property
    def events(self) -> int:
        """Number of training events."""
        return len(self._train)

    def start_epoch(self, generator: torch.Generator) -> None:
        """Nothing to prepare."""

    def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
        """Mean over the batch of the BCE summed over pixels."""
        masks = self._train[index][:, None]
        augmentation = draw_augmentation(masks.shape[-2], generator)
        images = augmentation.apply(masks).float().contiguous(memory_format=torch.channels_last)
        logits, _ = model(images)
        total = functional.binary_cross_entropy_with_logits(logits.float(), images, reduction="sum")
        return total / len(index)

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """Means per event of ``ssim``, ``bce`` and ``sse`` over the selection events."""
        return reconstruction_quality(model, self._validation)


def reconstruction_quality(
    model: nn.Module, masks: npt.NDArray[np.uint8], batch_size: int = EVALUATION_BATCH
) -> dict[str, float]:
    """Mean and standard deviation over events of SSIM, and means of BCE and SSE (pixel sums)."""
    model.eval()
    parts: dict[str, list[Tensor]] = {"ssim": [], "bce": [], "sse": []}
    with torch.inference_mode():
        for batch in batches(masks, batch_size):
            logits, _ = model(batch)
            scores = reconstruction_scores(logits, batch)
            parts["ssim"].append(ssim(torch.sigmoid(logits), batch))
            parts["bce"].append(scores["bce"])
            parts["sse"].append(scores["sse"])
    values = {name: torch.cat(tensors).double() for name, tensors in parts.items()}
    quality = {name: float(value.mean()) for name, value in values.items()}
    return {**quality, "ssim_std": float(values["ssim"].std(correction=0))}


def background_metrics(model: CoDAE, masks: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """What background events (N, H, W) alone say about a trained model.

    Returns:
        ``ssim``, ``ssim_std``, ``bce``, ``sse`` (means over events), ``score_latent`` and
        ``score_sign``, and per latent its rank correlation with BCE and with the mask sum.
    """
    scores = evaluate_scores(model, masks)
    latents = [scores[key] for key in sorted(scores) if key.startswith("latent_")]
    choice = choose_score(np.stack(latents, axis=1), scores["bce"])
    return {
        "events": len(masks),
        **reconstruction_quality(model, masks),
        "score_latent": choice.latent,
        "score_sign": choice.sign,
        "latent_bce_rank_correlation": list(choice.correlations),
        "latent_mask_sum_rank_correlation": [
            rank_correlation(latent, scores["mask_sum"]) for latent in latents
        ],
    }


def train_codae(
    network: NetworkConfig,
    config: TrainConfig,
    dataset: EventDataset,
    work: Path,
    *,
    progress: bool = True,
) -> TrainedCodae:
    """Train a CoDAE on the background of ``dataset``.

    Args:
        work: folder for the checkpoint; a second call continues from it.

    Raises:
        InputError: the images have another size than the network's.
        TrainingError: the loss is not finite.
        StorageError: a checkpoint cannot be written.
    """
    height, width = dataset.train.masks.shape[1:]
    check_image(network, height, width, dataset.source)
    model = build_codae(network, config.seed)
    schedule = Schedule.of(config)
    fitted = fit(model, Reconstruction(dataset), schedule, work, name="codae", progress=progress)
    metrics = {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch + 1,
        **background_metrics(model, dataset.validation.masks),
    }
    return TrainedCodae(fitted.state, fitted.history, metrics)


def codae_from_state(network: NetworkConfig, state: Mapping[str, Tensor]) -> CoDAE:
    """A CoDAE in evaluation mode with the weights of :class:`TrainedCodae`."""
    model = CoDAE(network)
    model.load_state_dict(state)
    return model.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]


def weights_config(network: NetworkConfig) -> dict[str, Any]:
    """What weights of a network depend on: everything but which latent is the score."""
    fields = asdict(network)
    for choice in ("export", "score", "score_latent", "score_sign"):
        del fields[choice]
    return fields


def load_released_codae(network: NetworkConfig, name: str) -> TrainedCodae:
    """Released float weights.

    Raises:
        InputError: no such weights, or they are for another network.
    """
    released = load_released(RELEASED, name, CoDAE(network).state_dict(), weights_config(network))
    return TrainedCodae(released.state, released.manifest["history"], released.manifest["metrics"])
