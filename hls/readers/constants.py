"""What depends on constants alone is computed while reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from qonnx.custom_op.general.quant import quant

from trigforge.hls.readers.reader import Reader, attributes, scale_fraction

# Moving values around keeps their grid.
MOVES = ("Transpose", "Reshape", "Flatten", "Identity", "Unsqueeze", "Squeeze", "Slice")
RANDOM = ("Random", "Multinomial", "Bernoulli")
LARGEST = 1 << 28


def fold(reader: Reader, node: onnx.NodeProto, opset: int) -> None:
    """Compute a node all of whose inputs are constants.

    Raises:
        UnsupportedError: it draws random numbers or holds graphs of its own.
    """
    output = node.output[0]
    if node.op_type == "Quant":
        value, scale, zero, bits = (reader.constants[name] for name in node.input)
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
        reader.fractions[output] = scale_fraction(reader, node, scale)
        reader.constants[output] = folded
    elif node.op_type == "BipolarQuant":
        value, scale = (reader.constants[name].astype(np.float64) for name in node.input)
        reader.fractions[output] = scale_fraction(reader, node, scale)
        reader.constants[output] = np.where(value >= 0, scale, -scale)
    elif node.op_type == "DequantizeLinear":
        dequantise(reader, node)
    else:
        _evaluate(reader, node, opset)
        # moving values around keeps their grid
        source = node.input[0] if node.input else ""
        if node.op_type in MOVES and source in reader.fractions:
            reader.fractions[output] = reader.fractions[source]


def dequantise(reader: Reader, node: onnx.NodeProto) -> None:
    """Integer weights and biases with a scale, per tensor or per channel."""
    value, scale = (reader.constants[name] for name in node.input[:2])
    has_zero = len(node.input) > 2 and node.input[2]
    zero = reader.constants[node.input[2]] if has_zero else np.zeros(1, np.int64)
    shape = [1] * value.ndim
    if scale.size > 1:
        axis = attributes(node).get("axis", 1) % max(value.ndim, 1)
        shape[axis] = scale.size
    scales, zeros = (
        a.astype(np.float64).reshape(shape if a.size > 1 else [1] * value.ndim)
        for a in (scale, zero)
    )
    reader.fractions[node.output[0]] = scale_fraction(reader, node, scale)
    reader.constants[node.output[0]] = (value.astype(np.float64) - zeros) * scales


def _evaluate(reader: Reader, node: onnx.NodeProto, opset: int) -> None:
    graphs = any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute)
    if graphs or node.op_type.startswith(RANDOM) or node.domain not in ("", "ai.onnx"):
        raise reader.refuse(node, f"operation {node.op_type} makes no constant that can be known")
    feeds = {name: reader.constants[name] for name in node.input if name}
    if sum(value.nbytes for value in feeds.values()) > LARGEST:
        raise reader.refuse(node, "computes with constants of more than 256 MiB")
    inner = onnx.helper.make_graph(
        [node],
        "constant",
        [_info(name, value) for name, value in feeds.items()],
        [onnx.helper.make_empty_tensor_value_info(name) for name in node.output],
    )
    model = onnx.helper.make_model(inner, opset_imports=[onnx.helper.make_opsetid("", opset)])
    for name, value in zip(node.output, ReferenceEvaluator(model).run(None, feeds), strict=True):
        reader.constants[name] = np.asarray(value)


def _info(name: str, value: NDArray[Any]) -> onnx.ValueInfoProto:
    kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.helper.make_tensor_value_info(name, kind, value.shape)
