"""A score of regions, taught by an autoencoder of zero-bias crossings.

The teacher is a dense autoencoder of the coarse regions; its score is what regions have above their
reconstruction, in units of its spread in their ring of eta, summed; the logarithm of one plus that,
since energies span decades. (Squared errors are little more than the hardest region.) The student
(:class:`trigforge.train.level1.regions.RegionScore`) learns that score on zero-bias crossings,
plain and broken. No signal takes part: epochs are compared on zero-bias crossings that neither has
seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trigforge.train.artifacts import sha256_json
from trigforge.train.codae import initialize
from trigforge.train.config import RegionNetwork, TrainConfig, check_image
from trigforge.train.events import EventDataset
from trigforge.train.fit import Schedule, fit
from trigforge.train.layers import FloatLayers
from trigforge.train.level1.regions import Images, RegionScore
from trigforge.train.scores import batches, evaluate_latents
from trigforge.train.student import Imitation, TrainedStudent, agreement, released_score
from trigforge.train.student_data import ScoredImages

WIDTH, BOTTLENECK = 64, 12
SCALE = 4.0
SMALLEST_SPREAD = 1e-3
POOL_IMAGES = 60_000
HELD_OUT_IMAGES = 6_000
PLAIN_FRACTION = 0.4
MOST_OVERLAID = 4
MOST_HOT = 12
LEARNING_RATE = 1e-3
TEACHER_EPOCHS = 40
REGION_FIELDS = (
    *("architecture", "height", "width", "filters", "negative_slope"),
    *("shift", "input_bits"),
)


class RegionAutoencoder(nn.Module):
    """The teacher: coarse regions (B, 1, H, W) to their squared reconstruction error (B, 1)."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        regions = height * width
        self.network = nn.Sequential(
            nn.Flatten(),
            nn.Linear(regions, WIDTH),
            nn.LeakyReLU(0.2),
            nn.Linear(WIDTH, BOTTLENECK),
            nn.LeakyReLU(0.2),
            nn.Linear(BOTTLENECK, WIDTH),
            nn.LeakyReLU(0.2),
            nn.Linear(WIDTH, regions),
        )

    def forward(self, regions: Tensor) -> Tensor:
        """Sum over regions of (x - reconstruction)^2 in squares of the grid's step."""
        return torch.square(self.residuals(regions)).sum((1, 2))[:, None]

    def residuals(self, regions: Tensor) -> Tensor:
        """x - reconstruction (B, H, W) in steps of the grid."""
        reconstruction: Tensor = SCALE * self.network(regions / SCALE)
        return regions[:, 0] - reconstruction.view_as(regions[:, 0])


class RegionExcess(nn.Module):
    """The teacher's score (B, 1) before the logarithm.

    Args:
        teacher: trained.
        images: crossings (N, H, W) that give the spread of the residuals, column by column.
    """

    spread: Tensor

    def __init__(self, teacher: RegionAutoencoder, images: Images) -> None:
        super().__init__()
        self.teacher = teacher.eval()
        with torch.inference_mode():
            squares = [torch.square(teacher.residuals(b)) for b in batches(images, 256)]
            spread = torch.cat(squares).mean((0, 1))
        self.register_buffer("spread", spread.sqrt().clamp_min(SMALLEST_SPREAD).clone())

    def forward(self, regions: Tensor) -> Tensor:
        """Sum over regions of max(x - reconstruction, 0) / spread."""
        above = torch.relu(self.teacher.residuals(regions)) / self.spread
        return above.sum((1, 2))[:, None]


class ZeroBiasReconstruction:
    """Make the reconstruction error of rolled and flipped crossings small."""

    selection = "minus_error"

    def __init__(self, dataset: EventDataset) -> None:
        self._train = torch.from_numpy(dataset.train.masks)
        self._validation = dataset.validation.masks
        self.key = {"objective": "zero_bias", "events": dataset.masks_sha256}

    @property
    def events(self) -> int:
        """Number of training crossings."""
        return len(self._train)

    def start_epoch(self, generator: torch.Generator) -> None:
        """Nothing to prepare."""

    def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
        """Mean error of a batch, rolled in phi and flipped in eta at random."""
        images = self._train[index].float()[:, None]
        images = images.roll(int(torch.randint(images.shape[2], (), generator=generator)), 2)
        if torch.rand((), generator=generator) < 0.5:
            images = images.flip(3)
        error: Tensor = model(images).mean()
        return error / (images.shape[2] * images.shape[3])

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """``minus_error`` per crossing on validation."""
        return {"minus_error": -float(evaluate_latents(model, self._validation, 256).mean())}


def teacher_scores(excess: RegionExcess, images: Images) -> np.ndarray[Any, np.dtype[np.float64]]:
    """log(1 + excess) (N,) of images (N, H, W)."""
    return np.log1p(evaluate_latents(excess, images, 256)[:, 0].astype(np.float64))


def broken_regions(
    background: Images, count: int, largest: int, rng: np.random.Generator
) -> Images:
    """``count`` images (count, H, W): plain and broken crossings, each rolled and flipped.

    Broken ones are sums of several crossings, get hot regions of any energy, are scaled, or have
    their regions shuffled; every such step is taken with probability one half.

    Args:
        largest: where regions saturate.
    """
    images = np.empty((count, *background.shape[1:]), np.uint8)

    def one() -> Images:
        image = background[rng.integers(len(background))].astype(np.int64)
        image = image[:, ::-1] if rng.random() < 0.5 else image
        return np.asarray(np.roll(image, int(rng.integers(len(image))), axis=0))

    for target in images:
        image = one()
        if rng.random() >= PLAIN_FRACTION:
            if rng.random() < 0.5:
                for _ in range(rng.integers(1, MOST_OVERLAID)):
                    image = image + one()
            if rng.random() < 0.5:
                hot = rng.integers(image.size, size=rng.integers(1, MOST_HOT + 1))
                image = image.copy()
                highest = rng.uniform(1, np.log(largest))
                energies = np.exp(rng.uniform(0, highest, len(hot)))
                image.reshape(-1)[hot] += energies.astype(np.int64)
            if rng.random() < 0.5:
                image = (image * rng.uniform(0.5, 4.0)).astype(np.int64)
            if rng.random() < 0.5:
                image = rng.permutation(image.reshape(-1)).reshape(image.shape)
        target[...] = np.minimum(image, largest)
    return images


def build_region_score(network: RegionNetwork, seed: int) -> RegionScore:
    """A float student with fresh weights."""
    model = RegionScore(network, FloatLayers())
    initialize(model, torch.Generator().manual_seed(seed), bias=0.0)
    return model


def region_pool(network: RegionNetwork, dataset: EventDataset, seed: int) -> Images:
    """What students learn on: plain and broken training crossings."""
    rng = np.random.default_rng(seed)
    return broken_regions(dataset.train.masks, POOL_IMAGES, network.largest, rng)


def held_out_pool(network: RegionNetwork, dataset: EventDataset, seed: int) -> Images:
    """What epochs are compared on: crossings that nothing learns from, plain and broken.

    Plain ones alone would say nothing about the far tail, where a trigger's threshold lies.
    """
    rng = np.random.default_rng([seed, 1])
    return broken_regions(dataset.validation.masks, HELD_OUT_IMAGES, network.largest, rng)


def train_region_score(
    network: RegionNetwork,
    config: TrainConfig,
    dataset: EventDataset,
    work: Path,
    *,
    progress: bool = True,
) -> TrainedStudent:
    """Train the teacher, then the student.

    Args:
        work: folder for the checkpoints; a second call continues from them.

    Raises:
        InputError: the images have another size than the network's.
        TrainingError: the loss is not finite.
        StorageError: a checkpoint cannot be written.
    """
    height, width = dataset.train.masks.shape[1:]
    check_image(network, height, width, dataset.source)
    teacher = RegionAutoencoder(network.height, network.width)
    initialize(teacher, torch.Generator().manual_seed(config.seed), bias=0.0)
    first = Schedule(
        epochs=max(1, min(TEACHER_EPOCHS, config.epochs * 4)),
        batch_size=64,
        learning_rate=LEARNING_RATE,
        weight_decay=config.weight_decay,
        clip_norm=config.clip_norm,
        seed=config.seed,
        schedule="cosine",
    )
    reconstruction = ZeroBiasReconstruction(dataset)
    taught = fit(
        teacher, reconstruction, first, work / "teacher", name="teacher", progress=progress
    )
    excess = RegionExcess(teacher, dataset.train.masks)
    images = region_pool(network, dataset, config.seed)
    scores = teacher_scores(excess, images)
    centre, spread = float(scores.mean()), float(scores.std()) or 1.0
    key = sha256_json([reconstruction.key, scores[:: len(scores) // 1000 or 1].tolist()])
    pool = ScoredImages(images, (scores - centre) / spread, key)
    held_out = held_out_pool(network, dataset, config.seed)
    validation = ScoredImages(held_out, teacher_scores(excess, held_out), key)
    model = build_region_score(network, config.seed)
    objective = Imitation(pool, validation, ranking=0.0)
    fitted = fit(
        model, objective, Schedule.of(config), work / "student", name="student", progress=progress
    )
    metrics = {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch + 1,
        "pool_images": len(images),
        "teacher_error": -taught.history[taught.best_epoch]["minus_error"],
        **objective.validate(model),
        "mask_sum": agreement(validation.mask_sums, validation),
    }
    return TrainedStudent(fitted.state, fitted.history, metrics)


def region_config(network: RegionNetwork) -> dict[str, Any]:
    """What weights of a score of regions depend on."""
    fields = asdict(network)
    return {name: fields[name] for name in REGION_FIELDS}


def region_score_from_state(network: RegionNetwork, state: Mapping[str, Tensor]) -> RegionScore:
    """The float student in evaluation mode."""
    model = RegionScore(network, FloatLayers())
    model.load_state_dict(state)
    return model.eval()


def load_released_region_score(network: RegionNetwork, name: str) -> TrainedStudent:
    """Released float weights.

    Raises:
        InputError: no such weights, or they are for another network.
    """
    expected = RegionScore(network, FloatLayers()).state_dict()
    return released_score(expected, region_config(network), name)
