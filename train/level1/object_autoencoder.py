"""A small autoencoder of level-1 objects, trained on zero-bias crossings alone.

The network is that of substructure variables (:class:`trigforge.train.nae.network.DenseAutoencoder`
of other sizes), the score its squared error summed over the objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trigforge.train.codae import initialize
from trigforge.train.config import ObjectNetwork, TrainConfig, check_image
from trigforge.train.events import EventDataset
from trigforge.train.fit import Schedule, fit
from trigforge.train.generation.level1 import N_OBJECTS
from trigforge.train.level1.objects import variables
from trigforge.train.nae.energy_score import EnergySum
from trigforge.train.nae.network import DenseAutoencoder
from trigforge.train.student import TrainedStudent, released_score

OBJECT_FIELDS = ("architecture", "filters", "shifts", "input_bits")


class ObjectReconstruction:
    """Make the squared error of zero-bias crossings small."""

    selection = "minus_error"

    def __init__(self, dataset: EventDataset) -> None:
        self._train, self._validation = variables(dataset)
        self.key = {"objective": "objects", "events": dataset.masks_sha256}

    @property
    def events(self) -> int:
        """Number of training crossings."""
        return len(self._train)

    def start_epoch(self, generator: torch.Generator) -> None:
        """Nothing to prepare."""

    def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
        """Mean error of a batch."""
        error: Tensor = model(self._train[index]).mean()
        return error

    @torch.no_grad()
    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """``minus_error`` per crossing on validation."""
        return {"minus_error": -float(model(self._validation).mean())}


def empty_object_score(network: ObjectNetwork) -> EnergySum:
    """The architecture: (B, 19) to scores (B, 1)."""
    return EnergySum(DenseAutoencoder(variables=N_OBJECTS, widths=network.filters))


def train_object_autoencoder(
    network: ObjectNetwork,
    config: TrainConfig,
    dataset: EventDataset,
    work: Path,
    *,
    progress: bool = True,
) -> TrainedStudent:
    """Train the autoencoder.

    Args:
        work: folder for the checkpoint; a second call continues from it.

    Raises:
        InputError: the events have other inputs than the network's.
        TrainingError: the loss is not finite.
        StorageError: a checkpoint cannot be written.
    """
    height, width = dataset.train.masks.shape[1:]
    check_image(network, height, width, dataset.source)
    model = empty_object_score(network)
    initialize(model, torch.Generator().manual_seed(config.seed), bias=0.0)
    objective = ObjectReconstruction(dataset)
    fitted = fit(model, objective, Schedule.of(config), work, name="objects", progress=progress)
    metrics = {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch + 1,
        "events": objective.events,
        **objective.validate(model),
    }
    return TrainedStudent(fitted.state, fitted.history, metrics)


def object_config(network: ObjectNetwork) -> dict[str, Any]:
    """What weights of a score of objects depend on."""
    fields = asdict(network)
    return {name: fields[name] for name in OBJECT_FIELDS}


def object_score_from_state(network: ObjectNetwork, state: Mapping[str, Tensor]) -> EnergySum:
    """The float network in evaluation mode."""
    model = empty_object_score(network)
    model.load_state_dict(state)
    return model.eval()


def load_released_object_score(network: ObjectNetwork, name: str) -> TrainedStudent:
    """Released float weights.

    Raises:
        InputError: no such weights, or they are for another network.
    """
    expected = empty_object_score(network).state_dict()
    return released_score(expected, object_config(network), name)
