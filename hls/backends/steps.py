"""What the streaming functions do step by step: one table row per operation.

A step may read a pixel (all channels) from every input, take some cycles, and write a pixel. The
loops are those of ``nnet/`` and of hls4ml 1.3.0's ``nnet_utils``; cycles beside one per step are
assumptions, see ``docs/estimates.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.graph import Edge, Node
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    Concat,
    Conv,
    Crop,
    Dense,
    Highest,
    InstanceNorm,
    LeakyRelu,
    Lookup,
    MaxPool,
    Mul,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Sphere,
    Split,
    Sub,
    Thresholds,
    Tile,
    Total,
    Unflatten,
)

Cycles = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Pipeline depth behind the last pixel: convolution, pooling and padding, activations, dense.
WINDOW_DEPTH = 3
ACTIVATION_DEPTH = 2
DENSE_DEPTH = 3
# A division by table: squares, their sum, the leading one, the root, the product.
ROOT_DEPTH = 8
# Entering and leaving a pipelined loop inside a loop that is not.
LOOP_OVERHEAD = 2
# Strategy Resource: shifting the window and leaving the multiplier loop, per complete window, and
# a pixel that completes none.
RESOURCE_OVERHEAD = 11
IDLE_PIXEL = 4


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of one event.

    Attributes:
        takes: (T,) whether the step reads a pixel from every source.
        emits: (T,) whether the step writes a pixel.
        depth: cycles between the end of a step and its pixel in the output stream.
        service: (T,) cycles of each step; one where left out.
    """

    takes: Flags
    emits: Flags
    depth: int
    service: Cycles

    @classmethod
    def single(cls, takes: Flags, emits: Flags, depth: int) -> Steps:
        """One cycle per step."""
        return cls(takes, emits, depth, np.ones(takes.size, np.int64))


def pixels_of(edge: Edge) -> int:
    """Pixels that an edge streams as; a vector is one."""
    return math.prod(edge.shape[:-1])


def padding(x: Edge, pads: tuple[int, int, int, int]) -> Steps:
    """Zero padding: reads inside the frame, writes everywhere."""
    frame = _inside(x, pads).ravel()
    return Steps.single(frame, np.ones_like(frame), WINDOW_DEPTH)


def copying(x: Edge) -> Steps:
    """A copy of a stream."""
    return Steps.single(_every(x), _every(x), 1)


def steps_of(node: Node, x: Edge, y: Edge, reuse: int) -> Steps:
    """The steps of a node behind its padding.

    Args:
        x: first input as it streams: padded for a convolution, an image where a dense layer reads
            a flattened one.

    Raises:
        UnsupportedError: nothing is known of the operation.
    """
    model = MODELS.get(type(node))
    if model is None:
        raise node.refuse("has no streaming model; it cannot be estimated")
    return model(node, x, y, reuse)


def _every(edge: Edge) -> Flags:
    return np.ones(pixels_of(edge), np.bool_)


def _first(size: int) -> Flags:
    return np.asarray(np.arange(size) == 0)


def _last(size: int) -> Flags:
    return np.asarray(np.arange(size) == size - 1)


def _pixelwise(node: Node, x: Edge, y: Edge, reuse: int) -> Steps:
    return Steps.single(_every(x), _every(x), ACTIVATION_DEPTH)


def _conv(node: Conv, x: Edge, y: Edge, reuse: int) -> Steps:
    emits = _complete(x.shape[:2], node.weight.shape[:2], node.strides).ravel()
    takes = np.ones(emits.size, np.bool_)
    if reuse == 1:
        return Steps.single(takes, emits, WINDOW_DEPTH)
    return Steps(takes, emits, 0, np.where(emits, reuse + RESOURCE_OVERHEAD, IDLE_PIXEL))


def _dense(node: Dense, x: Edge, y: Edge, reuse: int) -> Steps:
    takes = _every(x)
    service = np.ones(takes.size, np.int64)
    if reuse > 1:
        service[-1] += reuse + RESOURCE_OVERHEAD
    return Steps(takes, _last(takes.size), DENSE_DEPTH if reuse == 1 else 0, service)


def _max_pool(node: MaxPool, x: Edge, y: Edge, reuse: int) -> Steps:
    frame = _inside(x, node.pads)
    emits = _complete(frame.shape, node.kernel, node.strides)
    return Steps.single(frame.ravel(), emits.ravel(), WINDOW_DEPTH)


def _crop(node: Crop, x: Edge, y: Edge, reuse: int) -> Steps:
    emits = np.zeros(x.shape[:2], np.bool_)
    emits[node.top : node.top + node.height, node.left : node.left + node.width] = True
    return Steps.single(_every(x), emits.ravel(), ACTIVATION_DEPTH)


def _repeated(node: Tile | Unflatten, x: Edge, y: Edge, reuse: int) -> Steps:
    return Steps.single(_first(pixels_of(y)), _every(y), ACTIVATION_DEPTH)


def _nearest(node: Nearest, x: Edge, y: Edge, reuse: int) -> Steps:
    takes = np.zeros(y.shape[:2], np.bool_)
    takes[::2, ::2] = True
    return Steps.single(takes.ravel(), _every(y), ACTIVATION_DEPTH)


def _bilinear(node: Bilinear, x: Edge, y: Edge, reuse: int) -> Steps:
    """Per row: a loop that reads it, then the two rows of the output that it completes."""
    height, width = x.shape[:2]
    loops = []
    for row in range(height + 1):
        loops.append((row < height, False, width))
        loops += [(False, True, 2 * width)] * ((row > 0) + (row < height))
    takes, emits, service = [], [], []
    for reads, writes, size in loops:
        takes.append(np.full(size, reads))
        emits.append(np.full(size, writes))
        service.append(1 + LOOP_OVERHEAD * _last(size))
    joined = np.concatenate(service).astype(np.int64)
    return Steps(np.concatenate(takes), np.concatenate(emits), WINDOW_DEPTH, joined)


def _total(node: Total, x: Edge, y: Edge, reuse: int) -> Steps:
    return Steps.single(_every(x), _last(pixels_of(x)), ACTIVATION_DEPTH)


def _instance_norm(node: InstanceNorm, x: Edge, y: Edge, reuse: int) -> Steps:
    """Read and sum the image, a root per channel, write the image."""
    pixels, channels = pixels_of(x), x.shape[-1]
    index = np.arange(2 * pixels + channels)
    service = np.ones(index.size, np.int64)
    service[[pixels - 1, pixels + channels - 1]] += ROOT_DEPTH + LOOP_OVERHEAD
    return Steps(index < pixels, index >= pixels + channels, ROOT_DEPTH, service)


def _sphere(node: Sphere, x: Edge, y: Edge, reuse: int) -> Steps:
    return Steps.single(_every(x), _every(x), 2 * ROOT_DEPTH)


MODELS: dict[type[Node], Callable[[Any, Edge, Edge, int], Steps]] = {
    Add: _pixelwise,
    Append: _pixelwise,
    Bilinear: _bilinear,
    Concat: _pixelwise,
    Conv: _conv,
    Crop: _crop,
    Dense: _dense,
    Highest: _pixelwise,
    InstanceNorm: _instance_norm,
    LeakyRelu: _pixelwise,
    Lookup: _pixelwise,
    MaxPool: _max_pool,
    Mul: _pixelwise,
    Nearest: _nearest,
    Prelu: _pixelwise,
    Quantise: _pixelwise,
    Scale: _pixelwise,
    Sphere: _sphere,
    Split: _pixelwise,
    Sub: _pixelwise,
    Thresholds: _pixelwise,
    Tile: _repeated,
    Total: _total,
    Unflatten: _repeated,
}


def _inside(x: Edge, pads: tuple[int, int, int, int]) -> Flags:
    top, left, bottom, right = pads
    return np.pad(np.ones(x.shape[:2], np.bool_), ((top, bottom), (left, right)))


def _complete(image: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, int]) -> Flags:
    """Pixels at which a window is complete: the last pixel of each window position."""
    rows, columns = np.arange(image[0]) - (kernel[0] - 1), np.arange(image[1]) - (kernel[1] - 1)
    row_ends = (rows >= 0) & (rows % strides[0] == 0)
    column_ends = (columns >= 0) & (columns % strides[1] == 0)
    return np.asarray(row_ends[:, None] & column_ends[None, :])
