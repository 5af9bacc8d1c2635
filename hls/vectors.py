"""Inputs that two stages are compared on: real events, random masks, extremes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.graph import Edge, Ints

Masks = NDArray[np.uint8]


def extreme_masks(height: int, width: int, bits: int = 1) -> Masks:
    """All zero, all full, single pixels (corners, centre, edges), checkerboards, stripes.

    Returns:
        (N, height, width) zeros and 2^bits - 1.
    """
    rows, columns = np.indices((height, width))
    patterns: list[NDArray[Any]] = [np.zeros((height, width)), np.ones((height, width))]
    middle, centre = height // 2, width // 2
    for row in (0, middle, height - 1):
        for column in (0, centre, width - 1):
            pixel = np.zeros((height, width))
            pixel[row, column] = 1
            patterns.append(pixel)
    patterns += [(rows + columns) % 2, (rows + columns + 1) % 2, rows % 2, columns % 2]
    return np.stack(patterns).astype(np.uint8) * np.uint8(2**bits - 1)


def random_masks(
    rng: np.random.Generator, count: int, height: int, width: int, bits: int = 1
) -> Masks:
    """Independent pixels, the density drawn for each mask: half uniform, half below 10 %.

    Returns:
        (count, height, width), lit pixels uniform from 1 to 2^bits - 1.
    """
    density = np.where(rng.random(count) < 0.5, rng.random(count), 0.1 * rng.random(count))
    lit = (rng.random((count, height, width)) < density[:, None, None]).astype(np.uint8)
    if bits == 1:
        return lit
    return lit * rng.integers(1, 2**bits, lit.shape, dtype=np.uint8)


def to_input(masks: Masks, edge: Edge) -> Ints:
    """Masks (N, H, W) as input integers (N, H, W, 1) of a graph whose input is on the grid 1."""
    if edge.fraction != 0:
        raise ValueError(f"the input's grid is 2^-{edge.fraction}, masks are on the grid 1")
    return masks[..., None].astype(np.int64)
