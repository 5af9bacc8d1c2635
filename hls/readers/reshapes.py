"""Reshapes: images to vectors and back, other orders of axes, and tensors passed on as they are."""

from __future__ import annotations

import math

import numpy as np
import onnx

from trigforge.hls.ops import Flatten, Unflatten
from trigforge.hls.readers.orders import flattened, is_vector
from trigforge.hls.readers.reader import Reader, attributes


def identity(reader: Reader, node: onnx.NodeProto) -> None:
    """Identity, Dropout in evaluation mode, Cast to a floating type."""
    if node.op_type == "Cast" and attributes(node)["to"] not in (
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.DOUBLE,
    ):
        raise reader.refuse(node, "casts to integers; quantise instead")
    for memory in (reader.pending, reader.codes):
        if node.input[0] in memory:
            memory[node.output[0]] = memory[node.input[0]]
            return
    if node.input[0] in reader.unread:
        raise reader.refuse(
            node,
            f"reads the input {node.input[0]}, whose grid is not known; put a quantiser on it or "
            "state its format, as in --input 'fixed<8,1>'",
        )
    reader.known(node.output[0], *reader.place(node))


def shape(reader: Reader, node: onnx.NodeProto) -> None:
    """The sizes of a tensor, for one event, as a constant."""
    name = node.input[0]
    if name in reader.unread:
        sizes, order = reader.unread[name], "BCHW" if len(reader.unread[name]) == 3 else "BC"
    else:
        edge, order = reader.place(node)
        sizes = reader.edges[edge].shape
    if order == "BCHW":
        sizes = (sizes[2], *sizes[:2])
    reader.constants[node.output[0]] = np.array([1, *sizes], np.int64)


def transpose(reader: Reader, node: onnx.NodeProto) -> None:
    """Between channels first and channels last; nothing moves in the exact graph."""
    edge, order = reader.place(node)
    letters = order if order in ("BCHW", "BHWC", "BC") else "BC"
    moved = "".join(letters[axis] for axis in attributes(node)["perm"])
    if moved not in ("BCHW", "BHWC", "BC"):
        raise reader.refuse(node, f"brings the axes into the order {moved}")
    reader.known(node.output[0], edge, order if moved == "BC" else moved)


def flatten(reader: Reader, node: onnx.NodeProto) -> None:
    """Flatten, or a reshape to one vector per event or from that to an image."""
    edge, order = reader.place(node)
    x = reader.edges[edge].shape
    size = math.prod(x)
    if node.op_type == "Flatten":
        whole = attributes(node).get("axis", 1) == 1
    else:
        target = reader.sizes(node, 1, "shape")
        if len(target) == 4 and order == "BC":
            _unflatten(reader, node, edge, target)
            return
        now = [1, *((x[2], *x[:2]) if order == "BCHW" else x)]
        if len(target) == len(now) and all(
            t in (s, 0) or (t == -1 and target.count(-1) == 1)
            for t, s in zip(target, now, strict=True)
        ):
            reader.known(node.output[0], edge, order)
            return
        whole = len(target) == 2 and target[0] in (0, 1, -1) and target[1] in (size, -1)
    if not whole:
        raise reader.refuse(node, "reshapes to something else than one vector per event")
    _vector(reader, node, edge, order)


def squeeze(reader: Reader, node: onnx.NodeProto) -> None:
    """An image of one pixel becomes a vector."""
    edge, order = reader.place(node)
    axes = sorted(axis % 4 for axis in reader.sizes(node, 1, "axes"))
    if order != "BCHW" or axes != [2, 3] or reader.edges[edge].shape[:2] != (1, 1):
        raise reader.refuse(node, "drops other axes than the rows and columns of a single pixel")
    _vector(reader, node, edge, order)


def _vector(reader: Reader, node: onnx.NodeProto, edge: str, order: str) -> None:
    if is_vector(order):
        reader.known(node.output[0], edge, order)
        return
    shape = reader.edges[edge].shape
    if len(shape) != 3:
        raise reader.refuse(node, f"flattens the axes {order}")
    name = reader.name("flatten")
    order = flattened(shape) if order == "BCHW" else "BC"
    reader.add(node, Flatten(name=name, inputs=(edge,), output=name), order)


def _unflatten(reader: Reader, node: onnx.NodeProto, edge: str, target: list[int]) -> None:
    """A vector becomes an image, channels slowest."""
    size = reader.edges[edge].shape[0]
    sizes = target[1:]
    known = int(np.prod([s for s in sizes if s > 0]))
    sizes = [size // known if s == -1 else s for s in sizes]
    if target[0] not in (0, 1, -1) or min(sizes) < 1 or int(np.prod(sizes)) != size:
        raise reader.refuse(node, f"reshapes a vector of {size} to {target}")
    name = reader.name("unflatten")
    channels, height, width = sizes
    exact = Unflatten(
        name=name, inputs=(edge,), output=name, height=height, width=width, channels=channels
    )
    reader.add(node, exact, "BCHW")
