"""Augmentations that respect the detector: flip in eta, rotation in phi (arXiv:2306.12955, 3.2).

And overlays of events, for a twin that has to follow its float network beyond the background.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """One symmetry of the detector.

    Attributes:
        flip: mirror eta (columns).
        shift: rows by which phi is rolled; phi is periodic.
    """

    flip: bool = False
    shift: int = 0

    def apply(self, images: Tensor) -> Tensor:
        """Images (..., H, W), transformed."""
        if self.flip:
            images = images.flip(-1)
        if self.shift:
            images = images.roll(self.shift, dims=-2)
        return images


def draw_augmentation(height: int, generator: torch.Generator) -> Augmentation:
    """One of six, equally likely: as is, rolled up, rolled down, and the same flipped.

    A roll moves by a ninth to seven ninths of the rows: 8 to 56 of the paper's 72.
    """
    flip, direction = divmod(int(torch.randint(6, (), generator=generator)), 3)
    low, high = height // 9, 7 * height // 9
    rows = int(torch.randint(low, high + 1, (), generator=generator))
    return Augmentation(flip=bool(flip), shift=(0, rows, -rows)[direction])


def overlay(masks: Tensor, generator: torch.Generator) -> Tensor:
    """Background made busier: unions of one (half of them), two or three (a quarter each) events.

    Signals light up to four times as many pixels as the background. Where no background event
    reaches, a network quantised on background alone saturates; unions reach there without a signal.

    Args:
        masks: (N, H, W) uint8, 0 or 1.

    Returns:
        (N, H, W) uint8; event i contains event i of ``masks``.
    """
    count = len(masks)
    partners = torch.randint(4, (count, 1, 1), generator=generator)
    first, second = (masks[torch.randperm(count, generator=generator)] for _ in range(2))
    busier = masks | first * (partners >= 2) | second * (partners == 3)
    return busier.to(torch.uint8)
