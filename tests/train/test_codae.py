import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from trigforge.train.codae import (
    CoDAE,
    ConditionalDecoder,
    MaskEncoder,
    Residual,
    SpatialConditioning,
    build_codae,
)
from trigforge.train.config import NetworkConfig
from trigforge.train.layers import FloatLayers

PUBLISHED = NetworkConfig(
    architecture="codae", export="encoder", normalization="instance", negative_slope=0.2
)
SMALL = replace(PUBLISHED, filters=(4, 8, 8, 8), residual_filters=(8, 8, 8, 16), bottleneck=4)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_published_parameter_counts() -> None:
    model = CoDAE(PUBLISHED)
    assert parameters(model.residual_encoder) == 612_032
    assert parameters(model.mask_encoder) == 270_594
    assert parameters(model.decoder) == 763_841


@pytest.mark.parametrize(("height", "width"), [(72, 58), (18, 14), (33, 17)])
def test_shapes(height: int, width: int) -> None:
    model = CoDAE(replace(SMALL, height=height, width=width)).eval()
    masks = torch.zeros(2, 1, height, width)
    logits, latents = model(masks)
    assert logits.shape == masks.shape
    assert latents.shape == (2, 2)
    assert model.residual_encoder(masks).shape == (2, 4, -(-height // 16), -(-width // 16))


def test_features_are_flattened_channels_last() -> None:
    """A dense layer that picks one feature finds it where row, column, channel order puts it."""
    torch.manual_seed(1)
    encoder = MaskEncoder(SMALL, FloatLayers()).eval()
    masks = (torch.rand(1, 1, 72, 58) < 0.1).float()
    features = masks
    for block, pool in zip(encoder.blocks, encoder.pools, strict=True):
        features = pool(block(features))
    row, column, channel = 3, 2, 5
    assert isinstance(encoder.dense, nn.Linear)
    with torch.no_grad():
        encoder.dense.weight.zero_()
        encoder.dense.bias.zero_()
        encoder.dense.weight[0, (row * 4 + column) * 8 + channel] = 1
    torch.testing.assert_close(encoder(masks)[0, 0], features[0, channel, row, column])


def test_initial_weights() -> None:
    model = build_codae(SMALL, seed=3)
    for part, bias in ((model.residual_encoder, 0), (model.mask_encoder, 0), (model.decoder, -1)):
        for module in part.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                bound = math.sqrt(6 / module.weight[0].numel())
                largest = float(module.weight.detach().abs().max())
                assert 0.5 * bound < largest <= bound
                assert module.bias is not None
                assert bool((module.bias == bias).all())


def test_the_seed_decides_the_weights() -> None:
    first, again, other = (build_codae(SMALL, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["mask_encoder.dense.weight"], other["mask_encoder.dense.weight"])


def test_residual_adds_its_input_after_the_last_activation() -> None:
    torch.manual_seed(1)
    block = Residual(FloatLayers(), 4, 2)
    images = torch.randn(2, 4, 6, 5)
    assert torch.equal(block(images), block.second(block.first(images)) + images)


def test_conditioning_knows_latents_and_position() -> None:
    """With a kernel that passes one input channel through, the factor is that channel."""
    condition = SpatialConditioning(FloatLayers(), latents=2, channels=4, height=3, width=5)
    conv = condition.conv
    assert isinstance(conv, nn.Conv2d) and conv.bias is not None
    with torch.no_grad():
        conv.weight.zero_()
        conv.bias.zero_()
        for channel in range(4):
            conv.weight[channel, channel, 1, 1] = 1
    latents = torch.tensor([[7.0, -2.0]])
    factors = condition(torch.ones(1, 4, 3, 5), latents)[0].detach()
    assert bool((factors[0] == 7).all()) and bool((factors[1] == -2).all())
    torch.testing.assert_close(factors[2, 0], torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]))
    torch.testing.assert_close(factors[3, :, 0], torch.tensor([-1.0, 0.0, 1.0]))


def test_the_crop_is_centred() -> None:
    """The last block's 80 x 64 image is replaced by one that numbers its pixels."""
    decoder = ConditionalDecoder(SMALL, FloatLayers())
    numbered = torch.arange(80)[:, None] * 100.0 + torch.arange(64)
    decoder.residuals[-1] = Constant(numbered.expand(1, 8, 80, 64))
    pixels = decoder.pixels
    assert isinstance(pixels, nn.Conv2d) and pixels.bias is not None
    with torch.no_grad():
        pixels.weight.zero_()
        pixels.bias.zero_()
        pixels.weight[0, 0] = 1
    logits = decoder(torch.zeros(1, 4, 5, 4), torch.zeros(1, 2)).detach()
    assert float(logits[0, 0, 0, 0]) == 4 * 100 + 3
    assert float(logits[0, 0, -1, -1]) == 75 * 100 + 60


class Constant(nn.Module):
    """Ignores its input."""

    def __init__(self, images: torch.Tensor) -> None:
        super().__init__()
        self.images = images

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The constant."""
        return self.images
