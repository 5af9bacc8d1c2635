"""Training of quantised normalized autoencoders: what it follows, slopes, breaking, state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trigforge.quantize.activations import QuantPrelu
from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.input_grid import InputGrid, pixel_grid
from trigforge.quantize.nae import (
    build_dense_twin,
    dense_twin_from_state,
    empty_energy_twin,
    empty_latent_twin,
    latent_twin_from_state,
)
from trigforge.quantize.nae_qat import (
    FollowEnergy,
    quantize_dense,
    quantize_energy,
    quantize_latent,
)
from trigforge.train.jets.broken_jets import IMAGES, LIMIT, VARIABLES, Breaking, broken
from trigforge.train.nae.network import (
    DenseAutoencoder,
    build_dense_autoencoder,
    build_jet_autoencoder,
)
from trigforge.train.nae.prototypes import LatentScore, fit_prototypes

CONFIG = QuantizeConfig(
    full_weight_bits=5,
    full_activation_bits=6,
    grid_bits=7,
    table_bits=10,
    norm_bits=10,
    epochs=3,
    batch_size=32,
    learning_rate=3e-3,
)
SMALL = 12
GRID = InputGrid(8, 5, signed=True)


def images(count: int, seed: int, size: int = SMALL) -> Tensor:
    """Two round spots each, (N, 1, size, size), sum one."""
    generator = torch.Generator().manual_seed(seed)
    place = 2 + (size - 4) * torch.rand(count, 2, 2, 1, 1, generator=generator)
    y, x = torch.arange(size).view(-1, 1), torch.arange(size).view(1, -1)
    spots = torch.exp(-((y - place[:, :, 0]) ** 2 + (x - place[:, :, 1]) ** 2) / 2).sum(1)
    return (spots / spots.sum((1, 2), keepdim=True))[:, None]


def variables(count: int, seed: int) -> Tensor:
    """Normal, correlated, (N, 8)."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(count, 3, generator=generator)
    mixing = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(count, 8, generator=generator)
    return ((hidden @ mixing + noise) / 2).clamp(-LIMIT, LIMIT)


@pytest.fixture(scope="module")
def dense() -> DenseAutoencoder:
    """A few steps of training."""
    model, jets = build_dense_autoencoder(1), variables(512, 1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        functional.mse_loss(model(jets)[0], jets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model.eval()


def improves(metrics: Mapping[str, float]) -> None:
    assert metrics["explained_variance"] > metrics["calibrated_explained_variance"]
    for name in ("plain_explained_variance", "broken_explained_variance"):
        assert metrics[name] > metrics[f"calibrated_{name}"] - 0.02


def test_training_brings_the_dense_twin_closer(tmp_path: Path, dense: DenseAutoencoder) -> None:
    found = quantize_dense(
        dense, CONFIG, variables(800, 1), variables(300, 2), tmp_path, grid=GRID, progress=False
    )
    improves(found.metrics)
    assert found.metrics["rank_correlation"] > 0.9
    twin = dense_twin_from_state(CONFIG, found.state)
    jets = GRID(variables(200, 3))
    with torch.no_grad():
        expected = (jets - dense(jets)[0]).square().sum(1)
        assert torch.corrcoef(torch.stack([twin(jets)[:, 0].float(), expected]))[0, 1] > 0.9


def test_training_brings_the_energy_closer(tmp_path: Path) -> None:
    model = build_jet_autoencoder(1, SMALL).eval()
    found = quantize_energy(
        model, CONFIG, images(128, 1), images(64, 2), tmp_path, grid=pixel_grid(10), progress=False
    )
    assert found.metrics["explained_variance"] >= found.metrics["calibrated_explained_variance"]
    expected = empty_energy_twin(CONFIG, size=SMALL).state_dict()
    assert {k: v.shape for k, v in found.state.items()} == {k: v.shape for k, v in expected.items()}


def test_training_brings_the_latents_closer(tmp_path: Path) -> None:
    model = build_jet_autoencoder(1, SMALL).eval()
    with torch.no_grad():
        points = model.encode(images(128, 1)).double().numpy()
    score = LatentScore.of(model, fit_prototypes(points, 4, np.random.default_rng(1)))
    config = replace(CONFIG, epochs=10, batch_size=16)
    found = quantize_latent(
        score, config, images(160, 1), images(64, 2), tmp_path, grid=pixel_grid(10), progress=False
    )
    metrics = found.metrics
    assert metrics["explained_variance"] > metrics["calibrated_explained_variance"] + 0.1
    expected = empty_latent_twin(CONFIG, 4, size=SMALL).state_dict()
    assert found.state.keys() == expected.keys()


def test_a_latent_twin_from_its_state_is_the_same() -> None:
    state = empty_latent_twin(CONFIG, 5).state_dict()
    twin = latent_twin_from_state(CONFIG, 5, state)
    assert not twin.training and all(
        torch.equal(state[name], value) for name, value in twin.state_dict().items()
    )


def test_slopes_lie_on_their_grid_while_training(dense: DenseAutoencoder) -> None:
    """The forward pass of every step uses a multiple of 1/64, and learns the number behind it."""
    twin = build_dense_twin(dense, CONFIG, GRID(variables(200, 1)))
    slopes = [module for module in twin.modules() if isinstance(module, QuantPrelu)]
    assert len(slopes) == 5
    for module in slopes:
        # finer grids of the outputs than 1/64 would show a slope that is not on its own grid
        x = torch.full((1,), -1.0)
        module.train()
        module.set_exponent(-12)
        module.bits = 16
        assert float((module(x).detach() * 64) % 1) == 0
    objective = FollowEnergy(dense, variables(64, 1), variables(64, 2), GRID, VARIABLES)
    objective.start_epoch(torch.Generator().manual_seed(1))
    twin = build_dense_twin(dense, CONFIG, GRID(variables(200, 1))).train()
    objective.loss(twin, torch.arange(64), torch.Generator()).backward()  # type: ignore[no-untyped-call]
    gradients = [m.weight.grad for m in twin.modules() if isinstance(m, QuantPrelu)]
    assert all(g is not None and float(g.abs().sum()) > 0 for g in gradients)


@pytest.mark.parametrize("slope", [-0.4, 0.3, 1.3])
def test_fast_prelu_is_the_quantiser_of_brevitas(slope: float) -> None:
    module = QuantPrelu(6)
    module.set_exponent(-3)
    torch.nn.init.constant_(module.weight, slope)
    grid = torch.linspace(-9, 9, 999)
    weights = torch.randn(999, generator=torch.Generator().manual_seed(1))
    x, y = grid.clone().requires_grad_(), grid.clone().requires_grad_()
    found = module.train()(x)
    assert torch.equal(found, module.eval()(grid))
    (found * weights).sum().backward()  # type: ignore[no-untyped-call]
    own = module.weight.grad
    module.weight.grad = None
    module.quantizer.train()
    snapped = torch.nn.functional.prelu(y, module.slope_quantizer(module.weight))
    (module.quantizer(snapped) * weights).sum().backward()
    assert x.grad is not None and y.grad is not None and own is not None
    assert module.weight.grad is not None
    torch.testing.assert_close(x.grad, y.grad)
    torch.testing.assert_close(own, module.weight.grad)


@pytest.mark.parametrize("breaking", IMAGES.values(), ids=IMAGES.keys())
def test_broken_images_keep_their_sum(breaking: Breaking) -> None:
    jets = images(40, 1)
    found = breaking(jets, torch.Generator().manual_seed(1))
    assert found.shape == jets.shape and float(found.min()) >= 0
    torch.testing.assert_close(found.sum((1, 2, 3)), torch.ones(40))
    assert float((found - jets).abs().amax((1, 2, 3)).median()) > 1e-3
    assert torch.equal(found, breaking(jets, torch.Generator().manual_seed(1)))


def test_shuffled_patches_are_the_same_pixels() -> None:
    jets = images(20, 1)
    found = IMAGES["shuffled"](jets, torch.Generator().manual_seed(1))
    assert torch.equal(found.flatten(1).sort(1).values, jets.flatten(1).sort(1).values)
    assert {
        tuple(p.flatten().tolist())
        for p in jets[3, 0].unfold(0, 3, 3).unfold(1, 3, 3).reshape(-1, 9)
    } == {
        tuple(p.flatten().tolist())
        for p in found[3, 0].unfold(0, 3, 3).unfold(1, 3, 3).reshape(-1, 9)
    }


def test_broken_variables_stay_within_their_limits() -> None:
    jets = variables(400, 1)
    found = broken(jets, VARIABLES, torch.Generator().manual_seed(1))
    assert found.shape == jets.shape and float(found.abs().max()) <= LIMIT
    assert 0.9 < float((found != jets).any(1).float().mean()) <= 1


def test_a_grid_truncates_and_saturates() -> None:
    values = torch.tensor([-9.0, -4.0, -0.01, 0.0, 0.03, 0.99, 3.99, 9.0])
    assert torch.equal(
        GRID(values), torch.tensor([-4.0, -4.0, -1 / 32, 0, 0, 31 / 32, 127 / 32, 127 / 32])
    )
    assert torch.equal(pixel_grid(2)(values), torch.tensor([0, 0, 0, 0, 0, 0.75, 0.75, 0.75]))
    with pytest.raises(ValueError, match="bits is 0, expected 1 to 24"):
        InputGrid(0, 0)
