"""Background made strange without a signal: what a score student sees beyond the background.

A network that learns a score on background alone knows little of where signals lie. These images
take the background's own pixels apart in ways that no process was asked for: overlays, noise,
missing pixels, shuffled patches, misplaced sectors, smearing, and pixels scattered at fixed number.

Masks are (H, W) uint8, 0 or 1, H = phi (periodic), W = eta.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Masks = NDArray[np.uint8]
Breaking = Callable[[Mask, np.random.Generator], Mask]

PLAIN_FRACTION = 0.4
"""Of a pool: background as it is, but for the detector's symmetries."""
OVERLAY_FRACTION = 0.4
"""Of the broken images: a union of two or three events before anything else happens."""
PATCH_ROWS = (4, 8, 12, 24)
LARGEST_SMEARING = 4.0
MOST_NOISE = 60


def pool_masks(background: Masks, count: int, rng: np.random.Generator) -> Masks:
    """``count`` images (count, H, W): plain and broken background, each flipped and rolled.

    Args:
        background: (N, H, W).
        rng: decides everything.
    """
    images = np.empty((count, *background.shape[1:]), np.uint8)
    kinds = list(BREAKINGS.values())
    for image in images:
        mask = _any(background, rng)
        if rng.random() >= PLAIN_FRACTION:
            if rng.random() < OVERLAY_FRACTION:
                for _ in range(rng.integers(1, 3)):
                    mask = mask | _any(background, rng)
            mask = kinds[rng.integers(len(kinds))](mask, rng)
        image[...] = mask
    return images


def symmetric(mask: Mask, rng: np.random.Generator) -> Mask:
    """Flipped in eta or not, rolled in phi by any number of rows."""
    flipped = mask[:, ::-1] if rng.random() < 0.5 else mask
    return np.roll(flipped, int(rng.integers(len(mask))), axis=0)


def keep(mask: Mask, rng: np.random.Generator) -> Mask:
    """As it is (an overlay, where one was made)."""
    return mask


def add_noise(mask: Mask, rng: np.random.Generator) -> Mask:
    """Up to :data:`MOST_NOISE` pixels lit anywhere."""
    noisy = mask.copy()
    noisy.reshape(-1)[rng.integers(mask.size, size=rng.integers(1, MOST_NOISE + 1))] = 1
    return noisy


def remove_pixels(mask: Mask, rng: np.random.Generator) -> Mask:
    """Each lit pixel lost with one probability, up to a half."""
    return mask & (rng.random(mask.shape) >= rng.uniform(0.02, 0.5))


def shuffle_patches(mask: Mask, rng: np.random.Generator) -> Mask:
    """Bands of phi, left and right half apart, in random order; the number of pixels is kept."""
    rows = [r for r in PATCH_ROWS if len(mask) % r == 0 and r < len(mask)] or [1]
    size = int(rng.choice(rows))
    middle = mask.shape[1] // 2
    shuffled = np.empty_like(mask)
    for half in (slice(None, middle), slice(middle, None)):
        bands = mask[:, half].reshape(-1, size, mask[:, half].shape[1])
        shuffled[:, half] = rng.permutation(bands).reshape(len(mask), -1)
    return shuffled


def misplace_sector(mask: Mask, rng: np.random.Generator) -> Mask:
    """A sector of phi mirrored in eta and rolled in eta; the number of pixels is kept."""
    height, width = mask.shape
    moved = np.roll(mask, int(rng.integers(height)), axis=0)
    rows = int(rng.integers(height // 6, height // 2 + 1))
    sector = moved[:rows, ::-1] if rng.random() < 0.5 else moved[:rows]
    moved[:rows] = np.roll(sector, int(rng.integers(width)), axis=1)
    return moved


def smear(mask: Mask, rng: np.random.Generator) -> Mask:
    """Every lit pixel moved by a Gaussian of up to four pixels; some fall together."""
    rows, columns = np.nonzero(mask)
    sigma = rng.uniform(0.5, LARGEST_SMEARING)
    steps = np.rint(rng.normal(0, sigma, (2, len(rows)))).astype(np.int64)
    smeared = np.zeros_like(mask)
    reflected = np.abs(columns + steps[1])
    last = mask.shape[1] - 1
    reflected = np.clip(np.where(reflected > last, 2 * last - reflected, reflected), 0, last)
    smeared[(rows + steps[0]) % len(mask), reflected] = 1
    return smeared


def scatter(mask: Mask, rng: np.random.Generator) -> Mask:
    """A fraction of the lit pixels moved to dark ones anywhere; the number of pixels is kept."""
    scattered = mask.copy().reshape(-1)
    lit, dark = np.flatnonzero(scattered), np.flatnonzero(scattered == 0)
    count = min(int(rng.uniform(0.05, 1.0) * len(lit)), len(dark))
    scattered[rng.choice(lit, count, replace=False)] = 0
    scattered[rng.choice(dark, count, replace=False)] = 1
    return scattered.reshape(mask.shape)


def scatter_in_phi(mask: Mask, rng: np.random.Generator) -> Mask:
    """Rows permuted within a fraction of the columns: every column keeps its number of pixels."""
    columns = np.flatnonzero(rng.random(mask.shape[1]) < rng.uniform(0.2, 1.0))
    scattered = mask.copy()
    scattered[:, columns] = rng.permuted(mask[:, columns], axis=0)
    return scattered


BREAKINGS: dict[str, Breaking] = {
    "keep": keep,
    "add_noise": add_noise,
    "remove_pixels": remove_pixels,
    "shuffle_patches": shuffle_patches,
    "misplace_sector": misplace_sector,
    "smear": smear,
    "scatter": scatter,
    "scatter_in_phi": scatter_in_phi,
}


def _any(background: Masks, rng: np.random.Generator) -> Mask:
    return symmetric(background[rng.integers(len(background))], rng)
