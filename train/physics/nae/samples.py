"""Samples of a trained model, and the paths of a few of its latent chains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trigforge.train.nae.chain import ChainConfig, UnitSphere, run_chain, uniform_on_sphere
from trigforge.train.nae.frozen import FrozenAutoencoder
from trigforge.train.nae.network import Autoencoder
from trigforge.train.nae.sampler import PAPER_SAMPLER, Sampler, SamplerConfig

LATENT_CHAIN = ChainConfig(steps=40, step_size=1e4, noise=0.1, clip=0.01)
"""The paper's temperature with a hundred times its step size: chains start here without a buffer
and get as far in forty steps as the paper's in four thousand."""
VARIABLE_CHAIN = ChainConfig(steps=300, step_size=0.5, noise=0.1, clip=1.0)
BATCH = 128
SEED = 7


def fresh_sampler(trained: SamplerConfig | None, *, spherical: bool) -> SamplerConfig:
    """Chains with the temperatures of a training, long enough to start without its buffer.

    Args:
        trained: chains of the training; the paper's for images, our own for variables when None.
    """
    if not spherical:
        chain = trained.input if trained else VARIABLE_CHAIN
        chain = replace(chain, steps=max(chain.steps, VARIABLE_CHAIN.steps))
        return SamplerConfig(latent=None, input=chain, replay=0.0)
    trained = trained or PAPER_SAMPLER
    assert trained.latent is not None  # noqa: S101 networks with a sphere have one
    temperature = trained.latent.temperature
    step_size = LATENT_CHAIN.noise**2 / (2 * temperature)
    latent = replace(LATENT_CHAIN, step_size=step_size)
    return SamplerConfig(latent=latent, input=trained.input, replay=0.0)


def draw_samples(
    model: Autoencoder, config: SamplerConfig, shape: tuple[int, ...], count: int
) -> Tensor:
    """``count`` samples of the model, (count, *shape), each from a chain of its own."""
    generator = torch.Generator().manual_seed(SEED)
    sampler = Sampler(model, config, shape)
    parts = [
        sampler.draw(model, min(BATCH, count - start), generator).x
        for start in range(0, count, BATCH)
    ]
    return torch.cat(parts)


def latent_paths(model: Autoencoder, chain: ChainConfig, count: int) -> npt.NDArray[np.float64]:
    """Where ``count`` chains on the sphere were after every step, (steps + 1, count, Z)."""
    generator = torch.Generator().manual_seed(SEED)
    frozen = FrozenAutoencoder(model)
    step = replace(chain, steps=1)
    places = [uniform_on_sphere(count, model.latents, generator)]
    for _ in range(chain.steps):
        places.append(run_chain(frozen.latent, places[-1], step, UnitSphere(), generator).points)
    return torch.stack(places).double().numpy()
