"""The local functions of our own exports: normalisations in integers and tables."""

from __future__ import annotations

import math

import numpy as np
import onnx

from trigforge.hls.formats import Format
from trigforge.hls.ops import InstanceNorm, Lookup, Sphere
from trigforge.hls.readers.reader import Reader, attributes
from trigforge.quantize import functions


def check_functions(reader: Reader, model: onnx.ModelProto) -> None:
    """Refuse local functions whose body is not the one that the exact graph has an operation for.

    Raises:
        UnsupportedError: a function of another domain or with another body.
    """
    for function in model.functions:
        if not functions.is_known(function):
            raise reader.refuse(
                onnx.NodeProto(name=function.name),
                f"the local function {function.domain}.{function.name} is not one of "
                f"{', '.join(functions.NAMES)} as trigforge exports them; inline it "
                "(onnx.inliner) or export again",
            )
    bodies = {function.name for function in model.functions}
    for node in model.graph.node:
        if node.domain == functions.DOMAIN and node.op_type not in bodies:
            raise reader.refuse(node, f"the file has no function {node.op_type}; export again")


def instance_norm(reader: Reader, node: onnx.NodeProto) -> None:
    """The local function InstanceNorm."""
    edge, order = _source(reader, node)
    if order != "BCHW":
        raise reader.refuse(node, f"normalises the axes {order}, expected (B, C, H, W)")
    name = reader.name("instance_norm")
    epsilon = int(attributes(node)["epsilon"])
    exact = InstanceNorm(
        name=name, inputs=(edge,), output=name, epsilon=epsilon, format=_format(reader, node)
    )
    reader.add(node, exact, order)


def sphere(reader: Reader, node: onnx.NodeProto) -> None:
    """The local function Sphere."""
    edge, order = _source(reader, node)
    name = reader.name("sphere")
    exact = Sphere(name=name, inputs=(edge,), output=name, format=_format(reader, node))
    reader.add(node, exact, order)


def lookup(reader: Reader, node: onnx.NodeProto) -> None:
    """The local function Lookup: a table over every integer of its input's format."""
    edge, order = _source(reader, node)
    settings, source = attributes(node), reader.edges[edge].format
    entries = reader.constants.get(node.input[1])
    if entries is None or entries.dtype != np.int64:
        raise reader.refuse(node, "has a table that is not a constant of integers")
    if settings["first"] != source.min_int or entries.shape != (1 << source.width,):
        raise reader.refuse(
            node,
            f"has {entries.size} entries from {settings['first']} on; {source} needs "
            f"{1 << source.width} from {source.min_int} on",
        )
    fraction = -_exponent(reader, node, settings["out_step"])
    entries = entries.copy()  # the file's own bytes are read-only
    fmt = Format.smallest(int(entries.min()), int(entries.max()), fraction)
    name = reader.name("lookup")
    reader.add(
        node, Lookup(name=name, inputs=(edge,), output=name, entries=entries, format=fmt), order
    )


def _source(reader: Reader, node: onnx.NodeProto) -> tuple[str, str]:
    """Edge and order of the input, whose grid must be the one that the function reads."""
    edge, order = reader.place(node)
    fraction = -_exponent(reader, node, attributes(node)["in_step"])
    if reader.edges[edge].fraction != fraction:
        raise reader.refuse(
            node,
            f"reads its input on the grid 2^-{fraction}, which lies on "
            f"2^-{reader.edges[edge].fraction}",
        )
    return edge, order


def _format(reader: Reader, node: onnx.NodeProto) -> Format:
    """The output's format, which saturates at both ends."""
    settings = attributes(node)
    fraction = int(settings["fraction"])
    fmt = Format.smallest(settings["low"], settings["high"], fraction)
    if (fmt.min_int, fmt.max_int) != (settings["low"], settings["high"]):
        raise reader.refuse(
            node, f"clips to {settings['low']}..{settings['high']}, which is no format's range"
        )
    if _exponent(reader, node, settings["out_step"]) != -fraction:
        raise reader.refuse(node, f"has out_step {settings['out_step']} and fraction {fraction}")
    return fmt


def _exponent(reader: Reader, node: onnx.NodeProto, step: float) -> int:
    mantissa, exponent = math.frexp(step)
    if mantissa != 0.5:
        raise reader.refuse(node, f"has the step {step:.6g}, which is not a power of two")
    return exponent - 1
