"""Anomaly scores per event: latents and reconstruction errors (arXiv:2306.12955, section 4.4).

All reconstruction scores are sums over the pixels of a mask x and its predicted probabilities r.
Higher is more anomalous, except for latents, whose sign is found on background.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.train.codae import CoDAE
from trigforge.train.metrics import spearman

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

EVALUATION_BATCH = 16
"""Events at a time: few enough for activations to stay in the cache between operations."""


@dataclass(frozen=True)
class ScoreChoice:
    """Which latent is the score, and its sign.

    Attributes:
        latent: index of the latent.
        sign: +1 or -1; sign times latent is higher for worse reconstructed background.
        correlations: rank correlation of every latent with the reconstruction error.
    """

    latent: int
    sign: int
    correlations: tuple[float, ...]


def batches(inputs: npt.NDArray[Any], size: int) -> Iterator[Tensor]:
    """Inputs as float32 tensors, B of them at most ``size``.

    Images (N, H, W) become (B, 1, H, W), channels-last; variables (N, V) are (B, V).
    """
    for start in range(0, len(inputs), size):
        batch = torch.from_numpy(inputs[start : start + size]).float()
        if batch.ndim == 2:
            yield batch
            continue
        batch = batch[:, None]
        # with one channel both layouts are contiguous, and torch would take channels-first
        height, width = batch.shape[2:]
        yield batch.as_strided(batch.shape, (height * width, 1, width, 1))


def evaluate_latents(
    encoder: nn.Module, inputs: npt.NDArray[Any], batch_size: int = EVALUATION_BATCH
) -> Float32:
    """Outputs (N, Z) for images (N, H, W) or variables (N, V), in evaluation mode."""
    encoder.eval()
    with torch.inference_mode():
        parts = [encoder(batch).float().numpy() for batch in batches(inputs, batch_size)]
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def evaluate_scores(
    model: CoDAE, masks: npt.NDArray[np.uint8], batch_size: int = EVALUATION_BATCH
) -> dict[str, Float64]:
    """All scores of masks (N, H, W), each (N,).

    Keys: ``bce``, ``sse``, ``sae``, ``dice`` (that is 1 - Dice), ``predicted_sum``, ``mask_sum``
    and ``latent_<i>``.
    """
    model.eval()
    parts: list[dict[str, Tensor]] = []
    with torch.inference_mode():
        for batch in batches(masks, batch_size):
            logits, latents = model(batch)
            part = reconstruction_scores(logits, batch)
            part.update({f"latent_{i}": z for i, z in enumerate(latents.double().unbind(1))})
            parts.append(part)
    return {key: torch.cat([part[key] for part in parts]).numpy() for key in parts[0]}


def reconstruction_scores(logits: Tensor, masks: Tensor) -> dict[str, Tensor]:
    """Scores (B,) in float64 from logits (B, 1, H, W) of the pixels and masks (B, 1, H, W)."""
    x, r = masks.double(), torch.sigmoid(logits.double())
    pixels = (1, 2, 3)
    cross_entropy = functional.binary_cross_entropy_with_logits(
        logits.double(), x, reduction="none"
    )
    mask_sum, predicted_sum = x.sum(pixels), r.sum(pixels)
    overlap = (x * r).sum(pixels)
    return {
        "bce": cross_entropy.sum(pixels),
        "sse": torch.square(x - r).sum(pixels),
        "sae": (x - r).abs().sum(pixels),
        "dice": 1 - 2 * overlap / (mask_sum + predicted_sum).clamp_min(1e-12),
        "predicted_sum": predicted_sum,
        "mask_sum": mask_sum,
    }


class ReconstructionScore(nn.Module):
    """A float CoDAE as one score: masks (B, 1, H, W) to ``bce``, ``sse`` or ``sae`` (B, 1)."""

    def __init__(self, codae: CoDAE, score: str) -> None:
        super().__init__()
        self.codae, self.score = codae, score

    def forward(self, masks: Tensor) -> Tensor:
        """Scores in float64."""
        logits, _ = self.codae(masks)
        return reconstruction_scores(logits, masks)[self.score][:, None]


def rank_correlation(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Spearman's coefficient of two samples (N,); 0 where one of them is constant."""
    return spearman(a, b) or 0.0


def choose_score(latents: npt.NDArray[Any], errors: npt.NDArray[Any]) -> ScoreChoice:
    """The latent that follows the reconstruction error best, and its sign, on background alone.

    Args:
        latents: (N, Z) of background events.
        errors: (N,) reconstruction error (BCE) of the same events.
    """
    columns = latents.T
    correlations = tuple(rank_correlation(column, errors) for column in columns)
    latent = max(range(len(correlations)), key=lambda i: abs(correlations[i]))
    return ScoreChoice(latent, 1 if correlations[latent] >= 0 else -1, correlations)
