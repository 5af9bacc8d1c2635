"""The quantised twin of the autoencoder of level-1 objects: it follows the float scores.

Layers, calibration and training are those of autoencoders of substructure variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.input_grid import InputGrid
from trigforge.quantize.nae import DenseEnergyScore, empty_dense_twin
from trigforge.quantize.nae_qat import quantize_dense, quantized_nae_config
from trigforge.quantize.qat import CALIBRATION_EVENTS, QuantizedEncoder, released_encoder
from trigforge.train.config import ObjectNetwork
from trigforge.train.events import EventDataset
from trigforge.train.generation.level1 import N_OBJECTS
from trigforge.train.jets.broken_jets import broken
from trigforge.train.level1.object_autoencoder import object_config
from trigforge.train.level1.objects import object_breakings, variables
from trigforge.train.nae.energy_score import EnergySum
from trigforge.train.nae.network import DenseAutoencoder


def object_grid(network: ObjectNetwork) -> InputGrid:
    """Unsigned integers."""
    return InputGrid(network.input_bits, 0)


def empty_object_twin(network: ObjectNetwork, config: QuantizeConfig) -> DenseEnergyScore:
    """The quantised architecture, scales frozen at 1, to be filled from a state dict."""
    return empty_dense_twin(config, N_OBJECTS, network.filters)


def quantize_object_score(
    network: ObjectNetwork,
    config: QuantizeConfig,
    score: EnergySum,
    dataset: EventDataset,
    work: Path,
    *,
    progress: bool = True,
) -> QuantizedEncoder:
    """Build, calibrate and train the twin of a float network.

    Args:
        work: folder for the checkpoint; a second call continues from it.

    Raises:
        TrainingError: the loss is not finite.
        StorageError: a checkpoint cannot be written.
    """
    model = score.autoencoder
    assert isinstance(model, DenseAutoencoder)  # noqa: S101 # empty_object_score has built it
    train, validation = variables(dataset)
    breakings = object_breakings(network.largest)
    few = train[:CALIBRATION_EVENTS]
    # thresholds lie far above natural crossings: ranges have to hold what comes there
    hard = broken(few, breakings, torch.Generator().manual_seed(config.seed))
    return quantize_dense(
        model,
        config,
        train,
        validation,
        work,
        grid=object_grid(network),
        breakings=breakings,
        calibration=torch.cat([few, hard]),
        progress=progress,
    )


def object_twin_from_state(
    network: ObjectNetwork, config: QuantizeConfig, state: Mapping[str, Tensor]
) -> DenseEnergyScore:
    """The twin in evaluation mode."""
    twin = empty_object_twin(network, config)
    twin.load_state_dict(state)
    return twin.eval()


def quantized_object_config(network: ObjectNetwork, config: QuantizeConfig) -> dict[str, Any]:
    """What quantised weights depend on."""
    return object_config(network) | quantized_nae_config(config, object_grid(network))


def load_released_object_twin(
    network: ObjectNetwork, config: QuantizeConfig, name: str
) -> QuantizedEncoder:
    """Released quantised weights.

    Raises:
        InputError: no such weights, or they are for another network or other bit widths.
    """
    expected = empty_object_twin(network, config).state_dict()
    return released_encoder(expected, quantized_object_config(network, config), name)
