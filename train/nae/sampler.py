"""Negative samples: where the model says that jets are.

On-manifold initialisation (arXiv:2206.14225, section 2.2): chains on the sphere of latents with the
energy of what the decoder makes of them, decoded, then chains in input space. A network whose
latents are not on a sphere starts its input chains from a normal distribution instead, which is
that of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trigforge.train.nae.chain import (
    ChainConfig,
    ChainResult,
    EagerChain,
    Flat,
    UnitSphere,
    uniform_on_sphere,
)
from trigforge.train.nae.frozen import FrozenAutoencoder, Precision
from trigforge.train.nae.fused import FusedChain, can_fuse
from trigforge.train.nae.network import Autoencoder, JetAutoencoder
from trigforge.train.nae.recorded import RecordedChain
from trigforge.train.nae.replay import ReplayBuffer

Launch = Callable[[Tensor, torch.Generator], ChainResult]
"""Starting points (B, ...) and a source of noise to where the chains end."""


@dataclass(frozen=True, kw_only=True)
class SamplerConfig:
    """Both chains and the buffer they start from.

    Attributes:
        latent: chain on the sphere; None for a network without one.
        input: chain in input space.
        buffer: number of end points kept, of the latent chain where there is one.
        replay: probability to start from one of them.
        precision: of convolutions and products inside chains.
    """

    latent: ChainConfig | None
    input: ChainConfig
    buffer: int = 10_000
    replay: float = 0.95
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        chains = [chain for chain in (self.latent, self.input) if chain is not None]
        if self.precision != "float32" and any(chain.metropolis for chain in chains):
            raise ValueError(
                f"precision is {self.precision!r}, expected 'float32' with metropolis: acceptance "
                "compares energies whose differences bfloat16 does not resolve"
            )


PAPER_SAMPLER = SamplerConfig(
    latent=ChainConfig(steps=30, step_size=100.0, noise=1e-2, clip=0.01),
    input=ChainConfig(steps=30, step_size=50.0, noise=1e-4, annealing=True, clip=0.01),
)
"""Table 1 of arXiv:2206.14225, acceptance left out as in the published code."""


@dataclass(frozen=True)
class Negatives:
    """Samples of the model.

    Attributes:
        x: (B, ...).
        z: (B, Z), where the latent chains ended; None without latent chains.
        latent_acceptance, input_acceptance: fractions of accepted steps, scalars.
    """

    x: Tensor
    z: Tensor | None
    latent_acceptance: Tensor
    input_acceptance: Tensor


def launches(frozen: FrozenAutoencoder, config: SamplerConfig) -> tuple[Launch, Launch | None]:
    """How chains of inputs and of latents are run: on a GPU fused where the kernel is for them."""
    on_gpu = next(frozen.network.parameters()).is_cuda
    if on_gpu and can_fuse(frozen.network, config.latent, config.input):
        assert isinstance(frozen.network, JetAutoencoder)  # noqa: S101 # can_fuse has looked
        assert config.latent is not None  # noqa: S101 # its latents are on a sphere
        return (
            FusedChain(frozen.network, config.input, images=True),
            FusedChain(frozen.network, config.latent, images=False),
        )
    kind = RecordedChain if on_gpu else EagerChain
    images = kind(frozen.input, config.input, Flat())
    if config.latent is None:
        return images, None
    return images, kind(frozen.latent, config.latent, UnitSphere())


class Sampler:
    """Chains of one training, with their replay buffer.

    Args:
        model: whose samples are drawn; its weights are copied at every :meth:`draw`.
        shape: of one input.
    """

    def __init__(self, model: Autoencoder, config: SamplerConfig, shape: Sequence[int]) -> None:
        if (config.latent is not None) != model.spherical:
            raise ValueError(
                f"latent chain is {config.latent} and latents are "
                f"{'' if model.spherical else 'not '}on a sphere; one goes with the other"
            )
        self._frozen = FrozenAutoencoder(model, config.precision)
        self._config = config
        self._input, self._latent = launches(self._frozen, config)
        self._shape = tuple(shape)
        self.buffer = ReplayBuffer(config.buffer, config.replay, self._fresh)

    def draw(self, model: Autoencoder, count: int, generator: torch.Generator) -> Negatives:
        """``count`` samples of the model as it is now; their starting points go into the buffer."""
        self._frozen.follow(model)
        start = self.buffer.draw(count, generator)
        points, z, latent_acceptance = start.points, None, torch.ones(())
        if self._latent is not None:
            latent = self._latent(points, generator)
            self.buffer.push(latent.points, start.ages + 1)
            z, latent_acceptance = latent.points, latent.acceptance
            with torch.no_grad():
                points = self._frozen.decode(z)
        ended = self._input(points, generator)
        if self._latent is None:
            self.buffer.push(ended.points, start.ages + 1)
        return Negatives(ended.points, z, latent_acceptance, ended.acceptance)

    def state(self) -> dict[str, Any]:
        """The buffer, for a checkpoint."""
        return self.buffer.state()

    def load_state(self, state: dict[str, Any], device: torch.device | str = "cpu") -> None:
        """Go on from a checkpoint."""
        self.buffer.load_state(state, device)

    def _fresh(self, count: int, generator: torch.Generator) -> Tensor:
        if self._config.latent is not None:
            return uniform_on_sphere(count, self._frozen.latents, generator)
        return torch.randn(count, *self._shape, generator=generator, device=generator.device)
