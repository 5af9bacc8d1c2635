"""CoDAE, the conditional dual autoencoder (arXiv:2306.12955, section 4, tables 1 to 3).

Axes: B events, C channels, H phi rows, W eta columns, Z latents.

Where the paper's text leaves something open, the published network decides: the mesh runs from -1
to 1 and follows the latents as (x, y), a residual block adds its input after the last activation,
the first up-convolution of the decoder is not grouped, the crop is centred.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.train.config import NetworkConfig
from trigforge.train.layers import (
    FloatLayers,
    LayerFactory,
    MaxPoolSame,
    Normalization,
    same_size,
)

PAPER_SLOPE = 0.2
DECODER_BIAS = -1.0


class ConvBlock(nn.Module):
    """Convolution 3x3, normalisation, LeakyReLU: (B, C, H, W) to (B, F, H/stride, W/stride)."""

    def __init__(
        self,
        layers: LayerFactory,
        channels: int,
        filters: int,
        *,
        stride: int = 1,
        groups: int = 1,
        norm: Normalization = "instance",
        slope: float = PAPER_SLOPE,
    ) -> None:
        super().__init__()
        self.conv = layers.conv(channels, filters, 3, stride, groups)
        self.norm = layers.norm(filters, norm)
        self.activation = layers.activation(slope)

    def forward(self, images: Tensor) -> Tensor:
        """Activations (B, F, H/stride, W/stride)."""
        activated: Tensor = self.activation(self.norm(self.conv(images)))
        return activated


class Residual(nn.Module):
    """Two convolution blocks whose result is added to their input (B, C, H, W)."""

    def __init__(self, layers: LayerFactory, channels: int, groups: int) -> None:
        super().__init__()
        self.first = ConvBlock(layers, channels, channels, groups=groups)
        self.second = ConvBlock(layers, channels, channels, groups=groups)
        self.sum = layers.grid()

    def forward(self, images: Tensor) -> Tensor:
        """Sum of the input and the blocks' output, (B, C, H, W)."""
        total: Tensor = self.sum(self.second(self.first(images)) + images)
        return total


class MaskEncoder(nn.Module):
    """The small encoder that firmware gets (table 2): masks (B, 1, H, W) to latents (B, Z).

    Features are flattened in (H, W, C) order, as channels-last firmware streams them.
    """

    def __init__(self, network: NetworkConfig, layers: LayerFactory) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        pools: list[nn.Module] = []
        channels, height, width = 1, network.height, network.width
        for filters, groups in zip(network.filters, network.groups, strict=True):
            blocks.append(
                ConvBlock(
                    layers,
                    channels,
                    filters,
                    groups=groups,
                    norm=network.normalization,
                    slope=network.negative_slope,
                )
            )
            pools.append(MaxPoolSame(height, width))
            channels, height, width = filters, same_size(height, 1), same_size(width, 1)
        self.blocks = nn.ModuleList(blocks)
        self.pools = nn.ModuleList(pools)
        self.dense = layers.linear(height * width * channels, network.latents)

    def forward(self, masks: Tensor) -> Tensor:
        """Latents (B, Z)."""
        features = masks
        for block, pool in zip(self.blocks, self.pools, strict=True):
            features = pool(block(features))
        latents: Tensor = self.dense(features.permute(0, 2, 3, 1).flatten(1))
        return latents


class ResidualEncoder(nn.Module):
    """The large encoder (table 1): masks (B, 1, H, W) to a bottleneck (B, C, H/16, W/16)."""

    def __init__(self, network: NetworkConfig, layers: LayerFactory) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        channels = 1
        for index, filters in enumerate(network.residual_filters):
            groups = network.residual_groups if index else 1
            stages.append(ConvBlock(layers, channels, filters, stride=2, groups=groups))
            stages.append(Residual(layers, filters, network.residual_groups))
            channels = filters
        self.stages = nn.Sequential(*stages)
        self.bottleneck = layers.conv(channels, network.bottleneck, 1)
        self.bottleneck_grid = layers.grid()

    def forward(self, masks: Tensor) -> Tensor:
        """Bottleneck (B, C, ceil(H/16), ceil(W/16))."""
        bottleneck: Tensor = self.bottleneck_grid(self.bottleneck(self.stages(masks)))
        return bottleneck


class SpatialConditioning(nn.Module):
    """Multiply images by a learned function of the latents and the position (algorithm 2).

    The latents are broadcast over H x W, the mesh is appended (x, y from -1 to 1) and a linear
    3x3 convolution gives one factor per pixel and channel.
    """

    mesh: Tensor

    def __init__(
        self, layers: LayerFactory, latents: int, channels: int, height: int, width: int
    ) -> None:
        super().__init__()
        self.size = (height, width)
        self.mesh_grid = layers.grid()
        self.conv = layers.conv(latents + 2, channels, 3)
        self.factors = layers.grid()
        self.product = layers.grid()
        x = torch.linspace(-1, 1, width).expand(height, width)
        y = torch.linspace(-1, 1, height)[:, None].expand(height, width)
        self.register_buffer("mesh", torch.stack([x, y])[None], persistent=False)

    def forward(self, images: Tensor, latents: Tensor) -> Tensor:
        """Conditioned images (B, C, H, W) from images (B, C, H, W) and latents (B, Z)."""
        broadcast = latents[:, :, None, None].expand(-1, -1, *self.size)
        mesh = self.mesh_grid(self.mesh.to(latents.dtype))
        if not torch.onnx.is_in_onnx_export():  # of one event, whose mesh is a constant then
            mesh = mesh.expand(len(images), -1, -1, -1)
        factors = self.factors(self.conv(torch.cat([broadcast, mesh], dim=1)))
        product: Tensor = self.product(images * factors)
        return product


class ConditionalDecoder(nn.Module):
    """The decoder (table 3): bottleneck and latents to logits of the mask (B, 1, H, W)."""

    def __init__(self, network: NetworkConfig, layers: LayerFactory) -> None:
        super().__init__()
        self.height, self.width = network.height, network.width
        stages = len(network.residual_filters)
        height, width = same_size(network.height, stages), same_size(network.width, stages)
        channels = network.bottleneck
        self.latents = layers.grid()
        conditionings: list[nn.Module] = []
        means: list[nn.Module] = []
        ups: list[nn.Module] = []
        residuals: list[nn.Module] = []
        for index, filters in enumerate(reversed(network.residual_filters)):
            # The paper's table 3 has 4 groups here as well; its parameter count and the published
            # weights have one.
            groups = network.residual_groups if index else 1
            conditionings.append(
                SpatialConditioning(layers, network.latents, channels, height, width)
            )
            means.append(layers.grid())
            ups.append(ConvBlock(layers, channels, filters, groups=groups))
            residuals.append(Residual(layers, filters, network.residual_groups))
            channels, height, width = filters, 2 * height, 2 * width
        self.top, self.left = (height - self.height) // 2, (width - self.width) // 2
        self.conditionings = nn.ModuleList(conditionings)
        self.means = nn.ModuleList(means)
        self.ups = nn.ModuleList(ups)
        self.residuals = nn.ModuleList(residuals)
        self.pixels = layers.conv(channels, 1, 1)
        self.logits = layers.grid()

    def forward(self, bottleneck: Tensor, latents: Tensor) -> Tensor:
        """Logits (B, 1, H, W) from a bottleneck (B, C, H/16, W/16) and latents (B, Z)."""
        images, condition = bottleneck, self.latents(latents)
        for conditioning, mean, up, residual in zip(
            self.conditionings, self.means, self.ups, self.residuals, strict=True
        ):
            conditioned = conditioning(images, condition)
            larger = functional.interpolate(
                conditioned, scale_factor=2, mode="bilinear", align_corners=False
            )
            images = residual(up(mean(larger)))
        rows = slice(self.top, self.top + self.height)
        columns = slice(self.left, self.left + self.width)
        logits: Tensor = self.logits(self.pixels(images[:, :, rows, columns]))
        return logits


class CoDAE(nn.Module):
    """Both encoders and the decoder: masks (B, 1, H, W) to logits (B, 1, H, W), latents (B, Z)."""

    def __init__(self, network: NetworkConfig, layers: LayerFactory | None = None) -> None:
        super().__init__()
        layers = layers or FloatLayers()
        self.residual_encoder = ResidualEncoder(network, layers)
        self.mask_encoder = MaskEncoder(network, layers)
        self.decoder = ConditionalDecoder(network, layers)

    def forward(self, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the reconstruction and the latents of the mask encoder."""
        latents: Tensor = self.mask_encoder(masks)
        logits: Tensor = self.decoder(self.residual_encoder(masks), latents)
        return logits, latents


def build_codae(network: NetworkConfig, seed: int) -> CoDAE:
    """A CoDAE with fresh weights: he_uniform, biases 0, in the decoder -1 (section 4.2)."""
    model = CoDAE(network)
    generator = torch.Generator().manual_seed(seed)
    initialize(model.residual_encoder, generator, bias=0.0)
    initialize(model.mask_encoder, generator, bias=0.0)
    initialize(model.decoder, generator, bias=DECODER_BIAS)
    return model


def initialize(model: nn.Module, generator: torch.Generator, bias: float) -> None:
    """He-uniform weights and constant biases in every convolution and dense layer."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
            if module.bias is not None:
                nn.init.constant_(module.bias, bias)
