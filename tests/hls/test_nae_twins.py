"""The quantised NAE, whole and encoder alone, gives the same integers in every stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from test_twins import agree, agree_on
from torch import Tensor
from twins import Images, spread

from trigforge.hls.ops import Bilinear, Highest, LeakyRelu, Lookup, Prelu, Sphere, Total
from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.export import export_network
from trigforge.quantize.input_grid import InputGrid
from trigforge.quantize.nae import build_dense_twin, build_energy_twin, build_latent_twin
from trigforge.train.nae.network import (
    JetAutoencoder,
    build_dense_autoencoder,
    build_jet_autoencoder,
    energy_sums,
)
from trigforge.train.nae.pictures import from_angles
from trigforge.train.nae.prototypes import LatentScore, Prototypes

BITS = 10
# one bit of the activations is headroom, see quantize/nae.py
CONFIG = QuantizeConfig(
    full_weight_bits=7, full_activation_bits=10, grid_bits=9, table_bits=BITS, norm_bits=10
)


def jets(count: int, size: int) -> Images:
    """Images (N, size, size) of a few spots, each with a sum of about one, on the grid 2^-10."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:size, :size]
    images = np.zeros((count, size, size))
    for image in images[1:]:
        for _ in range(rng.integers(1, 4)):
            row, column = rng.normal(size / 2, size / 6, 2)
            image += rng.random() * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 2)
        image /= image.sum()
    return np.floor(images * 2**BITS) * 2.0**-BITS


def tensor(images: Images) -> Tensor:
    return torch.from_numpy(images).float()[:, None]


def network(size: int) -> JetAutoencoder:
    """Weights of every size and slopes of both signs; pixels start dark."""
    model = build_jet_autoencoder(1, size)
    bias = model.decoder.pixels.bias
    spread(model, 4)
    with torch.no_grad():
        model.decoder.pixels.bias.copy_(torch.as_tensor(bias) - 4)  # type: ignore[operator]
    return model.eval()


@pytest.mark.parametrize("size", [12, pytest.param(40, marks=pytest.mark.slow)])
def test_the_energy_is_the_same_everywhere(tmp_path: Path, size: int) -> None:
    model, images = network(size), jets(360 // size, size)
    twin = build_energy_twin(model, CONFIG, tensor(images))
    source = agree(tmp_path / "m.onnx", twin, images, BITS)
    kinds = [type(node) for node in source.graph.nodes]
    counts = [kinds.count(kind) for kind in (Sphere, Bilinear, Lookup, Total)]
    assert counts == [1, 1, 1, 1]
    with torch.no_grad():
        found = twin(tensor(images)).double()[:, 0]
    expected = energy_sums(model, tensor(images))
    assert np.corrcoef(found.numpy(), expected.numpy())[0, 1] > 0.9


@pytest.mark.parametrize("size", [12, pytest.param(40, marks=pytest.mark.slow)])
def test_the_latent_score_is_the_same_everywhere(tmp_path: Path, size: int) -> None:
    model, images = network(size), jets(480 // size, size)
    weights = 10 * from_angles(np.random.default_rng(1).uniform(-1.5, 1.5, (4, 2)))
    score = LatentScore.of(model, Prototypes(weights, np.arange(4) / 4, 0.0))
    twin = build_latent_twin(score, CONFIG, tensor(images))
    source = agree(tmp_path / "m.onnx", twin, images, BITS)
    kinds = [type(node) for node in source.graph.nodes]
    assert (kinds.count(Sphere), kinds.count(Highest)) == (1, 1)
    with torch.no_grad():
        found, expected = (m(tensor(images))[:, 0].numpy() for m in (twin, score))
    assert np.corrcoef(found, expected)[0, 1] > 0.9


def test_the_energy_of_variables_is_the_same_everywhere(tmp_path: Path) -> None:
    grid = InputGrid(8, 5, signed=True)
    low, high = grid.limits
    rng = np.random.default_rng(2)
    jets = rng.normal(size=(300, 8)).clip(-4, 4)
    far = rng.integers(low, high + 1, (300, 8)) * grid.step
    ends = rng.choice([low, -1, 0, high], (40, 8)) * grid.step
    inputs = np.concatenate([grid(torch.from_numpy(jets)).numpy(), far, ends])
    model = build_dense_autoencoder(1)
    spread(model, 4)
    twin = build_dense_twin(model.eval(), CONFIG, torch.from_numpy(inputs[:200]).float())
    path = tmp_path / "m.onnx"
    export_network(twin, path, (8,), grid, "scores")
    source = agree_on(path, twin, inputs)
    (edge,) = source.graph.inputs.values()
    assert edge.format.signed and (edge.lo.min(), edge.hi.max()) == grid.limits
    kinds = [type(node) for node in source.graph.nodes]
    assert (kinds.count(Prelu) + kinds.count(LeakyRelu), kinds.count(Total)) == (5, 1)
    with torch.no_grad():
        found = twin(torch.from_numpy(inputs).float()).double()[:, 0]
    expected = energy_sums(model, torch.from_numpy(inputs).float())
    assert np.corrcoef(found.numpy(), expected.numpy())[0, 1] > 0.95
