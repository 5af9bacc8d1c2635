"""Released normalized autoencoders: written and read back, other networks refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trigforge.train.errors import InputError
from trigforge.train.jets.normal_map import fit_normal_map
from trigforge.train.jets.sample import load_shipped_jets
from trigforge.train.nae.network import build_dense_autoencoder
from trigforge.train.nae.objectives import JetInputs
from trigforge.train.nae.released import (
    load_released_dense_nae,
    load_released_nae,
    release_nae,
)
from trigforge.train.nae.training import substructure_training, train_nae


def test_what_is_released_is_what_is_loaded(tmp_path: Path) -> None:
    sample = load_shipped_jets("semivisible")
    variables = sample.variables("train", "ttbar")
    jets = torch.from_numpy(fit_normal_map(variables)(variables[:300]))
    training = substructure_training()
    training = replace(
        training,
        reconstruction=replace(training.reconstruction, epochs=1),
        normalisation=replace(training.normalisation, epochs=1, batch_size=64),
    )
    inputs = JetInputs(train=jets, validation=jets[:100])
    trained = train_nae(build_dense_autoencoder, inputs, training, tmp_path, progress=False)
    release_nae(
        tmp_path,
        "small_v1",
        trained,
        build_dense_autoencoder(0),
        training=training,
        sample=sample,
        background="ttbar",
        metrics={"machine": "a test"},
        command="pytest",
        inputs={"limit": 4.0},
    )
    found = load_released_dense_nae("small_v1", tmp_path)
    for network, state in (
        (found.autoencoder, trained.autoencoder),
        (found.normalised, trained.normalised),
    ):
        assert not network.training
        assert all(torch.equal(state[name], v) for name, v in network.state_dict().items())
    assert [len(epochs) for epochs in found.history.values()] == [1, 1]
    assert (found.config["background"], found.config["limit"]) == ("ttbar", 4.0)
    with pytest.raises(InputError, match="made for architecture = dense_autoencoder"):
        load_released_nae("small_v1", tmp_path)
