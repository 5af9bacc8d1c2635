"""The released recipe of eight variables: its training, its weights, its integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from test_twins import agree_on
from torch import Tensor, nn

from trigforge.hls.jet_data import load_jet_dataset
from trigforge.hls.jet_recipe import VariableRecipe
from trigforge.hls.recipe import load_deployable
from trigforge.quantize.export import export_network
from trigforge.quantize.input_grid import InputGrid
from trigforge.quantize.nae import DenseEnergyScore, dense_twin_from_state
from trigforge.quantize.nae_qat import load_released_dense_twin
from trigforge.train.jets.dataset import JetPart
from trigforge.train.metrics import auc
from trigforge.train.nae.config import training_of
from trigforge.train.nae.network import Autoencoder, energy_sums
from trigforge.train.nae.released import load_released_dense_nae
from trigforge.train.nae.training import substructure_training

FOLDER = Path(__file__).resolve().parents[2] / "firmware_projects"
NAME = "nae_svj_v1"


def recipe() -> VariableRecipe:
    found = load_deployable("nae_svj", FOLDER)
    assert isinstance(found, VariableRecipe)
    return found


def grid() -> InputGrid:
    fmt = recipe().network.input_format
    return InputGrid(fmt.width, fmt.fraction, fmt.signed)


def twin() -> DenseEnergyScore:
    config = recipe().quantize
    return dense_twin_from_state(config, load_released_dense_twin(config, grid(), NAME).state)


def jets(part: JetPart) -> Tensor:
    return torch.from_numpy(part.inputs)


def test_the_recipe_states_the_training_of_substructure() -> None:
    assert training_of(recipe().train) == substructure_training()


def test_quantisation_costs_little_and_the_normalisation_helped() -> None:
    data = load_jet_dataset(recipe(), None)
    released = load_released_dense_nae(NAME)
    quantised = twin()

    def energies(model: Autoencoder, part: JetPart) -> NDArray[np.float64]:
        return energy_sums(model, jets(part)).numpy()

    def scores(model: nn.Module, part: JetPart) -> NDArray[np.float64]:
        with torch.no_grad():
            return model(grid()(jets(part)))[:, 0].double().numpy()

    own = scores(quantised, data.test)
    before, after = (energies(m, data.test) for m in (released.autoencoder, released.normalised))
    for name, part in data.signals.items():
        first = auc(energies(released.autoencoder, part), before).value
        second = auc(energies(released.normalised, part), after).value
        assert second > first + 0.05, name
        drop = abs(second - auc(scores(quantised, part), own).value)
        assert drop < recipe().budget.max_auc_drop, name


def test_the_released_twin_is_the_same_everywhere(tmp_path: Path) -> None:
    data = load_jet_dataset(recipe(), None)
    own = grid()
    rng = np.random.default_rng(1)
    low, high = own.limits
    far = rng.integers(low, high + 1, (60, 8)) * own.step
    ends = rng.choice([low, -1, 0, high], (20, 8)) * own.step
    inputs = np.concatenate([own(jets(data.test)[:60]).numpy(), far, ends]).astype(np.float32)
    path = tmp_path / "m.onnx"
    export_network(twin(), path, (8,), own, "scores")
    (edge,) = agree_on(path, twin(), inputs).graph.inputs.values()
    assert edge.format == recipe().network.input_format
