"""Quantisers, at the input, on activations and on constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from qonnx.custom_op.general.quant import quant

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge
from trigforge.hls.ops import Quantise
from trigforge.hls.readers.reader import Reader, attributes


def quantiser(reader: Reader, node: onnx.NodeProto) -> tuple[Format, bool, str]:
    """Format, narrowness and rounding mode of a Quant node with a scalar power-of-two scale."""
    scale, zero, bits = (reader.constants[name] for name in node.input[1:4])
    settings = attributes(node)
    if scale.size != 1:
        raise reader.refuse(node, "has a scale per channel; use one scale per tensor")
    fraction = _fraction(reader, node, scale)
    if np.any(zero):
        raise reader.refuse(node, f"has the zero point {zero.flat[0]}; use a symmetric quantiser")
    width = int(bits.flat[0])
    if width != bits.flat[0] or bits.size != 1:
        raise reader.refuse(node, f"has the bit width {bits.flat[0]}; use one whole number")
    fmt = Format(width, width - fraction, bool(settings.get("signed", 1)))
    mode = settings.get("rounding_mode", b"ROUND").decode()
    return fmt, bool(settings.get("narrow", 0)), mode


def _fraction(reader: Reader, node: onnx.NodeProto, scale: NDArray[Any]) -> int:
    exponents = np.log2(scale.astype(np.float64)).ravel()
    if not np.all(exponents == np.rint(exponents)):
        raise reader.refuse(
            node, f"has the scale {float(scale.flat[0]):.6g}, which is not a power of two"
        )
    return -int(exponents.min())


def graph_input(reader: Reader, node: onnx.NodeProto, shape: tuple[int, ...]) -> None:
    """The quantiser of a graph input says which grid the input lies on."""
    fmt, _, _ = quantiser(reader, node)
    name = node.input[0]
    sizes = shape[1:]
    if len(sizes) == 3:
        sizes, order = (sizes[1], sizes[2], sizes[0]), "BCHW"
    elif len(sizes) == 1:
        order = "BC"
    else:
        raise reader.refuse(node, f"input has the shape {shape}, expected an image or a vector")
    if name not in reader.inputs:
        reader.inputs[name] = reader.edges[name] = Edge.full(sizes, fmt)
        reader.known(name, name, order)
    elif reader.inputs[name].format != fmt:
        raise reader.refuse(node, f"quantises {name} a second time, in another format")
    reader.known(node.output[0], name, order)


def quantise(reader: Reader, node: onnx.NodeProto) -> None:
    """A truncating quantiser of an activation."""
    edge, order = reader.place(node)
    fmt, narrow, mode = quantiser(reader, node)
    if mode != "FLOOR":
        raise reader.refuse(node, f"rounds with {mode}; activations truncate (FLOOR)")
    name = reader.name("quant")
    exact = Quantise(name=name, inputs=(edge,), output=name, format=fmt, narrow=narrow)
    reader.add(node, exact, order)


def fold(reader: Reader, node: onnx.NodeProto, opset: int) -> None:
    """Compute a node all of whose inputs are constants."""
    inputs = [reader.constants[name] for name in node.input if name]
    if node.op_type == "Quant":
        value, scale, zero, bits = inputs
        settings = attributes(node)
        folded = quant(
            value.astype(np.float64),
            scale.astype(np.float64),
            zero.astype(np.float64),
            bits.astype(np.float64),
            signed=settings.get("signed", 1),
            narrow=settings.get("narrow", 0),
            rounding_mode=settings.get("rounding_mode", b"ROUND").decode(),
        )
        reader.fractions[node.output[0]] = _fraction(reader, node, scale)
        reader.constants[node.output[0]] = folded
        return
    feeds = {name: reader.constants[name] for name in node.input if name}
    inner = onnx.helper.make_graph(
        [node],
        "constant",
        [_info(name, value) for name, value in feeds.items()],
        [onnx.helper.make_empty_tensor_value_info(name) for name in node.output],
    )
    model = onnx.helper.make_model(inner, opset_imports=[onnx.helper.make_opsetid("", opset)])
    for name, value in zip(node.output, ReferenceEvaluator(model).run(None, feeds), strict=True):
        reader.constants[name] = np.asarray(value)
    # moving values around keeps their grid
    if node.op_type in ("Transpose", "Reshape", "Flatten", "Identity"):
        source = node.input[0]
        if source in reader.fractions:
            reader.fractions[node.output[0]] = reader.fractions[source]


def _info(name: str, value: NDArray[Any]) -> onnx.ValueInfoProto:
    kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.helper.make_tensor_value_info(name, kind, value.shape)
