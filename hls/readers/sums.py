"""Sums over the pixels of an image."""

from __future__ import annotations

import onnx

from trigforge.hls.ops import Total
from trigforge.hls.readers.reader import Reader, attributes


def reduce_sum(reader: Reader, node: onnx.NodeProto) -> None:
    """Over both axes of an image, one number per channel."""
    edge, order = reader.place(node)
    settings = attributes(node)
    # axes are an input since opset 13
    axes = settings["axes"] if "axes" in settings else reader.numbers(node, 1)
    summed = "".join(sorted(order[axis] for axis in axes if -len(order) <= axis < len(order)))
    if summed != "HW" or settings.get("keepdims", 1):
        raise reader.refuse(
            node, f"sums over {summed or 'nothing'} of {order}; sum over (H, W) with keepdims = 0"
        )
    name = reader.name("total")
    exact = Total(name=name, inputs=(edge,), output=name, channels=False)
    reader.add(node, exact, "BC")
