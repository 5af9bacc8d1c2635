"""Quantisation-aware training of normalized autoencoders: the twin follows its float network.

Energies of signals matter and no signal may take part, so the float network is followed on
background and on background that was broken (:mod:`trigforge.train.jets.broken_jets`), afresh in
every epoch. The float network sees jets as they are, the twin on the grid of its input: what the
grid costs is learnt to be made up for as well.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.input_grid import InputGrid
from trigforge.quantize.nae import (
    DenseEnergyScore,
    EnergyScore,
    build_dense_twin,
    build_energy_twin,
    build_latent_twin,
    empty_dense_twin,
    empty_energy_twin,
    empty_latent_twin,
)
from trigforge.quantize.qat import (
    CALIBRATION_EVENTS,
    VALIDATION_EVENTS,
    QuantizedEncoder,
    released_encoder,
    train_twin,
)
from trigforge.train.artifacts import sha256_json
from trigforge.train.jets.broken_jets import IMAGES, VARIABLES, Breaking, broken
from trigforge.train.nae.network import Autoencoder, DenseAutoencoder, JetAutoencoder
from trigforge.train.nae.prototypes import LatentScore
from trigforge.train.scores import rank_correlation

BATCH = 256
PLAIN_FRACTION = 0.5
FLOOR = 0.01
"""Of the mean energy: what is far below does not count as small."""

WIDTHS = (
    "full_weight_bits",
    "full_activation_bits",
    "bias_bits",
    "grid_bits",
    "norm_bits",
    "table_bits",
)


class Following(ABC):
    """Follow a float network on plain and broken background.

    Args:
        train, validation: background as the float network sees it, (N, ...).
        grid: of the twin's input.
    """

    selection = "explained_variance"

    def __init__(
        self,
        reference: nn.Module,
        train: Tensor,
        validation: Tensor,
        grid: InputGrid,
        breakings: Mapping[str, Breaking],
    ) -> None:
        self.reference = reference.eval()
        self._train, self._grid, self._breakings = train, grid, breakings
        generator = torch.Generator().manual_seed(0)
        plain = validation[:VALIDATION_EVENTS]
        self._validation = {"": plain, "broken_": broken(plain, breakings, generator)}
        self.prepare(plain)
        self._expected = {name: self.expected(x) for name, x in self._validation.items()}
        self._jets = torch.empty(0)
        self._targets: tuple[Tensor, ...] = ()
        values = torch.cat(list(self._expected.values()))
        self.key = {
            "objective": type(self).__name__,
            "grid": asdict(grid),
            "train": hashlib.sha256(train.contiguous().numpy().tobytes()).hexdigest(),
            "expected": sha256_json(values.tolist()),
        }

    @abstractmethod
    def prepare(self, background: Tensor) -> None:
        """Look at background once: units."""

    @abstractmethod
    def targets(self, jets: Tensor) -> tuple[Tensor, ...]:
        """What the float network says of a batch, each (B, ...)."""

    @abstractmethod
    def distance(self, model: nn.Module, inputs: Tensor, targets: tuple[Tensor, ...]) -> Tensor:
        """A scalar with gradient: how far the twin is from the targets."""

    @abstractmethod
    def expected(self, jets: Tensor) -> Tensor:
        """Scores (N,) of the float network, on the scale on which they are compared."""

    @abstractmethod
    def found(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """Scores (N,) of the twin on the same scale."""

    @property
    def events(self) -> int:
        """Number of training jets."""
        return len(self._train)

    @torch.no_grad()
    def start_epoch(self, generator: torch.Generator) -> None:
        """Break half of the jets and ask the float network."""
        jets = self._train.clone()
        chosen = torch.nonzero(torch.rand(len(jets), generator=generator) >= PLAIN_FRACTION)[:, 0]
        jets[chosen] = broken(jets[chosen], self._breakings, generator)
        parts = [self.targets(part) for part in torch.split(jets, BATCH)]
        self._targets = tuple(torch.cat(column) for column in zip(*parts, strict=True))
        self._jets = self._grid(jets)

    def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
        """Distance of a batch; a scalar."""
        targets = tuple(target[index] for target in self._targets)
        return self.distance(model, self._jets[index], targets)

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """Rank correlation and explained variance of scores, on plain and on broken background.

        ``explained_variance``, by which epochs are compared, is the mean of both.
        """
        metrics: dict[str, float] = {}
        explained = []
        for name, jets in self._validation.items():
            expected, found = self._expected[name], self.found(model, self._grid(jets))
            residual = (found - expected).double().square().mean()
            explained.append(float(1 - residual / expected.double().var(correction=0)))
            metrics[f"{name or 'plain_'}explained_variance"] = explained[-1]
            metrics[f"{name}rank_correlation"] = rank_correlation(found.numpy(), expected.numpy())
        return {"explained_variance": sum(explained) / len(explained), **metrics}


class FollowEnergy(Following):
    """Reconstruct as the float network does, with its energy.

    With e the energy, e0 its mean on background and ``l = log(e / e0 + 0.01)``, a jet costs the
    squared error between both reconstructions over ``e + e0`` plus the squared difference of l
    over the variance of l on background.
    """

    reference: Autoencoder

    @torch.no_grad()
    def prepare(self, background: Tensor) -> None:
        """Mean energy and spread of its logarithm."""
        _, energies = self._reconstructed(background)
        self._unit = float(energies.mean())
        self._spread = float(self._level(energies).std())

    def targets(self, jets: Tensor) -> tuple[Tensor, ...]:
        """Reconstructions and energies."""
        return self._reconstructed(jets)

    def distance(self, model: nn.Module, inputs: Tensor, targets: tuple[Tensor, ...]) -> Tensor:
        """Of reconstructions and of energies."""
        wanted, energies = targets
        twin = cast(EnergyScore | DenseEnergyScore, model)
        found = twin.reconstruct(inputs)
        apart = (found - wanted).square().flatten(1).sum(1) / (energies + self._unit)
        own = (inputs - found).square().flatten(1).sum(1)
        levels = (self._level(own) - self._level(energies)) / self._spread
        return apart.mean() + levels.square().mean()

    @torch.no_grad()
    def expected(self, jets: Tensor) -> Tensor:
        """Logarithms of energies."""
        parts = [self._reconstructed(part)[1] for part in torch.split(jets, BATCH)]
        return self._level(torch.cat(parts))

    @torch.no_grad()
    def found(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """Logarithms of energies."""
        parts = [model(part)[:, 0].float() for part in torch.split(inputs, BATCH)]
        return self._level(torch.cat(parts))

    def _reconstructed(self, jets: Tensor) -> tuple[Tensor, Tensor]:
        found = self.reference.decode(self.reference.encode(jets))
        return found, (jets - found).square().flatten(1).sum(1)

    def _level(self, energies: Tensor) -> Tensor:
        return torch.log(energies / self._unit + FLOOR)


class FollowLatents(Following):
    """Give the float encoder's unit vectors and the value of its prototypes.

    A jet costs the squared distance of the vectors over its mean from the mean vector on
    background, plus the Huber loss of the values in standard deviations on background.
    """

    reference: LatentScore

    @torch.no_grad()
    def prepare(self, background: Tensor) -> None:
        """Spreads of vectors and values."""
        vectors, values = self.targets(background)
        self._size = float((vectors - vectors.mean(0)).square().sum(1).mean())
        self._spread = float(values.std())

    def targets(self, jets: Tensor) -> tuple[Tensor, ...]:
        """Unit vectors and values."""
        vectors = self.reference.encoder(jets)
        return vectors, self.reference.head(vectors)[:, 0]

    def distance(self, model: nn.Module, inputs: Tensor, targets: tuple[Tensor, ...]) -> Tensor:
        """Of vectors and of values."""
        wanted, values = targets
        twin = cast(LatentScore, model)
        vectors = twin.encoder(inputs)
        apart = (vectors - wanted).square().sum(1).mean() / self._size
        found: Tensor = twin.head(vectors)[:, 0]
        own = functional.huber_loss(found / self._spread, values / self._spread)
        return cast(Tensor, apart + own)

    @torch.no_grad()
    def expected(self, jets: Tensor) -> Tensor:
        """Values in standard deviations."""
        parts = [self.reference(part)[:, 0] for part in torch.split(jets, BATCH)]
        return torch.cat(parts) / self._spread

    @torch.no_grad()
    def found(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """Values in the float network's standard deviations."""
        parts = [model(part)[:, 0].float() for part in torch.split(inputs, BATCH)]
        return torch.cat(parts) / self._spread


def quantize_energy(
    model: JetAutoencoder,
    config: QuantizeConfig,
    train: Tensor,
    validation: Tensor,
    work: Path,
    *,
    grid: InputGrid,
    progress: bool = True,
) -> QuantizedEncoder:
    """Build, calibrate and train the twin of a whole autoencoder with its energy.

    Args:
        train, validation: background images (N, 1, H, W), each of sum one.
        work: folder for the checkpoint; a second call continues from it.
        grid: of the firmware's input.

    Returns:
        State of :class:`~trigforge.quantize.nae.EnergyScore`; metrics on validation background.

    Raises:
        TrainingError: the loss is not finite.
        StorageError: a checkpoint cannot be written.
    """
    twin = build_energy_twin(model, config, grid(train[:CALIBRATION_EVENTS]))
    objective = FollowEnergy(model, train, validation, grid, IMAGES)
    return _trained(twin, objective, config, work, progress=progress)


def quantize_latent(
    score: LatentScore,
    config: QuantizeConfig,
    train: Tensor,
    validation: Tensor,
    work: Path,
    *,
    grid: InputGrid,
    progress: bool = True,
) -> QuantizedEncoder:
    """As :func:`quantize_energy` for an encoder with its prototypes."""
    twin = build_latent_twin(score, config, grid(train[:CALIBRATION_EVENTS]))
    objective = FollowLatents(score, train, validation, grid, IMAGES)
    return _trained(twin, objective, config, work, progress=progress)


def quantize_dense(
    model: DenseAutoencoder,
    config: QuantizeConfig,
    train: Tensor,
    validation: Tensor,
    work: Path,
    *,
    grid: InputGrid,
    breakings: Mapping[str, Breaking] = VARIABLES,
    calibration: Tensor | None = None,
    progress: bool = True,
) -> QuantizedEncoder:
    """As :func:`quantize_energy` for an autoencoder of variables (N, V).

    Args:
        breakings: of background.
        calibration: what ranges are chosen by, the first of ``train`` unless given.
    """
    few = train[:CALIBRATION_EVENTS] if calibration is None else calibration
    twin = build_dense_twin(model, config, grid(few))
    objective = FollowEnergy(model, train, validation, grid, breakings)
    return _trained(twin, objective, config, work, progress=progress)


def quantized_nae_config(config: QuantizeConfig, grid: InputGrid) -> dict[str, Any]:
    """What quantised weights depend on beyond their shapes."""
    widths = asdict(config)
    return {name: widths[name] for name in WIDTHS} | {"input": asdict(grid)}


def load_released_energy_twin(
    config: QuantizeConfig, grid: InputGrid, name: str
) -> QuantizedEncoder:
    """Released quantised weights.

    Raises:
        InputError: no such weights, or they are for another network or other bit widths.
    """
    expected = empty_energy_twin(config).state_dict()
    return released_encoder(expected, quantized_nae_config(config, grid), name)


def load_released_latent_twin(
    config: QuantizeConfig, grid: InputGrid, prototypes: int, name: str
) -> QuantizedEncoder:
    """As :func:`load_released_energy_twin` for an encoder with its prototypes."""
    expected = empty_latent_twin(config, prototypes).state_dict()
    return released_encoder(expected, quantized_nae_config(config, grid), name)


def load_released_dense_twin(
    config: QuantizeConfig, grid: InputGrid, name: str
) -> QuantizedEncoder:
    """As :func:`load_released_energy_twin` for an autoencoder of variables."""
    expected = empty_dense_twin(config).state_dict()
    return released_encoder(expected, quantized_nae_config(config, grid), name)


def _trained(
    twin: nn.Module, objective: Following, config: QuantizeConfig, work: Path, *, progress: bool
) -> QuantizedEncoder:
    fitted, calibrated = train_twin(twin, objective, config, work, progress=progress)
    metrics = {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch + 1,
        "jets": objective.events,
        **{f"calibrated_{name}": value for name, value in calibrated.items()},
        **objective.validate(twin),
    }
    return QuantizedEncoder(fitted.state, fitted.history, metrics)
