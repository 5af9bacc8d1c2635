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
IMAGE_SAMPLER = replace(PAPER_SAMPLER, latent=LATENT_CHAIN, replay=0.0)
VARIABLE_SAMPLER = SamplerConfig(
    latent=None, input=ChainConfig(steps=300, step_size=0.5, noise=0.1, clip=1.0), replay=0.0
)
BATCH = 128
SEED = 7


def draw_samples(model: Autoencoder, shape: tuple[int, ...], count: int) -> Tensor:
    """``count`` samples of the model, (count, *shape), each from a chain of its own."""
    config = IMAGE_SAMPLER if model.spherical else VARIABLE_SAMPLER
    generator = torch.Generator().manual_seed(SEED)
    sampler = Sampler(model, config, shape)
    parts = [
        sampler.draw(model, min(BATCH, count - start), generator).x
        for start in range(0, count, BATCH)
    ]
    return torch.cat(parts)


def latent_paths(model: Autoencoder, count: int) -> npt.NDArray[np.float64]:
    """Where ``count`` latent chains were after every step, (steps + 1, count, Z)."""
    generator = torch.Generator().manual_seed(SEED)
    frozen = FrozenAutoencoder(model)
    step = replace(LATENT_CHAIN, steps=1)
    places = [uniform_on_sphere(count, model.latents, generator)]
    for _ in range(LATENT_CHAIN.steps):
        places.append(run_chain(frozen.latent, places[-1], step, UnitSphere(), generator).points)
    return torch.stack(places).double().numpy()
