"""The order of a tensor's axes in the ONNX file, and what it is in the exact graph.

Orders are words of letters: ``BCHW``, ``BHWC``, ``BC``, and ``B`` for one number per event. A
flattened (C, H, W) image is a vector whose entries lie in another order than pixels stream; its
order carries the sizes, ``B(C8H4W5)``, until a dense layer takes its rows in the streamed order.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLAT = re.compile(r"B\(C(\d+)H(\d+)W(\d+)\)")


def flattened(shape: tuple[int, ...]) -> str:
    """Order of an (H, W, C) image that ONNX flattened as (C, H, W)."""
    height, width, channels = shape
    return "BC" if channels == 1 or height * width == 1 else f"B(C{channels}H{height}W{width})"


def is_vector(order: str) -> bool:
    """Whether there is one axis beside the batch."""
    return order == "BC" or FLAT.fullmatch(order) is not None


def streamed(order: str) -> NDArray[np.int64] | None:
    """For every entry of the streamed vector its position in ONNX's; ``None`` if they are equal."""
    match = FLAT.fullmatch(order)
    if match is None:
        return None
    channels, height, width = (int(size) for size in match.groups())
    positions = np.arange(channels * height * width).reshape(channels, height, width)
    return positions.transpose(1, 2, 0).ravel()


def to_edge(values: NDArray[Any], order: str) -> NDArray[Any]:
    """A batch of ONNX values, (N, ...), laid out as the exact graph's edge."""
    if order == "BCHW":
        return values.transpose(0, 2, 3, 1)
    if order == "B":
        return values.reshape(len(values), 1)
    positions = streamed(order)
    return values if positions is None else values[:, positions]


def from_edge(values: NDArray[Any], order: str) -> NDArray[Any]:
    """A batch of an edge's values, (N, ...), laid out as ONNX's tensor."""
    if order == "BCHW":
        return values.transpose(0, 3, 1, 2)
    positions = streamed(order)
    return values if positions is None else values[:, np.argsort(positions)]
