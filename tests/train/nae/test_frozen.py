"""The copy that chains use gives the network's energies and gradients."""

import pytest
import torch
from torch import nn

from trigforge.train.nae.chain import with_gradient
from trigforge.train.nae.frozen import FrozenAutoencoder
from trigforge.train.nae.network import (
    Autoencoder,
    DenseAutoencoder,
    JetAutoencoder,
    energy,
)
from trigforge.train.nae.spectral import fix_spectra, normalise_spectra

NETWORKS = {"jets": (JetAutoencoder(size=12), (1, 12, 12)), "dense": (DenseAutoencoder(), (8,))}


def changed(model: Autoencoder, seed: int) -> Autoencoder:
    """Every parameter drawn anew, slopes of both signs."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0, 0.3, generator=generator)
            assert name
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_energies_and_gradients_are_the_networks(name: str) -> None:
    model, shape = NETWORKS[name]
    frozen = FrozenAutoencoder(model)
    changed(model, 1)
    slopes = [float(m.weight.detach()) for m in model.modules() if isinstance(m, nn.PReLU)]
    assert min(slopes) < 0 < max(slopes)
    frozen.follow(model)
    x = torch.randn(5, *shape, generator=torch.Generator().manual_seed(2))
    z = model.encode(x).detach()
    pairs = (
        (frozen.input, lambda x: energy(model, x), x),
        (frozen.latent, lambda z: energy(model, model.decode(z)), z),
    )
    for fast, slow, points in pairs:
        values, gradient = fast(points)
        expected, expected_gradient = with_gradient(slow)(points)
        assert torch.allclose(values, expected, rtol=1e-5)
        assert torch.allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-7)


def test_bfloat16_gives_nearly_the_same_gradient() -> None:
    model = changed(JetAutoencoder(size=12), 1)
    x = torch.rand(6, 1, 12, 12, generator=torch.Generator().manual_seed(2))
    _, exact = FrozenAutoencoder(model).input(x)
    _, found = FrozenAutoencoder(model, "bfloat16").input(x)
    assert found.dtype == torch.float32
    assert 0 < float((found - exact).norm() / exact.norm()) < 0.1


def test_normalised_weights_are_followed_as_they_act() -> None:
    model = changed(JetAutoencoder(size=12), 1)
    normalise_spectra(model, 1)
    model.train()
    x = torch.rand(4, 1, 12, 12, generator=torch.Generator().manual_seed(2))
    model(x)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    frozen = FrozenAutoencoder(model)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    model.eval()
    assert torch.allclose(frozen.input(x)[0], energy(model, x), rtol=1e-5)
    expected = energy(model, x)
    fix_spectra(model)
    assert torch.allclose(energy(model, x), expected, rtol=1e-6)
    assert {name for name, _ in model.named_parameters()} == {
        name for name, _ in JetAutoencoder(size=12).named_parameters()
    }


def test_power_iterations_find_the_largest_singular_value() -> None:
    model = changed(JetAutoencoder(size=12), 1)
    weights = [m.weight.detach().clone() for m in model.modules() if isinstance(m, nn.Conv2d)]
    normalise_spectra(model, 1)
    model.train()
    for _ in range(400):  # random matrices have neighbouring singular values
        model(torch.zeros(1, 1, 12, 12))
    fix_spectra(model)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    for before, module in zip(weights, convolutions, strict=True):
        largest = torch.linalg.svdvals(before.flatten(1).double())[0]
        assert torch.allclose(module.weight.double() * largest, before.double(), atol=1e-4)
        assert torch.linalg.svdvals(module.weight.detach().flatten(1))[0] == pytest.approx(
            1, rel=1e-3
        )
