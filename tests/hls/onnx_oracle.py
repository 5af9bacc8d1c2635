"""Every operation that ONNX has, executed by ONNX's reference evaluator in float64.

Values, not integers, go in and come out; batched and channels-last as in the exact graph. Nothing
here shares code with the product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    Flatten,
    Highest,
    LeakyRelu,
    Lookup,
    MaxPool,
    Mul,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Split,
    Sub,
    Thresholds,
    Tile,
    Total,
    Unflatten,
)

Values = NDArray[np.float64]

KINDS = {
    np.dtype(np.float64): TensorProto.DOUBLE,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.bool_): TensorProto.BOOL,
}
OPSET = 18


def run(graph: Graph, x: Values) -> Values | None:
    """The graph's only output for (N, ...) values; ``None`` where ONNX lacks an operation."""
    values = {next(iter(graph.inputs)): x}
    for node in graph.nodes:
        found = apply(node, [values[n] for n in node.inputs], graph.node_inputs(node))
        if found is None:
            return None
        values[node.output] = found
    return values[graph.outputs[0]]


def apply(node: Node, inputs: list[Values], edges: tuple[Edge, ...]) -> Values | None:
    """One operation; ``None`` where ONNX has none."""
    x = inputs[0]
    match node:
        case Add() | Sub() | Mul():
            return call(type(node).__name__, *inputs)
        case Concat():
            return call("Concat", *inputs, axis=-1)
        case Append():
            grid = node.constant * 2.0**-node.constant_fraction
            constant = call("Expand", grid[None], ints(len(x), *grid.shape))
            return call("Concat", x, constant, axis=-1)
        case Split():
            return call("Slice", x, ints(node.start), ints(node.stop), ints(-1))
        case Crop():
            ends = ints(node.top + node.height, node.left + node.width)
            return call("Slice", x, ints(node.top, node.left), ends, ints(1, 2))
        case Flatten():
            return call("Reshape", x, ints(len(x), -1))
        case Unflatten():
            shape = ints(len(x), node.channels, node.height, node.width)
            return last(call("Reshape", x, shape))
        case Tile():
            shape = ints(len(x), node.height, node.width, x.shape[1])
            return call("Expand", x[:, None, None], shape)
        case Conv() | ConvTranspose():
            return _convolution(node, x)
        case Dense():
            weight, bias = parameters(node)
            return call("Add", call("MatMul", x, weight), bias)
        case MaxPool():
            attributes = {"kernel_shape": node.kernel, "strides": node.strides, "pads": node.pads}
            return last(call("MaxPool", first(x), **attributes))
        case LeakyRelu():
            return call("LeakyRelu", x, alpha=node.slope * 2.0**-node.slope_fraction)
        case Prelu():
            return call("PRelu", x, node.slopes * 2.0**-node.slope_fraction)
        case Scale():
            product = call("Mul", x, node.factor * 2.0**-node.factor_fraction)
            return call("Add", product, node.offset * 2.0**-node.offset_fraction)
        case Quantise():
            unit = np.array(2.0**node.format.fraction)
            kind = "Floor" if node.rounding == "floor" else "Round"
            low, high = (np.array(float(bound)) for bound in node.bounds)
            return call("Div", call("Clip", call(kind, call("Mul", x, unit)), low, high), unit)
        case Thresholds():
            levels = node.thresholds * 2.0 ** -edges[0].fraction
            above = call("GreaterOrEqual", x[..., None], levels)
            counts = call("ReduceSum", call("Cast", above, to=TensorProto.DOUBLE), ints(-1))
            y = call("Add", call("Mul", counts[..., 0], node.step.astype(float)), node.first * 1.0)
            return call("Mul", y, np.array(2.0**-node.format.fraction))
        case Lookup():
            unit = 2.0 ** edges[0].fraction
            index = call("Cast", call("Mul", x, np.array(unit)), to=TensorProto.INT64)
            index = call("Sub", index, np.array(edges[0].format.min_int))
            return call("Gather", node.entries * 2.0**-node.format.fraction, index)
        case Nearest():
            options = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            return _resize(x, "nearest", options)
        case Bilinear():
            return _resize(x, "linear", {"coordinate_transformation_mode": "half_pixel"})
        case Total():
            axes = range(1, x.ndim) if node.channels else range(1, x.ndim - 1)
            return call("Reshape", call("ReduceSum", x, ints(*axes)), ints(len(x), -1))
        case Highest():
            return call("ReduceMax", x, ints(1))
    return None


def _convolution(node: Conv | ConvTranspose, x: Values) -> Values:
    weight, bias = parameters(node)
    attributes: dict[str, Any] = {"kernel_shape": weight.shape[:2], "pads": node.pads}
    if isinstance(node, ConvTranspose):
        y = call("ConvTranspose", first(x), weight.transpose(2, 3, 0, 1), bias, **attributes)
    else:
        attributes |= {"strides": node.strides, "group": node.groups}
        y = call("Conv", first(x), weight.transpose(3, 2, 0, 1), bias, **attributes)
    return last(y)


def _resize(x: Values, mode: str, options: dict[str, str]) -> Values:
    events, height, width, channels = x.shape
    sizes = ints(events, channels, 2 * height, 2 * width)
    return last(call("Resize", first(x), None, None, sizes, mode=mode, **options))


def parameters(node: Conv | ConvTranspose | Dense) -> tuple[Values, Values]:
    """Weights and biases as values."""
    return node.weight * 2.0**-node.weight_fraction, node.bias * 2.0**-node.bias_fraction


def ints(*values: int) -> NDArray[np.int64]:
    """A list of axes, sizes or positions."""
    return np.array(values, np.int64)


def first(x: Values) -> Values:
    """Channels first."""
    return call("Transpose", x, perm=[0, 3, 1, 2])


def last(x: Values) -> Values:
    """Channels last."""
    return call("Transpose", x, perm=[0, 2, 3, 1])


def call(kind: str, *inputs: NDArray[Any] | None, **attributes: Any) -> NDArray[Any]:
    """One ONNX operator on arrays; ``None`` is an input left out."""
    names = ["" if value is None else f"i{index}" for index, value in enumerate(inputs)]
    given = {name: value for name, value in zip(names, inputs, strict=True) if value is not None}
    node = helper.make_node(kind, names, ["y"], **attributes)
    described = [
        helper.make_tensor_value_info(name, KINDS[value.dtype], value.shape)
        for name, value in given.items()
    ]
    result = helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)
    graph = helper.make_graph([node], "one", described, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    (found,) = ReferenceEvaluator(model).run(None, given)
    return np.asarray(found)
