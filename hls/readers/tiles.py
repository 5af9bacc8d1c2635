"""Conditioning: a vector at every pixel."""

from __future__ import annotations

import onnx

from trigforge.hls.ops import Tile
from trigforge.hls.readers.reader import Reader


def unsqueeze(reader: Reader, node: onnx.NodeProto) -> None:
    """Axes of one pixel behind a vector: (B, C) to (B, C, 1, 1)."""
    edge, order = reader.place(node)
    axes = reader.numbers(node, 1)
    behind = len(order) + len(axes)
    if not order.startswith("BC") or set(order[2:]) - {"1"} or behind > 4:
        raise reader.refuse(node, "adds axes to something else than a vector")
    if sorted(axis % behind for axis in axes) != list(range(len(order), behind)):
        raise reader.refuse(node, f"adds the axes {axes}; only axes behind (B, C) are known")
    reader.known(node.output[0], edge, order + "1" * len(axes))


def expand(reader: Reader, node: onnx.NodeProto) -> None:
    """A vector at every pixel: (B, C, 1, 1) to (B, C, H, W)."""
    edge, order = reader.place(node)
    shape = reader.numbers(node, 1)
    if order != "BC11" or len(shape) != 4 or shape[0] != 1:
        raise reader.refuse(node, "repeats something else than a vector at every pixel")
    if shape[1] not in (1, reader.edges[edge].shape[0]):
        raise reader.refuse(node, f"repeats channels: {shape[1]} of {reader.edges[edge].shape[0]}")
    name = reader.name("tile")
    height, width = shape[2:]
    reader.add(
        node, Tile(name=name, inputs=(edge,), output=name, height=height, width=width), "BCHW"
    )
