"""Structural similarity of images (Wang et al., IEEE Trans. Image Process. 13 (2004) 600)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WINDOW = 11
SIGMA_PIXELS = 1.5
C1, C2 = 0.01**2, 0.03**2
"""(k L)^2 with k = 0.01 and 0.03 and pixel range L = 1."""


def gaussian_window() -> Tensor:
    """Weights (11,) of a Gaussian of 1.5 pixels, normalised to a sum of 1."""
    offsets = torch.arange(WINDOW, dtype=torch.float64) - (WINDOW - 1) / 2
    weights = torch.exp(-torch.square(offsets) / (2 * SIGMA_PIXELS**2))
    return weights / weights.sum()


def ssim(images: Tensor, references: Tensor) -> Tensor:
    """Structural similarity per event, 1 for equal images.

    Means, variances and the covariance are Gaussian-weighted over 11 x 11 windows that lie wholly
    in the image (equation 13 of the paper, as TensorFlow's ``image.ssim``).

    Args:
        images: (B, 1, H, W) in 0..1, H and W at least 11.
        references: (B, 1, H, W) in 0..1.

    Returns:
        (B,) mean over the windows.
    """
    window = gaussian_window().to(images.dtype)
    x, y = images, references
    moments = torch.cat([x, y, x * x, y * y, x * y], dim=1)
    channels = moments.shape[1]
    rows = window.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    columns = window.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    moments = functional.conv2d(moments, rows, groups=channels)
    moments = functional.conv2d(moments, columns, groups=channels)
    mean_x, mean_y, square_x, square_y, product = moments.unbind(1)
    variances = square_x + square_y - mean_x * mean_x - mean_y * mean_y
    covariance = product - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1)
    structure = (2 * covariance + C2) / (variances + C2)
    return (luminance * structure).mean((-1, -2))
