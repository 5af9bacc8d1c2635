"""Samples of a trained model, and the paths of a few of its latent chains."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trigforge.train.nae.chain import ChainConfig, UnitSphere, run_chain, uniform_on_sphere
from trigforge.train.nae.frozen import FrozenAutoencoder
from trigforge.train.nae.network import Autoencoder
from trigforge.train.nae.sampler import PAPER_SAMPLER, Sampler, SamplerConfig

STEPS = 30
VARIABLE_CHAIN = ChainConfig(steps=20, step_size=0.5, noise=0.1, clip=1.0)
"""Of a training on variables whose manifest names none."""
AGE = 20.0
"""Chains behind a point of a buffer that gives 95 % of the starting points."""
LONGER = 10
BATCH = 128
SEED = 7


def fresh_sampler(
    trained: SamplerConfig | None, age: float = AGE, *, spherical: bool
) -> SamplerConfig:
    """Chains of the temperatures of a training that get as far as it did with its buffer.

    A point of the buffer has been through ``age`` chains. On the sphere the same path is gone in
    few, larger steps.

    Args:
        trained: chains of the training; the paper's for images, our own for variables when None.
    """
    if not spherical:
        chain = trained.input if trained else VARIABLE_CHAIN
        return SamplerConfig(
            latent=None, input=replace(chain, steps=max(1, round(age * chain.steps))), replay=0.0
        )
    trained = trained or PAPER_SAMPLER
    assert trained.latent is not None  # noqa: S101 networks with a sphere have one
    longer = age * trained.latent.steps / STEPS
    latent = _stretched(replace(trained.latent, steps=STEPS), longer)
    return SamplerConfig(latent=latent, input=trained.input, replay=0.0)


def longer_sampler(config: SamplerConfig) -> SamplerConfig:
    """The same with latent chains that get ten times as far."""
    assert config.latent is not None  # noqa: S101 for networks with a sphere
    return replace(config, latent=_stretched(config.latent, LONGER))


def _stretched(chain: ChainConfig, factor: float) -> ChainConfig:
    """Larger steps of the same temperature."""
    return replace(chain, step_size=factor * chain.step_size, noise=math.sqrt(factor) * chain.noise)


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
