"""Small whole networks, trained-like, quantised: a normalized autoencoder and CoDAEs."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from trigforge.quantize.calibration import calibrate
from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.full import ScoreNetwork, build_codae_twin
from trigforge.quantize.heads import PIXELS, LatentHead, square
from trigforge.quantize.layers import QuantLayers
from trigforge.train.codae import build_codae
from trigforge.train.config import NetworkConfig
from trigforge.train.layers import FloatLayers, LayerFactory, Normalization
from trigforge.train.nae.prototypes import PrototypesHead

CONFIG = QuantizeConfig(weight_bits=(6, 6, 8), activation_bits=(8, 8))
PIXEL_BITS = 8

Images = NDArray[np.float64]


def codae_network(
    height: int, width: int, normalization: Normalization, score: str
) -> NetworkConfig:
    """Two stages instead of four, a dozen filters instead of hundreds."""
    return NetworkConfig(
        architecture="codae",
        export="full",
        height=height,
        width=width,
        filters=(4, 4),
        groups=(1, 2),
        normalization=normalization,
        residual_filters=(4, 8),
        residual_groups=2,
        bottleneck=4,
        score=score,  # type: ignore[arg-type] # a string in a table of cases
    )


def masks(count: int, height: int, width: int) -> NDArray[np.uint8]:
    """Empty, full, both checkerboards, corners, then random masks of every density."""
    rng = np.random.default_rng(8)
    images = (rng.random((count, height, width)) < rng.random((count, 1, 1))).astype(np.uint8)
    images[0], images[1] = 0, 1
    images[2] = np.indices((height, width)).sum(0) % 2
    images[3] = 1 - images[2]
    images[4:6] = 0
    images[4, 0, 0] = images[5, -1, -1] = 1
    return images


def score_network(network: NetworkConfig) -> ScoreNetwork:
    """A twin of a CoDAE whose batch normalisation has seen events, biases and factors spread."""
    model = build_codae(network, seed=3).train()
    images = torch.from_numpy(masks(64, network.height, network.width)).float()[:, None]
    generator = torch.Generator().manual_seed(4)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.uniform_(module.bias, -0.5, 0.5, generator=generator)
    with torch.no_grad():
        for _ in range(5):
            model(images)
    twin = build_codae_twin(model.eval(), network, CONFIG, images)
    return ScoreNetwork(twin, network, CONFIG).eval()


class Autoencoder(nn.Module):
    """In the manner of the normalized autoencoder (arXiv:2206.14225), reduced: a PReLU behind every
    layer, the pool included; a latent vector on the sphere; nearest and bilinear enlargement.

    Grey images (B, 1, 12, 20) to reconstructions in 0..1 and unit vectors (B, 3).
    """

    def __init__(self, layers: LayerFactory) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            layers.conv(1, 4, 3),
            layers.prelu(),
            layers.conv(4, 4, 3),
            layers.prelu(),
            nn.MaxPool2d(2),
            layers.prelu(),
        )
        self.vector = nn.Sequential(layers.linear(240, 3), layers.sphere())
        self.image = nn.Sequential(layers.linear(3, 60), layers.prelu())
        self.mean = layers.grid()
        self.decoder = nn.Sequential(layers.conv(4, 4, 3), layers.prelu())
        self.pixels = nn.Sequential(layers.conv(4, 1, 3), layers.sigmoid())

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstructions and unit vectors."""
        features = self.encoder(images).permute(0, 2, 3, 1).flatten(1)
        vectors = self.vector(features)
        small = self.image(vectors).view(-1, 4, 3, 5)
        larger = functional.interpolate(small, scale_factor=2, mode="nearest")
        larger = functional.interpolate(
            self.decoder(larger), scale_factor=2, mode="bilinear", align_corners=False
        )
        return self.pixels(self.mean(larger)), vectors


class SquaredError(nn.Module):
    """Sum of squares of image minus reconstruction, (B, 1)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Scores (B, 1)."""
        found, _ = self.network(images)
        return square(images - found).double().sum(PIXELS)


class Latents(nn.Module):
    """A head on the unit vectors."""

    def __init__(self, network: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.network, self.head = network, head

    def forward(self, images: Tensor) -> Tensor:
        """Scores (B, 1)."""
        _, vectors = self.network(images)
        return cast(Tensor, self.head(vectors))


def grey_images(count: int) -> Images:
    """Images (N, 12, 20) on the grid 2^-8: dark, brightest, then random ones, most pixels dark."""
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (count, 12, 20)) * (rng.random((count, 12, 20)) < 0.4)
    images[0], images[1] = 0, 255
    return images * 2.0**-PIXEL_BITS


def spread(network: nn.Module, seed: int) -> None:
    """Random biases and slopes, so that nothing is symmetric (in place)."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
            nn.init.uniform_(module.bias, -0.2, 0.2, generator=generator)
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.3, 0.6, generator=generator)


def autoencoder(head: str) -> nn.Module:
    """A quantised twin with the head ``sse``, ``latent`` or ``prototypes``."""
    config = QuantizeConfig(weight_bits=(6,) * 7, activation_bits=(8,) * 6)
    images = torch.from_numpy(grey_images(64)).float()[:, None]

    def build(layers: LayerFactory) -> nn.Module:
        network = Autoencoder(layers)
        if head == "sse":
            return SquaredError(network)
        return Latents(
            network, PrototypesHead(layers, 3, 5) if head == "prototypes" else LatentHead(1)
        )

    model, twin = build(FloatLayers()), build(QuantLayers(config))
    spread(model, 6)
    calibrate(model, twin, images)
    return twin.eval()
