"""Images that two stages are compared on: random ones and extremes; images as inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.graph import Edge, Ints

Masks = NDArray[np.uint8]
Images = NDArray[Any]


def extreme_masks(height: int, width: int, bits: int = 1) -> Images:
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
    return np.asarray(np.stack(patterns) * (2**bits - 1), kind(bits))


def random_masks(
    rng: np.random.Generator, count: int, height: int, width: int, bits: int = 1
) -> Images:
    """Independent pixels, the density drawn for each mask: half uniform, half below 10 %.

    Returns:
        (count, height, width), lit pixels uniform from 1 to 2^bits - 1.
    """
    density = np.where(rng.random(count) < 0.5, rng.random(count), 0.1 * rng.random(count))
    lit = np.asarray(rng.random((count, height, width)) < density[:, None, None], kind(bits))
    if bits == 1:
        return lit
    return np.asarray(lit * rng.integers(1, 2**bits, lit.shape, dtype=kind(bits)), kind(bits))


def kind(bits: int) -> type[np.unsignedinteger[Any]]:
    """The type that holds pixels of so many bits."""
    return np.uint8 if bits <= 8 else np.uint16


def to_input(integers: Images, edge: Edge, fraction: int = 0) -> Ints:
    """Images (N, H, W) as input integers (N, H, W, 1) of a graph, variables (N, V) as they are.

    Args:
        fraction: of the grid that the integers are on; the graph's input must be on the same.
    """
    if edge.fraction != fraction:
        raise ValueError(
            f"the input's grid is 2^-{edge.fraction}, the integers are on 2^-{fraction}"
        )
    return as_input(integers).astype(np.int64)


def as_input(integers: Images) -> Images:
    """Images (N, H, W) with a channel behind them, variables (N, V) as they are; the same type."""
    return integers[..., None] if integers.ndim == 3 else integers
