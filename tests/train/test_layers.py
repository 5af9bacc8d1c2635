import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from trigforge.train.layers import (
    ConvSame,
    FloatLayers,
    InstanceNorm,
    MaxPoolSame,
    same_padding,
    same_size,
)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads"),
    [
        (72, 3, 2, (0, 1)),
        (29, 3, 2, (1, 1)),
        (58, 3, 2, (0, 1)),
        (9, 3, 2, (1, 1)),
        (7, 3, 1, (1, 1)),
        (286, 5, 5, (2, 2)),
        (360, 5, 5, (0, 0)),
        (4, 1, 2, (0, 0)),
    ],
)
def test_same_padding_is_tensorflows(
    size: int, kernel: int, stride: int, pads: tuple[int, int]
) -> None:
    assert same_padding(size, kernel, stride) == pads


def test_sizes_of_the_published_network() -> None:
    assert [same_size(72, n) for n in range(5)] == [72, 36, 18, 9, 5]
    assert [same_size(58, n) for n in range(5)] == [58, 29, 15, 8, 4]


@pytest.mark.parametrize(("height", "width"), [(72, 58), (36, 29), (9, 8), (1, 2), (5, 5)])
def test_pool_pads_with_minus_infinity(height: int, width: int) -> None:
    """All values are negative, so that a pad of zero would win at every edge."""
    images = -1 - torch.rand(2, 3, height, width)
    rows, columns = same_padding(height, 3, 2), same_padding(width, 3, 2)
    padded = functional.pad(images, (*columns, *rows), value=-math.inf)
    expected = torch.stack(
        [
            padded[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].amax((2, 3))
            for i in range(-(-height // 2))
            for j in range(-(-width // 2))
        ],
        dim=2,
    ).reshape(2, 3, -(-height // 2), -(-width // 2))
    assert torch.equal(MaxPoolSame(height, width)(images), expected)


@pytest.mark.parametrize(("height", "width"), [(8, 6), (9, 7), (8, 7)])
def test_strided_convolution_matches_an_explicit_sum(height: int, width: int) -> None:
    torch.manual_seed(1)
    conv = ConvSame(2, 3, 3, 2, 1)
    images = torch.randn(1, 2, height, width)
    rows, columns = same_padding(height, 3, 2), same_padding(width, 3, 2)
    padded = functional.pad(images, (*columns, *rows))
    found = conv(images)
    assert found.shape == (1, 3, -(-height // 2), -(-width // 2))
    assert conv.bias is not None
    for f in range(3):
        for i in range(found.shape[2]):
            for j in range(found.shape[3]):
                window = padded[0, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
                expected = (window * conv.weight[f]).sum() + conv.bias[f]
                torch.testing.assert_close(found[0, f, i, j], expected)


def test_instance_norm_is_torchs() -> None:
    torch.manual_seed(1)
    ours, theirs = InstanceNorm(4), nn.InstanceNorm2d(4, eps=1e-3, affine=True)
    for norm in (ours, theirs):
        with torch.no_grad():
            norm.weight.copy_(torch.tensor([1.0, 2.0, 0.5, -1.0]))
            norm.bias.copy_(torch.tensor([0.0, 1.0, -1.0, 3.0]))
    images = 3 * torch.randn(2, 4, 5, 6) + 1
    torch.testing.assert_close(ours(images), theirs(images))


def test_batch_norm_has_the_published_epsilon() -> None:
    norm = FloatLayers().norm(4, "batch")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.eps == 1e-3
