"""A copy of an autoencoder for chains: nothing to train, so that a step costs as little as it can.

On a CPU: channels-last memory, slopes as plain numbers applied in place, and, where asked for,
bfloat16 inside convolutions and products. On a GPU whole chains are recorded, see
:mod:`trigforge.train.nae.recorded`.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.train.layers import FloatLayers
from trigforge.train.nae.chain import with_gradient
from trigforge.train.nae.network import Autoencoder, energy

Precision = Literal["float32", "bfloat16"]


class FixedSlope(nn.Module):
    """PReLU whose slope is not trained; overwrites its input on a CPU."""

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.full((1,), 0.25))
        self.slope = 0.25

    def forward(self, x: Tensor) -> Tensor:
        """Values of the shape of ``x``."""
        if x.is_cuda:  # a recorded graph reads the slope anew, a number it would keep
            return functional.prelu(x, self.weight.to(x.dtype))
        # in place the sign of the result must be that of the input
        return functional.leaky_relu(x, self.slope, inplace=self.slope > 0)


class FrozenLayers(FloatLayers):
    """Floating-point layers for chains."""

    def prelu(self) -> nn.Module:
        """PReLU with a given slope."""
        return FixedSlope()


class FrozenAutoencoder:
    """A copy of ``model`` that :meth:`follow` brings up to date, on the model's device."""

    def __init__(self, model: Autoencoder, precision: Precision = "float32") -> None:
        self.network = model.rebuilt(FrozenLayers())
        self.precision = precision
        self.network.requires_grad_(False)
        device = next(model.parameters()).device
        self.network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.latents, self.spherical = model.latents, model.spherical
        self.input = with_gradient(lambda x: energy(self, x))
        self.latent = with_gradient(lambda z: energy(self, self.decode(z)))
        """Evaluations of the energies of inputs (B, ...) and of latents (B, Z), equation 10."""
        self.follow(model)

    @torch.no_grad()
    def follow(self, model: Autoencoder) -> None:
        """Take over the weights; normalised ones as they act."""
        sources = dict(model.named_modules())
        for name, module in self.network.named_modules():
            source = sources[name]
            for kind in ("weight", "bias"):
                if isinstance(getattr(module, kind, None), Tensor):
                    training = source.training
                    source.eval()  # reading a spectrally normalised weight must not iterate
                    getattr(module, kind).copy_(getattr(source, kind))
                    source.train(training)
            if isinstance(module, FixedSlope):
                module.slope = float(module.weight)

    def encode(self, x: Tensor) -> Tensor:
        """Latents (B, Z)."""
        with self._autocast(x):
            return self.network.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        """Inputs (B, ...), float32."""
        with self._autocast(z):
            return self.network.decode(z)

    def _autocast(self, x: Tensor) -> torch.autocast:
        return torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")
