"""The normalized autoencoders: of jet images (arXiv:2206.14225, table 2) and of eight variables.

Axes: B jets, C channels, H phi rows, W eta columns, Z latents, V variables.

Both have an energy, the mean squared error of their reconstruction. The paper's transposed
convolutions have stride 1 and one pixel of padding: such a layer is a convolution with its kernel
turned by 180 degrees and its channels exchanged, which is how it is built here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.train.codae import initialize
from trigforge.train.layers import FloatLayers, LayerFactory

SIZE = 40
LATENTS = 3
FILTERS = 8
HIDDEN = 100
VARIABLES = 8
DENSE = (10, 10, 6)
ENERGY_BATCH = 512


class Coder(Protocol):
    """What an energy needs."""

    def encode(self, x: Tensor) -> Tensor:
        """Latents (B, Z) of inputs (B, ...)."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """Inputs (B, ...) on the decoder's manifold from latents (B, Z), float32."""
        ...


class Autoencoder(nn.Module, ABC):
    """What chains, training and scores need of a network.

    Attributes:
        latents: Z.
        spherical: latents lie on the unit sphere.
    """

    latents: int
    spherical: bool

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Latents (B, Z) of inputs (B, ...)."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """Inputs (B, ...) on the decoder's manifold from latents (B, Z), float32."""

    @abstractmethod
    def rebuilt(self, layers: LayerFactory) -> Autoencoder:
        """The same architecture from other layers, with fresh parameters."""


class JetEncoder(nn.Module):
    """Images (B, 1, 40, 40) to unit vectors (B, 3); 42,315 parameters.

    Convolutions 3x3 with 8, 8, 8, 8, 1 filters, max-pool 2x2 after the second, dense 400-100-3. A
    PReLU with one slope stands behind every layer but the last, behind the pool as well.
    """

    def __init__(self, layers: LayerFactory, latents: int = LATENTS, size: int = SIZE) -> None:
        super().__init__()
        self.before = nn.Sequential(
            *(layers.conv(1, FILTERS, 3), layers.prelu()),
            *(layers.conv(FILTERS, FILTERS, 3), layers.prelu()),
        )
        self.pool = nn.MaxPool2d(2)
        self.after = nn.Sequential(
            layers.prelu(),
            *(layers.conv(FILTERS, FILTERS, 3), layers.prelu()),
            *(layers.conv(FILTERS, FILTERS, 3), layers.prelu()),
            *(layers.conv(FILTERS, 1, 3), layers.prelu()),
        )
        self.dense = nn.Sequential(
            layers.linear((size // 2) ** 2, HIDDEN), layers.prelu(), layers.linear(HIDDEN, latents)
        )
        self.sphere = layers.sphere()

    def forward(self, images: Tensor) -> Tensor:
        """Unit vectors (B, Z)."""
        features = self.after(self.pool(self.before(images)))
        latents: Tensor = self.sphere(self.dense(features.permute(0, 2, 3, 1).flatten(1)))
        return latents


class JetDecoder(nn.Module):
    """Unit vectors (B, 3) to logits of images (B, 1, 40, 40); 42,127 parameters.

    Dense 3-100-400, convolutions 3x3 with 8, 8, bilinear doubling, convolutions with 8, 1. PReLU
    behind every layer but the last, behind the doubling as well.
    """

    def __init__(self, layers: LayerFactory, latents: int = LATENTS, size: int = SIZE) -> None:
        super().__init__()
        self.rows = size // 2
        self.dense = nn.Sequential(
            *(layers.linear(latents, HIDDEN), layers.prelu()),
            *(layers.linear(HIDDEN, self.rows**2), layers.prelu()),
        )
        self.before = nn.Sequential(
            *(layers.conv(1, FILTERS, 3), layers.prelu()),
            *(layers.conv(FILTERS, FILTERS, 3), layers.prelu()),
        )
        self.after = nn.Sequential(
            layers.prelu(), *(layers.conv(FILTERS, FILTERS, 3), layers.prelu())
        )
        self.pixels = layers.conv(FILTERS, 1, 3)
        self.logits = layers.grid()

    def forward(self, latents: Tensor) -> Tensor:
        """Logits (B, 1, H, W)."""
        small = self.before(self.dense(latents).view(-1, 1, self.rows, self.rows))
        large = functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
        logits: Tensor = self.logits(self.pixels(self.after(large)))
        return logits


class JetAutoencoder(Autoencoder):
    """The NAE of jet images: (B, 1, 40, 40) to logits of the same shape and latents (B, 3).

    Args:
        size: rows and columns of the images, even; the published network has 40.
    """

    spherical = True

    def __init__(
        self, layers: LayerFactory | None = None, latents: int = LATENTS, size: int = SIZE
    ) -> None:
        super().__init__()
        layers = layers or FloatLayers()
        self.latents, self.size = latents, size
        self.encoder = JetEncoder(layers, latents, size)
        self.decoder = JetDecoder(layers, latents, size)

    def encode(self, x: Tensor) -> Tensor:
        """Unit vectors (B, Z) of images (B, 1, H, W)."""
        latents: Tensor = self.encoder(x)
        return latents

    def decode(self, z: Tensor) -> Tensor:
        """Images (B, 1, H, W) within (0, 1), float32."""
        return torch.sigmoid(self.decoder(z).float())

    def rebuilt(self, layers: LayerFactory) -> JetAutoencoder:
        """The same architecture from other layers."""
        return JetAutoencoder(layers, self.latents, self.size)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the reconstruction and latents."""
        latents = self.encode(images)
        logits: Tensor = self.decoder(latents)
        return logits, latents


class DenseAutoencoder(Autoencoder):
    """The NAE of substructure variables: (B, 8) to (B, 8) through 10-10-6-10-10, PReLU between.

    Its inputs are mapped to a normal distribution, its latents are anywhere (CMS, EPS-HEP 2023).

    Args:
        widths: of the encoder's layers, the latents last; the decoder mirrors them.
    """

    spherical = False

    def __init__(
        self,
        layers: LayerFactory | None = None,
        variables: int = VARIABLES,
        widths: Sequence[int] = DENSE,
    ) -> None:
        super().__init__()
        layers = layers or FloatLayers()
        self.latents = widths[-1]
        self.widths, self.variables = tuple(widths), variables
        sizes = (variables, *widths)
        self.encoder = _dense(layers, sizes)
        self.latent_activation = layers.prelu()
        self.decoder = _dense(layers, sizes[::-1])
        self.output = layers.grid()

    def encode(self, x: Tensor) -> Tensor:
        """Latents (B, Z) of variables (B, V)."""
        latents: Tensor = self.latent_activation(self.encoder(x))
        return latents

    def decode(self, z: Tensor) -> Tensor:
        """Variables (B, V)."""
        found: Tensor = self.output(self.decoder(z)).float()
        return found

    def rebuilt(self, layers: LayerFactory) -> DenseAutoencoder:
        """The same architecture from other layers."""
        return DenseAutoencoder(layers, self.variables, self.widths)

    def forward(self, variables: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction (B, V) and latents (B, Z)."""
        latents = self.encode(variables)
        return self.decode(latents), latents


def build_jet_autoencoder(seed: int, size: int = SIZE) -> JetAutoencoder:
    """Fresh weights: he_uniform, biases 0; pixels start at the mean pixel of an image of sum one.

    Pixels are small numbers. Beside usual biases they would hardly move the latents, which then
    stay unused for long; without biases the direction of the latents does not depend on the scale.
    """
    model = JetAutoencoder(size=size)
    initialize(model, torch.Generator().manual_seed(seed), bias=0.0)
    nn.init.constant_(cast(Tensor, model.decoder.pixels.bias), -math.log(size**2 - 1))
    return model


def build_dense_autoencoder(
    seed: int, variables: int = VARIABLES, widths: Sequence[int] = DENSE
) -> DenseAutoencoder:
    """Fresh weights: he_uniform, biases 0."""
    model = DenseAutoencoder(variables=variables, widths=widths)
    initialize(model, torch.Generator().manual_seed(seed), bias=0.0)
    return model


def energy(model: Coder, x: Tensor) -> Tensor:
    """Mean squared error of each reconstruction, (B,) from (B, ...); equation 9."""
    return (x - model.decode(model.encode(x))).square().flatten(1).mean(1)


@torch.no_grad()
def energy_sums(model: Coder, x: Tensor, batch_size: int = ENERGY_BATCH) -> Tensor:
    """Squared errors summed over pixels or variables, (B,) float64: the score that is exported."""
    parts = [
        (part - model.decode(model.encode(part))).double().square().flatten(1).sum(1)
        for part in torch.split(x, batch_size)
    ]
    return torch.cat(parts)


def _dense(layers: LayerFactory, sizes: Sequence[int]) -> nn.Sequential:
    """Dense layers with PReLU between them, none behind the last."""
    modules: list[nn.Module] = []
    for before, after in pairwise(sizes):
        modules += [layers.linear(before, after), layers.prelu()]
    return nn.Sequential(*modules[:-1])
