"""Released twins of jet images follow their float networks on jets of the test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trigforge.hls.jet_data import load_jet_dataset
from trigforge.hls.jet_recipe import ImageRecipe
from trigforge.hls.recipe import load_deployable
from trigforge.hls.samples import values_of
from trigforge.hls.stages.jet_architectures import jet_architecture_of
from trigforge.train.scores import rank_correlation
from trigforge.train.weights import save_weights

FOLDER = Path(__file__).resolve().parents[2] / "firmware_projects"
JETS = 150


@pytest.mark.parametrize(
    ("model", "least"), [("nae", 0.99), ("nae_reverse", 0.98), ("nae_encoder", 0.96)]
)
def test_the_twin_follows(tmp_path: Path, model: str, least: float) -> None:
    found = load_deployable(model, FOLDER)
    assert isinstance(found, ImageRecipe)
    assert found.train.released is not None and found.quantize.released is not None
    limits = {"limit_train": 2000, "limit_test": JETS, "limit_signal": JETS}
    if model != "nae_encoder":
        limits["limit_train"] = 16
    recipe = replace(found, data=replace(found.data, limit_validation=16, **limits))
    architecture: Any = jet_architecture_of(recipe)
    samples = architecture.samples(recipe, load_jet_dataset(recipe, None))
    weights = {
        "float": architecture.released(recipe, found.train.released),
        "quantised": architecture.released_quantised(recipe, found.quantize.released),
    }
    for name, trained in weights.items():
        save_weights(tmp_path / name, trained.state)
    networks = {
        "float": architecture.float_network(recipe, tmp_path / "float"),
        "quantised": architecture.quantised_network(recipe, tmp_path / "quantised"),
    }
    own = {
        "float": np.concatenate([s.floats for s in samples.all.values()]),
        "quantised": np.concatenate(
            [values_of(s.integers, samples.format.fraction) for s in samples.all.values()]
        ),
    }
    with torch.no_grad():
        scores = [
            networks[name](torch.from_numpy(own[name]).float()[:, None])[:, 0].double().numpy()
            for name in networks
        ]
    assert rank_correlation(*scores) > least
