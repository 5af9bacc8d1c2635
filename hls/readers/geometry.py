"""Where values lie: concatenation, splits, slices and enlargement."""

from __future__ import annotations

import numpy as np
import onnx

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge
from trigforge.hls.ops import Append, Bilinear, Concat, Crop, Nearest, Quantise, Split
from trigforge.hls.readers.reader import Reader, attributes


def concat(reader: Reader, node: onnx.NodeProto) -> None:
    """Along channels: tensors, and a quantised constant image at the end."""
    constant = node.input[-1] in reader.constants
    places = [reader.place(node, i) for i in range(len(node.input) - constant)]
    orders = {order for _, order in places}
    if len(orders) != 1:
        raise reader.refuse(node, "joins tensors of different axes")
    (order,) = orders
    axis = attributes(node)["axis"] % len(order)
    if order[axis] != "C":
        raise reader.refuse(node, f"joins along {order[axis]}; only channels can be joined")
    edges = _one_grid(reader, [edge for edge, _ in places])
    source = edges[0]
    if len(edges) > 1:
        source = reader.name("concat")
        exact = Concat(name=source, inputs=tuple(edges), output=source)
        if not constant:
            reader.add(node, exact, order)
            return
        reader.insert(exact)
    integers, fraction = reader.integers(node, len(node.input) - 1)
    if order == "BCHW":
        integers = integers.transpose(0, 2, 3, 1)
    if len(order) != 4 or len(integers) != 1:
        raise reader.refuse(node, "joins a constant that is not one image for all events")
    name = reader.name("append")
    exact_append = Append(
        name=name,
        inputs=(source,),
        output=name,
        constant=integers[0],
        constant_fraction=fraction,
    )
    reader.add(node, exact_append, order)


def _one_grid(reader: Reader, edges: list[str]) -> list[str]:
    """The edges, the coarser ones shifted to the finest grid."""
    finest = max(reader.edges[edge].fraction for edge in edges)
    aligned = []
    for edge in edges:
        x = reader.edges[edge]
        if x.fraction != finest:
            lo, hi = int(x.lo.min()), int(x.hi.max())
            shift = finest - x.fraction
            name = reader.name("shift")
            fmt = Format.smallest(lo << shift, hi << shift, finest)
            reader.insert(Quantise(name=name, inputs=(edge,), output=name, format=fmt))
            edge = name
        aligned.append(edge)
    return aligned


def split(reader: Reader, node: onnx.NodeProto) -> None:
    """Into blocks of channels."""
    edge, order = reader.place(node)
    axis = attributes(node).get("axis", 0) % len(order)
    if order[axis] != "C":
        raise reader.refuse(node, f"splits along {order[axis]}; only channels can be split")
    channels = reader.edges[edge].shape[-1]
    parts = len(node.output)
    sizes = reader.sizes(node, 1, "split")
    if not sizes:
        size = -(-channels // parts)
        sizes = [size] * (parts - 1) + [channels - size * (parts - 1)]
    start = 0
    for tensor, size in zip(node.output, sizes, strict=True):
        _block(reader, tensor, edge, order, start, start + size)
        start += size


def slice_(reader: Reader, node: onnx.NodeProto) -> None:
    """A window of rows and columns, or a block of channels, with steps of one."""
    edge, order = reader.place(node)
    starts, ends = reader.sizes(node, 1, "starts"), reader.sizes(node, 2, "ends")
    axes = reader.sizes(node, 3, "axes") or list(range(len(starts)))
    if any(step != 1 for step in reader.numbers(node, 4)):
        raise reader.refuse(node, "skips or reverses; only steps of one are known")
    x = reader.edges[edge]
    limits = _limits(x, order)
    spans = {letter: (0, size) for letter, size in limits.items()}
    for start, end, axis in zip(starts, ends, axes, strict=True):
        letter = order[axis % len(order)]
        if letter == "B":
            raise reader.refuse(node, "takes events out of the batch")
        size = limits[letter]
        first, last = (min(max(v + size if v < 0 else v, 0), size) for v in (start, end))
        if first >= last:
            raise reader.refuse(node, f"leaves nothing of the {size} entries of axis {letter}")
        spans[letter] = (first, last)
    cut = any(spans[k] != (0, limits[k]) for k in "HW" if k in limits)
    blocks = spans["C"] != (0, limits["C"])
    if cut:
        (top, bottom), (left, right) = spans["H"], spans["W"]
        name = reader.name("crop")
        exact = Crop(
            name=name,
            inputs=(edge,),
            output=name,
            top=top,
            left=left,
            height=bottom - top,
            width=right - left,
        )
        if blocks:
            reader.insert(exact)
            edge = name
        else:
            reader.add(node, exact, order)
            return
    if blocks:
        _block(reader, node.output[0], edge, order, *spans["C"])
    else:
        reader.known(node.output[0], edge, order)


def _block(reader: Reader, tensor: str, edge: str, order: str, start: int, stop: int) -> None:
    name = reader.name("split")
    reader.insert(Split(name=name, inputs=(edge,), output=name, start=start, stop=stop))
    reader.known(tensor, name, order)


def _limits(x: Edge, order: str) -> dict[str, int]:
    letters = [letter for letter in ("H", "W", "C") if letter in order]
    return dict(zip(letters, np.array(x.shape).tolist(), strict=True))


# (coordinates, rounding) under which doubling repeats every pixel twice
REPEATING = {
    ("asymmetric", "floor"),
    ("asymmetric", "round_prefer_floor"),
    ("half_pixel", "round_prefer_floor"),
    ("half_pixel", "round_prefer_ceil"),
    ("pytorch_half_pixel", "round_prefer_floor"),
    ("pytorch_half_pixel", "round_prefer_ceil"),
}
HALF_PIXEL = ("half_pixel", "pytorch_half_pixel")


def resize(reader: Reader, node: onnx.NodeProto) -> None:
    """Enlargement of an image by two, nearest or bilinear with half-pixel centres."""
    edge, order = reader.place(node)
    settings = attributes(node)
    x = reader.edges[edge]
    given = reader.constants.get(node.input[2]) if len(node.input) > 2 else None
    factors = {} if given is None else dict(zip(order, given.tolist(), strict=False))
    sizes = dict(zip(order, reader.numbers(node, 3), strict=False))
    limits = _limits(x, order)
    factors |= {k: sizes[k] / limits[k] for k in limits if k in sizes}
    if len(order) != 4 or [factors.get(k, 1.0) for k in "HWC"] != [2.0, 2.0, 1.0]:
        raise reader.refuse(node, "does not double rows and columns; only that is known")
    mode = settings.get("mode", b"nearest").decode()
    coordinates = settings.get("coordinate_transformation_mode", b"half_pixel").decode()
    rounding = settings.get("nearest_mode", b"round_prefer_floor").decode()
    kind: type[Nearest] | type[Bilinear]
    if mode == "nearest" and (coordinates, rounding) in REPEATING:
        kind = Nearest
    elif mode == "linear" and coordinates in HALF_PIXEL and not settings.get("antialias", 0):
        kind = Bilinear
    else:
        raise reader.refuse(
            node,
            f"resizes with {mode}, {coordinates}, {rounding}; known are nearest that repeats "
            "pixels and linear with half-pixel centres",
        )
    name = reader.name(kind.op)
    reader.add(node, kind(name=name, inputs=(edge,), output=name), order)
