"""A float CoDAE for scoring many events: the function of the network, in half the time.

Grouped convolutions never mix their groups, nor does any other layer between two convolutions
that see all channels. Each such stretch is therefore run as G narrow networks, one after another:
their convolutions are dense and their activations stay in the cache. BatchNorm is merged into the
convolution before it, activations and sums overwrite what they are made of, and a spatial
conditioning, which is linear in the latents, is a sum of stored images.

The numbers are those of :class:`trigforge.train.codae.CoDAE` up to float32 rounding. There are no
gradients. Axes: B events, C channels, H phi rows, W eta columns, Z latents, G groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.train.codae import CoDAE, ConvBlock, Residual, SpatialConditioning
from trigforge.train.layers import ConvSame, InstanceNorm

LARGE_MAP = 1024
"""Pixels from which torch (2.x, CPU) has a fast group normalisation in channels-last memory."""


class NarrowCodae(nn.Module):
    """A copy of a CoDAE in evaluation mode, for inference: masks (B, 1, H, W) to the same two."""

    @torch.no_grad()
    def __init__(self, model: CoDAE) -> None:
        super().__init__()
        mask, residual, decoder = model.mask_encoder, model.residual_encoder, model.decoder
        blocks = [cast(ConvBlock, block) for block in mask.blocks]
        self.first = nn.Sequential(_block(blocks[0], 0, 1), mask.pools[0])
        parts = math.gcd(*(_conv(block).groups for block in blocks[1:])) or 1
        self.mask_chains = nn.ModuleList(
            nn.Sequential(
                *(
                    nn.Sequential(_block(block, part, parts), pool)
                    for block, pool in zip(blocks[1:], mask.pools[1:], strict=True)
                )
            )
            for part in range(parts)
        )
        self.dense = mask.dense
        stages = list(residual.stages)
        groups = _conv(cast(Residual, stages[1]).first).groups
        self.residual_chains = nn.ModuleList(
            nn.Sequential(*(_stage(stage, part, groups) for stage in stages))
            for part in range(groups)
        )
        self.bottleneck = residual.bottleneck
        conditionings = [cast(SpatialConditioning, c) for c in decoder.conditionings]
        ups = [cast(ConvBlock, up) for up in decoder.ups]
        residuals = [cast(Residual, stage) for stage in decoder.residuals]
        self.opening = _Enlarging(conditionings[0], ups[0], 0, 1)
        self.decoder_chains = nn.ModuleList(
            nn.ModuleList(
                [
                    _stage(residuals[0], part, groups),
                    *(
                        module
                        for c, up, stage in zip(
                            conditionings[1:], ups[1:], residuals[1:], strict=True
                        )
                        for module in (_Enlarging(c, up, part, groups), _stage(stage, part, groups))
                    ),
                ]
            )
            for part in range(groups)
        )
        pixels = cast(ConvSame, decoder.pixels)
        self.pixel_weights = pixels.weight.chunk(groups, dim=1)
        self.pixel_bias = pixels.bias
        self.rows = slice(decoder.top, decoder.top + decoder.height)
        self.columns = slice(decoder.left, decoder.left + decoder.width)
        self.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the reconstruction (B, 1, H, W) and latents (B, Z)."""
        latents = self._latents(masks)
        bottleneck = self.bottleneck(_joined([chain(masks) for chain in self.residual_chains]))
        opened = self.opening(bottleneck, latents)
        logits: Tensor | None = None
        parts = _parts(opened, len(self.decoder_chains))
        for images, chain, weight in zip(
            parts, self.decoder_chains, self.pixel_weights, strict=True
        ):
            for stage in cast(nn.ModuleList, chain):
                conditioned = isinstance(stage, _Enlarging)
                images = stage(images, latents) if conditioned else stage(images)
            seen = functional.conv2d(images[:, :, self.rows, self.columns], weight)
            logits = seen if logits is None else logits.add_(seen)
        assert logits is not None  # noqa: S101 as there is at least one group
        assert self.pixel_bias is not None  # noqa: S101 as every convolution has one
        return logits.add_(self.pixel_bias[:, None, None]), latents

    def _latents(self, masks: Tensor) -> Tensor:
        parts = _parts(self.first(masks), len(self.mask_chains))
        found = [chain(part) for part, chain in zip(parts, self.mask_chains, strict=True)]
        latents: Tensor = self.dense(_joined(found).permute(0, 2, 3, 1).flatten(1))
        return latents


class _MapNorm(nn.Module):
    """InstanceNorm, for maps that are too small for the fast kernel by its formula."""

    def __init__(self, weight: Tensor, bias: Tensor, eps: float) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = weight, bias, eps

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, C, H, W)."""
        channels, height, width = images.shape[1:]
        if height * width >= LARGE_MAP:
            return functional.group_norm(images, channels, self.weight, self.bias, self.eps)
        centred = images - images.mean((2, 3), keepdim=True)
        variance = centred.square().mean((2, 3), keepdim=True)
        factor = self.weight[:, None, None] * torch.rsqrt(variance + self.eps)
        return torch.addcmul(self.bias[:, None, None], centred, factor)


class _InPlaceResidual(nn.Module):
    """Two blocks whose result their input is added to."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, images: Tensor) -> Tensor:
        """Sum of the input and the blocks' output, (B, C, H, W)."""
        total: Tensor = self.second(self.first(images)).add_(images)
        return total


class _Enlarging(nn.Module):
    """Spatial conditioning, enlargement by two and the convolution block of a decoder's scale."""

    def __init__(
        self, conditioning: SpatialConditioning, up: ConvBlock, part: int, parts: int
    ) -> None:
        super().__init__()
        self.up = _block(up, part, parts)
        images = _factor_images(conditioning).chunk(parts, dim=1)[part]
        self.images = images.permute(0, 2, 3, 1).contiguous()

    def forward(self, images: Tensor, latents: Tensor) -> Tensor:
        """Activations (B, F, 2H, 2W) of images (B, C, H, W) and latents (B, Z)."""
        constant, per_latent = self.images[0].flatten(), self.images[1:].flatten(1)
        factors = torch.addmm(constant, latents, per_latent)
        factors = factors.view(len(latents), *self.images.shape[1:]).permute(0, 3, 1, 2)
        larger = functional.interpolate(
            images * factors, scale_factor=2, mode="bilinear", align_corners=False
        )
        enlarged: Tensor = self.up(larger)
        return enlarged


def _factor_images(conditioning: SpatialConditioning) -> Tensor:
    """Factors (1 + Z, C, H, W): without latents, and what one unit of each adds."""
    conv = cast(ConvSame, conditioning.conv)
    count, dtype = conv.in_channels - 2, conv.weight.dtype
    latents = torch.cat([torch.zeros(1, count, dtype=dtype), torch.eye(count, dtype=dtype)])
    images = torch.ones(1 + count, conv.out_channels, *conditioning.size, dtype=dtype)
    factors = conditioning(images, latents)
    return torch.cat([factors[:1], factors[1:] - factors[:1]])


def _stage(stage: nn.Module, part: int, parts: int) -> nn.Module:
    """One of the groups of a convolution block or a residual block."""
    if isinstance(stage, Residual):
        return _InPlaceResidual(_block(stage.first, part, parts), _block(stage.second, part, parts))
    return _block(cast(ConvBlock, stage), part, parts)


def _block(block: ConvBlock, part: int, parts: int) -> nn.Sequential:
    """One of the groups of a convolution block; the convolution has ``parts`` groups or one."""
    whole, norm = _conv(block), block.norm
    assert whole.bias is not None  # noqa: S101 as every convolution has one
    weight, bias = whole.weight, whole.bias
    if isinstance(norm, nn.BatchNorm2d):
        factor, offset = _affine(norm)
        weight, bias = weight * factor[:, None, None, None], bias * factor + offset
    kernel, stride = whole.kernel_size[0], whole.stride[0]
    groups = max(whole.groups // parts, 1)
    weight, bias = weight.chunk(parts)[part], bias.chunk(parts)[part]
    conv = ConvSame(weight.shape[1] * groups, len(weight), kernel, stride, groups).to(weight.dtype)
    conv.load_state_dict({"weight": weight, "bias": bias})
    layers: list[nn.Module] = [conv]
    if isinstance(norm, InstanceNorm):
        scales, shifts = norm.weight.chunk(parts), norm.bias.chunk(parts)
        layers.append(_MapNorm(scales[part], shifts[part], norm.eps))
    activation = cast(nn.LeakyReLU, block.activation)
    return nn.Sequential(*layers, nn.LeakyReLU(activation.negative_slope, inplace=True))


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Factor and offset (C,) of a BatchNorm in evaluation mode."""
    assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101 as built
    factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return factor, norm.bias - norm.running_mean * factor


def _conv(block: ConvBlock) -> ConvSame:
    return cast(ConvSame, block.conv)


def _parts(images: Tensor, count: int) -> Sequence[Tensor]:
    """Images (B, C, H, W) as ``count`` images of fewer channels, each in its own memory."""
    return [
        part.contiguous(memory_format=torch.channels_last) for part in images.chunk(count, dim=1)
    ]


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(parts), dim=1)
