"""A network of encoder cost that learns the score of a whole autoencoder.

The student is a mask encoder with one output. What it learns is the teacher's score, standardised
on the pool; beside a robust regression a pairwise term orders images of the same mask sum, so that
training is worth more than counting pixels. No signal event takes part, not even in choosing the
epoch: that is done by the rank correlation with the teacher at equal mask sum on background of the
validation split.
"""

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

from trigforge.train.codae import MaskEncoder, initialize
from trigforge.train.config import NetworkConfig, TrainConfig, check_image
from trigforge.train.equal_baseline import (
    ABSOLUTE_WINDOW,
    RELATIVE_WINDOW,
    rank_correlation_at_equal,
)
from trigforge.train.events import EventDataset
from trigforge.train.fit import Schedule, fit
from trigforge.train.layers import FloatLayers
from trigforge.train.scores import evaluate_latents, rank_correlation
from trigforge.train.student_data import ScoredImages, scored, training_pool
from trigforge.train.teacher import load_teacher
from trigforge.train.weights import load_released

RELEASED = Path(__file__).parent / "released"
ENCODER_FIELDS = ("height", "width", "filters", "groups", "latents", "negative_slope")
SPREAD_BINS = 40
LARGEST_PAIR = 3.0
"""Pairs further apart than so many spreads weigh no more: their order is learnt soon."""

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrainedStudent:
    """A trained student.

    Attributes:
        state: state dict of the mask encoder at its best epoch.
        history: per epoch the training loss, the seconds and the validation metrics.
        metrics: of the best epoch, see :func:`agreement`, and what it was taught.
    """

    state: dict[str, Tensor]
    history: list[dict[str, float]]
    metrics: dict[str, Any]


class Imitation:
    """Give the score of a teacher: Huber loss plus the order of pairs of the same mask sum.

    With y the target, f the student and s the spread of y at equal mask sum, a pair whose mask sums
    differ by at most 5 % costs ``w log(1 + exp(-(f_i - f_j) / s))`` where
    ``y_i > y_j`` and ``w = min((y_i - y_j) / s, 3)``; weights are normalised over the batch.

    Args:
        pool: images to learn from, scores with a standard deviation of about 1.
        validation: background to compare epochs by.
        ranking: weight of the pairs.
    """

    selection = "rank_correlation_at_equal"

    def __init__(self, pool: ScoredImages, validation: ScoredImages, ranking: float) -> None:
        self._masks = torch.from_numpy(pool.masks)
        self._sums = torch.from_numpy(pool.mask_sums).float()
        self._targets = torch.from_numpy(pool.scores).float()
        self._pair_spread = spread_at_equal(pool.scores, pool.mask_sums)
        self._validation = validation
        self._ranking = ranking
        self.key = {"objective": "imitation", "images": [pool.key, validation.key]} | {
            "ranking": ranking
        }

    @property
    def events(self) -> int:
        """Number of training images."""
        return len(self._masks)

    def start_epoch(self, generator: torch.Generator) -> None:
        """Nothing to prepare."""

    def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
        """Regression and order of a batch; a scalar."""
        masks = self._masks[index].float()[:, None].contiguous(memory_format=torch.channels_last)
        found = model(masks).float()[:, 0]
        targets = self._targets[index]
        regression = functional.huber_loss(found, targets)
        if not self._ranking:
            return regression
        pairs = ranking_loss(found, targets, self._sums[index], self._pair_spread)
        return regression + self._ranking * pairs

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """:func:`agreement` on validation background."""
        found = evaluate_latents(model, self._validation.masks)[:, 0]
        return agreement(found, self._validation)


def ranking_loss(found: Tensor, targets: Tensor, mask_sums: Tensor, spread: float) -> Tensor:
    """Logistic loss of wrongly ordered pairs (B,) x (B,) of the same mask sum; see Imitation."""
    window = torch.clamp(RELATIVE_WINDOW * mask_sums, min=ABSOLUTE_WINDOW)
    equal = (mask_sums[:, None] - mask_sums).abs() <= window[:, None]
    apart = (targets[:, None] - targets) / spread
    weights = torch.where(equal, apart.clamp(0.0, LARGEST_PAIR), 0.0)
    wrong = functional.softplus(-(found[:, None] - found) / spread)
    return (weights * wrong).sum() / weights.sum().clamp_min(1e-6)


def spread_at_equal(targets: Float64, mask_sums: npt.NDArray[np.int64]) -> float:
    """Standard deviation of targets (N,) around their mean in slices of the mask sum."""
    order = np.argsort(mask_sums, kind="stable")
    slices = np.array_split(targets[order], min(SPREAD_BINS, len(targets)))
    squares = sum(float(np.square(s - s.mean()).sum()) for s in slices)
    return float(np.sqrt(squares / len(targets))) or 1.0


def agreement(found: npt.NDArray[Any], target: ScoredImages) -> dict[str, float]:
    """How well scores (N,) follow the target's: rank correlations, plain and at equal mask sum."""
    at_equal = rank_correlation_at_equal(found, target.scores, target.mask_sums)
    return {
        "rank_correlation_at_equal": at_equal or 0.0,
        "rank_correlation": rank_correlation(found, target.scores),
    }


def build_student(network: NetworkConfig, seed: int) -> MaskEncoder:
    """A student with fresh weights: he_uniform, biases 0."""
    model = MaskEncoder(network, FloatLayers())
    initialize(model, torch.Generator().manual_seed(seed), bias=0.0)
    return model


def train_student(
    network: NetworkConfig,
    config: TrainConfig,
    dataset: EventDataset,
    work: Path,
    cache: Path,
    *,
    progress: bool = True,
) -> TrainedStudent:
    """Make the pool, train a student on it.

    Args:
        work: folder for the checkpoint; a second call continues from it.
        cache: folder for images that the teacher has scored.

    Raises:
        InputError: no teacher, or one for other images; the images have another size than the
            network's.
        TrainingError: the loss is not finite.
        StorageError: a checkpoint or a chunk of the pool cannot be written.
    """
    height, width = dataset.train.masks.shape[1:]
    check_image(network, height, width, dataset.source)
    pool, validation = taught_images(config, dataset, cache, progress=progress)
    assert config.teacher is not None  # noqa: S101 # taught_images has refused
    objective = Imitation(pool.standardised(), validation, config.teacher.ranking)
    model = build_student(network, config.seed)
    schedule = Schedule.of(config)
    fitted = fit(model, objective, schedule, work, name="student", progress=progress)
    sums = validation.mask_sums
    metrics = {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch + 1,
        "pool_images": len(pool.masks),
        "validation_events": len(validation.masks),
        **objective.validate(model),
        "mask_sum": agreement(sums, validation),
    }
    return TrainedStudent(fitted.state, fitted.history, metrics)


def taught_images(
    config: TrainConfig, dataset: EventDataset, cache: Path, *, progress: bool = True
) -> tuple[ScoredImages, ScoredImages]:
    """The training pool and the validation background, both scored by the teacher."""
    height, width = dataset.train.masks.shape[1:]
    if config.teacher is None:
        raise ValueError("a score student needs train.teacher")
    teacher = load_teacher(config.teacher, height, width)
    pool = training_pool(
        dataset, teacher, config.teacher.images, config.seed, cache, progress=progress
    )
    validation = scored(
        dataset.validation.masks, teacher, cache, name="validation", progress=progress
    )
    return pool, validation


def student_from_state(network: NetworkConfig, state: Mapping[str, Tensor]) -> MaskEncoder:
    """A student in evaluation mode with the weights of :class:`TrainedStudent`."""
    model = MaskEncoder(network, FloatLayers())
    model.load_state_dict(state)
    return model.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]


def student_config(network: NetworkConfig) -> dict[str, Any]:
    """What weights of a student depend on."""
    fields = asdict(network)
    return {key: fields[key] for key in ("architecture", "normalization", *ENCODER_FIELDS)}


def load_released_student(network: NetworkConfig, name: str) -> TrainedStudent:
    """Released float weights.

    Raises:
        InputError: no such weights, or they are for another network.
    """
    expected = MaskEncoder(network, FloatLayers()).state_dict()
    return released_score(expected, student_config(network), name)


def released_score(
    expected: Mapping[str, Tensor], config: Mapping[str, Any], name: str
) -> TrainedStudent:
    """Released float weights with the tensors of ``expected``, made for ``config``.

    Raises:
        InputError: no such weights, or others than expected.
    """
    released = load_released(RELEASED, name, expected, config)
    return TrainedStudent(
        released.state, released.manifest["history"], released.manifest["metrics"]
    )
