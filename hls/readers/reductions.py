"""Sums and maxima over pixels, over channels, over everything."""

from __future__ import annotations

import onnx

from trigforge.hls.ops import Flatten, Highest, MaxPool, Total, Unflatten
from trigforge.hls.readers.reader import Reader, attributes


def reduce_sum(reader: Reader, node: onnx.NodeProto) -> None:
    """Over pixels, over everything, or over a vector."""
    edge, order = reader.place(node)
    letters = _axes(reader, node, order)
    pixels = letters == "HW"
    if not pixels and letters != _all(order):
        raise reader.refuse(
            node, f"sums over {letters} of {order}; known are rows and columns, or everything"
        )
    name = reader.name("total")
    reader.insert(Total(name=name, inputs=(edge,), output=name, channels=not pixels))
    _shape(reader, node, name, pixels=pixels)


def reduce_max(reader: Reader, node: onnx.NodeProto) -> None:
    """Over pixels, or over a vector."""
    edge, order = reader.place(node)
    letters = _axes(reader, node, order)
    x = reader.edges[edge]
    if letters == "HW" and len(x.shape) == 3:
        height, width, _ = x.shape
        pool, name = reader.name("pool"), reader.name("flatten")
        reader.insert(
            MaxPool(
                name=pool,
                inputs=(edge,),
                output=pool,
                kernel=(height, width),
                strides=(height, width),
            )
        )
        if attributes(node).get("keepdims", 1):
            reader.known(node.output[0], pool, order)
            return
        reader.insert(Flatten(name=name, inputs=(pool,), output=name))
    elif letters == "C" and order == "BC":
        name = reader.name("highest")
        reader.insert(Highest(name=name, inputs=(edge,), output=name))
    else:
        raise reader.refuse(
            node, f"takes the maximum over {letters}; known are rows and columns, or a vector"
        )
    _shape(reader, node, name, pixels=letters == "HW")


def _shape(reader: Reader, node: onnx.NodeProto, edge: str, *, pixels: bool) -> None:
    """The axes of what is left: one pixel where dimensions are kept, else a vector or a number."""
    _, order = reader.place(node)
    if not attributes(node).get("keepdims", 1):
        reader.known(node.output[0], edge, "BC" if pixels else "B")
    elif len(order) == 4:
        channels = reader.edges[edge].shape[0]
        name = reader.name("unflatten")
        exact = Unflatten(
            name=name, inputs=(edge,), output=name, height=1, width=1, channels=channels
        )
        reader.add(node, exact, "BCHW")
    else:
        reader.known(node.output[0], edge, "BC")


def _axes(reader: Reader, node: onnx.NodeProto, order: str) -> str:
    """Letters of the axes, sorted; without axes everything, the batch too."""
    if order not in ("BCHW", "BHWC", "BC"):
        raise reader.refuse(node, f"reduces the axes {order}")
    axes = reader.sizes(node, 1, "axes")
    letters = sorted({order[axis % len(order)] for axis in axes} or set(order))
    if "B" in letters and axes:
        raise reader.refuse(node, "reduces over the batch")
    return "".join(letter for letter in letters if letter != "B")


def _all(order: str) -> str:
    return "".join(sorted(order.replace("B", "")))
