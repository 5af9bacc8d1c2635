import math

import numpy as np
import numpy.typing as npt
import pytest
import torch

from trigforge.train.ssim import ssim

Image = npt.NDArray[np.float64]


def slow_ssim(x: Image, y: Image) -> float:
    """The definition, window by window, pixel by pixel; images (H, W)."""
    weights = np.array(
        [
            [math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / (2 * 1.5**2)) for j in range(11)]
            for i in range(11)
        ]
    )
    weights /= weights.sum()
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (v[top : top + 11, left : left + 11] for v in (x, y))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            variance_a = (weights * (a - mean_a) ** 2).sum()
            variance_b = (weights * (b - mean_b) ** 2).sum()
            covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
            values.append(
                (2 * mean_a * mean_b + 0.01**2)
                * (2 * covariance + 0.03**2)
                / (mean_a**2 + mean_b**2 + 0.01**2)
                / (variance_a + variance_b + 0.03**2)
            )
    return float(np.mean(values))


@pytest.mark.parametrize(("height", "width"), [(16, 13), (11, 11)])
def test_against_the_definition(rng: np.random.Generator, height: int, width: int) -> None:
    masks = (rng.random((3, height, width)) < 0.2).astype(np.float64)
    pictures = np.clip(0.7 * masks + 0.3 * rng.random(masks.shape), 0, 1)
    found = ssim(torch.from_numpy(pictures)[:, None], torch.from_numpy(masks)[:, None])
    expected = [slow_ssim(a, b) for a, b in zip(pictures, masks, strict=True)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


def test_float32_is_close_and_equal_images_give_one(rng: np.random.Generator) -> None:
    masks = torch.from_numpy((rng.random((4, 1, 72, 58)) < 0.1).astype(np.float64))
    noisy = 0.8 * masks + 0.1
    torch.testing.assert_close(
        ssim(noisy.float(), masks.float()).double(), ssim(noisy, masks), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(ssim(masks, masks), torch.ones(4, dtype=torch.float64))
    assert bool((ssim(noisy, masks) < 0.99).all())
