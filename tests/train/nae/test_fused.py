"""The fused kernel, compiled for a CPU, walks the chains that automatic differentiation gives."""

import copy
import shutil
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trigforge.train.nae import fused
from trigforge.train.nae.chain import ChainConfig, with_gradient
from trigforge.train.nae.frozen import FrozenAutoencoder
from trigforge.train.nae.fused import FusedChain, can_fuse, packed, places
from trigforge.train.nae.network import (
    DenseAutoencoder,
    JetAutoencoder,
    build_jet_autoencoder,
)

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
LATENT = ChainConfig(steps=3, step_size=1000.0, noise=0.02, clip=1e-3)
INPUT = ChainConfig(steps=3, step_size=2.0, noise=1e-3, annealing=True, clip=0.1)


@pytest.fixture(scope="module")
def network() -> JetAutoencoder:
    """Slopes of both signs, biases of every size."""
    model = build_jet_autoencoder(1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.numel() == 1 and "bias" not in name:
                parameter.uniform_(-0.3, 0.6, generator=generator)
            elif name.endswith("bias"):
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
        model.decoder.pixels.bias.fill_(-0.5)  # else pixels are nearly zero, and gradients too
    return model


@pytest.fixture(autouse=True)
def own_library(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "BUILD", tmp_path_factory.getbasetemp() / "fused")


@pytest.fixture(scope="module")
def exact(network: JetAutoencoder) -> JetAutoencoder:
    """In double precision; next to a kink of a PReLU single precision takes the other side."""
    return copy.deepcopy(network).double()


def walked(network: JetAutoencoder, chain: ChainConfig, start: Tensor) -> Tensor:
    """Points before and after every step, (steps + 1, B, ...)."""
    frozen = FrozenAutoencoder(network).network
    points = [start]
    for steps in range(1, chain.steps + 1):
        fused_chain = FusedChain(frozen, replace(chain, steps=steps), images=start.ndim == 4)
        points.append(fused_chain(start, torch.Generator().manual_seed(5)).points)
    return torch.stack(points).double()


def noise_of(chain: ChainConfig, start: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.empty(chain.steps, *start.shape).normal_(generator=generator).double()


def lengths(vectors: Tensor) -> Tensor:
    return vectors.flatten(1).norm(dim=1).view(-1, *[1] * (vectors.ndim - 1))


def test_images_walk_along_the_gradient(network: JetAutoencoder, exact: JetAutoencoder) -> None:
    """Small and large gradients, clipped ones among them; noise falls from step to step."""
    start = torch.rand(5, 1, 40, 40, generator=torch.Generator().manual_seed(2))
    start *= torch.tensor([1e-3, 1e-2, 0.1, 1, 0]).view(-1, 1, 1, 1)
    points, noise = walked(network, INPUT, start), noise_of(INPUT, start)
    evaluate = with_gradient(lambda x: error(exact, exact.encode(x), x))
    found = []
    for step in range(INPUT.steps):
        gradient = evaluate(points[step])[1]
        found.append(lengths(gradient))
        drift = -INPUT.step_size * gradient * (INPUT.clip / found[-1]).clamp_max(1.0)
        moved = points[step + 1] - points[step] - INPUT.noise / (1 + step) * noise[step]
        assert float((lengths(moved - drift) / lengths(drift)).max()) < 1e-4
    assert float(torch.stack(found).min()) < INPUT.clip < float(torch.stack(found).max())


def test_latents_walk_on_the_sphere(network: JetAutoencoder, exact: JetAutoencoder) -> None:
    start = functional.normalize(torch.randn(16, 3, generator=torch.Generator().manual_seed(1)))
    points, noise = walked(network, LATENT, start), noise_of(LATENT, start)

    def energy_of(z: Tensor) -> Tensor:
        x = torch.sigmoid(exact.decoder(z))
        return error(exact, exact.encode(x), x)

    evaluate = with_gradient(energy_of)
    for step in range(LATENT.steps):
        here = points[step]
        gradient, random = (
            vectors - (vectors * here).sum(1, keepdim=True) * here
            for vectors in (evaluate(here)[1], noise[step])
        )
        drift = -LATENT.step_size * gradient * (LATENT.clip / lengths(gradient)).clamp_max(1.0)
        assert float(lengths(drift).max()) > 1e-2
        expected = functional.normalize(here + drift + LATENT.noise * random)
        wrong = lengths(points[step + 1] - expected) / lengths(drift)
        assert float(wrong.max()) < 1e-3


def error(model: JetAutoencoder, z: Tensor, x: Tensor) -> Tensor:
    return (x - torch.sigmoid(model.decoder(z))).square().flatten(1).mean(1)


def test_every_parameter_is_packed(network: JetAutoencoder) -> None:
    vector, flat = packed(network), torch.cat([p.flatten() for p in network.state_dict().values()])
    assert torch.isin(flat, vector).all()
    assert torch.equal(torch.cat([torch.zeros(1), flat])[places(network)], vector)


def test_what_is_not_fused(network: JetAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name)
    assert can_fuse(network, LATENT, INPUT)
    assert not can_fuse(network, ChainConfig(steps=1, step_size=1, noise=1, metropolis=True))
    assert not can_fuse(JetAutoencoder(size=12), LATENT)
    assert not can_fuse(DenseAutoencoder(), None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert not can_fuse(network, LATENT)
