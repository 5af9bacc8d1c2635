"""From a QONNX file to the exact graph, or one sentence about why it cannot be exact.

The file is read as exported: no clean-up pass has to run first. Everything that depends on
constants alone is folded on the way, with onnx's reference evaluator and qonnx's own quantiser.
Images leave ONNX's (B, C, H, W) here and are (H, W, C) from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from qonnx.custom_op.general.quant import quant

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Ints, Node
from trigforge.hls.ops import Conv, Dense, Flatten, LeakyRelu, MaxPool, Quantise
from trigforge.train.errors import InputError, UnsupportedError

Values = NDArray[np.float64]

# Finest grid for slopes; a slope needs this many bits or it is refused rather than rounded.
SLOPE_FRACTION = 12


@dataclass(frozen=True)
class Tensor:
    """Where an edge of the exact graph lives in the ONNX file.

    Attributes:
        name: of the ONNX tensor.
        order: axes of the ONNX tensor as letters, ``BCHW``, ``BHWC`` or ``BC``; the exact graph's
            edge has the order ``BHWC`` or ``BC``.
    """

    name: str
    order: str


@dataclass(frozen=True)
class QonnxGraph:
    """An exact graph that is not yet lowered, edge by edge comparable with its ONNX file."""

    graph: Graph
    tensors: Mapping[str, Tensor]


@dataclass
class _Reader:
    path: Path
    constants: dict[str, NDArray[Any]]
    # fractions of constants that came out of a quantiser
    fractions: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, Edge] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    # ONNX tensor -> (edge, order of axes)
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    # ONNX tensor -> pads of minus infinity that the next max-pool takes over
    frames: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def refuse(self, node: onnx.NodeProto, reason: str) -> UnsupportedError:
        """The error for a node that cannot be exact."""
        return UnsupportedError(f"{self.path}: node {node.name or node.output[0]}: {reason}")

    def name(self, kind: str) -> str:
        """``conv1``, ``conv2`` and so on; the first dense layer and flattening have no number."""
        self.counts[kind] = count = self.counts.get(kind, 0) + 1
        return kind if count == 1 and kind in ("dense", "flatten") else f"{kind}{count}"

    def place(self, node: onnx.NodeProto) -> tuple[str, str]:
        """Edge and axis order of a node's first input."""
        name = node.input[0]
        if name in self.frames:
            raise self.refuse(node, "reads an image framed with minus infinity; only MaxPool may")
        if name not in self.places:
            raise self.refuse(
                node,
                f"reads {name}, which is not on a grid; put a Quant node on every input",
            )
        return self.places[name]

    def add(self, node: onnx.NodeProto, exact: Node, order: str) -> None:
        """Append a node of the exact graph."""
        self.nodes.append(exact)
        self.known(node.output[0], exact.output, order)

    def known(self, tensor: str, edge: str, order: str) -> None:
        """Remember where an ONNX tensor went."""
        self.places[tensor] = (edge, order)
        self.tensors.setdefault(edge, Tensor(tensor, order))

    def integers(self, node: onnx.NodeProto, index: int) -> tuple[Ints, int]:
        """Integers and grid of a constant input."""
        name = node.input[index]
        if name not in self.constants:
            raise self.refuse(node, f"input {name} is computed; weights must be constants")
        if name not in self.fractions:
            raise self.refuse(
                node, f"{name} is floating point; quantise it with a power-of-two scale"
            )
        fraction = self.fractions[name]
        scaled = self.constants[name].astype(np.float64) * 2.0**fraction
        return np.rint(scaled).astype(np.int64), fraction


def read_qonnx(path: Path) -> QonnxGraph:
    """Read a QONNX file.

    Raises:
        InputError: the file is missing or not ONNX.
        UnsupportedError: a node cannot be made exact; the message names it and the way out.
    """
    model = _load(path)
    reader = _Reader(path, {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer})
    names = {i.name for i in model.graph.input} - reader.constants.keys()
    shapes = {i.name: _shape(i, path) for i in model.graph.input if i.name in names}
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 17)
    for node in model.graph.node:
        if node.op_type == "Quant" and node.input[0] in shapes:
            _input(reader, node, shapes[node.input[0]])
        elif all(name in reader.constants for name in node.input if name):
            _fold(reader, node, opset)
        elif node.op_type in READERS:
            READERS[node.op_type](reader, node)
        else:
            raise reader.refuse(
                node,
                f"operation {node.op_type} has no exact form; known are {', '.join(READERS)}",
            )
    outputs = []
    for output in model.graph.output:
        if output.name not in reader.places:
            raise UnsupportedError(f"{path}: output {output.name} is not computed from the input")
        outputs.append(reader.places[output.name][0])
    graph = Graph.build(path.stem, reader.inputs, reader.nodes, outputs)
    return QonnxGraph(graph, reader.tensors)


def _load(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:
        raise InputError(f"{path}: not a readable ONNX file ({type(error).__name__})") from None


def _shape(value: onnx.ValueInfoProto, path: Path) -> tuple[int, ...]:
    sizes = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
    if not sizes or any(size < 1 for size in sizes[1:]):
        raise UnsupportedError(
            f"{path}: input {value.name} has the shape {sizes}; export it with fixed sizes"
        )
    return sizes


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _quantiser(reader: _Reader, node: onnx.NodeProto) -> tuple[Format, bool, str]:
    """Format, narrowness and rounding mode of a Quant node with a scalar power-of-two scale."""
    scale, zero, bits = (reader.constants[name] for name in node.input[1:4])
    attributes = _attributes(node)
    if scale.size != 1:
        raise reader.refuse(node, "has a scale per channel; use one scale per tensor")
    fraction = _fraction(reader, node, scale)
    if np.any(zero):
        raise reader.refuse(node, f"has the zero point {zero.flat[0]}; use a symmetric quantiser")
    width = int(bits.flat[0])
    if width != bits.flat[0] or bits.size != 1:
        raise reader.refuse(node, f"has the bit width {bits.flat[0]}; use one whole number")
    fmt = Format(width, width - fraction, bool(attributes.get("signed", 1)))
    mode = attributes.get("rounding_mode", b"ROUND").decode()
    return fmt, bool(attributes.get("narrow", 0)), mode


def _fraction(reader: _Reader, node: onnx.NodeProto, scale: NDArray[Any]) -> int:
    exponents = np.log2(scale.astype(np.float64)).ravel()
    if not np.all(exponents == np.rint(exponents)):
        raise reader.refuse(
            node, f"has the scale {float(scale.flat[0]):.6g}, which is not a power of two"
        )
    return -int(exponents.min())


def _fold(reader: _Reader, node: onnx.NodeProto, opset: int) -> None:
    """Compute a node all of whose inputs are constants."""
    inputs = [reader.constants[name] for name in node.input if name]
    if node.op_type == "Quant":
        value, scale, zero, bits = inputs
        attributes = _attributes(node)
        folded = quant(
            value.astype(np.float64),
            scale.astype(np.float64),
            zero.astype(np.float64),
            bits.astype(np.float64),
            signed=attributes.get("signed", 1),
            narrow=attributes.get("narrow", 0),
            rounding_mode=attributes.get("rounding_mode", b"ROUND").decode(),
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


def _input(reader: _Reader, node: onnx.NodeProto, shape: tuple[int, ...]) -> None:
    fmt, _, _ = _quantiser(reader, node)
    name = node.input[0]
    sizes = shape[1:]
    if len(sizes) == 3:
        sizes, order = (sizes[1], sizes[2], sizes[0]), "BCHW"
    elif len(sizes) == 1:
        order = "BC"
    else:
        raise reader.refuse(node, f"input has the shape {shape}, expected an image or a vector")
    if name not in reader.inputs:
        reader.inputs[name] = Edge.full(sizes, fmt)
        reader.known(name, name, order)
    elif reader.inputs[name].format != fmt:
        raise reader.refuse(node, f"quantises {name} a second time, in another format")
    reader.known(node.output[0], name, order)


def _quant(reader: _Reader, node: onnx.NodeProto) -> None:
    edge, order = reader.place(node)
    fmt, narrow, mode = _quantiser(reader, node)
    if mode != "FLOOR":
        raise reader.refuse(node, f"rounds with {mode}; activations truncate (FLOOR)")
    name = reader.name("quant")
    exact = Quantise(name=name, inputs=(edge,), output=name, format=fmt, narrow=narrow)
    reader.add(node, exact, order)


def _conv(reader: _Reader, node: onnx.NodeProto) -> None:
    edge, order = reader.place(node)
    attributes = _attributes(node)
    weight, weight_fraction = reader.integers(node, 1)
    if order != "BCHW" or weight.ndim != 4:
        raise reader.refuse(node, "is not a two-dimensional convolution on (B, C, H, W)")
    if any(d != 1 for d in attributes.get("dilations", [1, 1])):
        raise reader.refuse(node, "is dilated; only dilation 1 is known")
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise reader.refuse(node, "pads automatically; export explicit pads")
    if len(node.input) > 2:
        bias, bias_fraction = reader.integers(node, 2)
    else:
        bias, bias_fraction = np.zeros(weight.shape[0], np.int64), 0
    name = reader.name("conv")
    exact = Conv(
        name=name,
        inputs=(edge,),
        output=name,
        weight=weight.transpose(2, 3, 1, 0),
        bias=bias,
        weight_fraction=weight_fraction,
        bias_fraction=bias_fraction,
        strides=_pair(attributes.get("strides", [1, 1])),
        pads=_frame(attributes.get("pads", [0, 0, 0, 0])),
        groups=attributes.get("group", 1),
    )
    reader.add(node, exact, order)


def _gemm(reader: _Reader, node: onnx.NodeProto) -> None:
    edge, order = reader.place(node)
    attributes = _attributes(node)
    scales = [attributes.get(key, 1.0) for key in ("alpha", "beta")]
    if order != "BC" or attributes.get("transA", 0) or scales != [1.0, 1.0]:
        raise reader.refuse(node, "is not a plain dense layer (alpha = beta = 1, no transA)")
    weight, weight_fraction = reader.integers(node, 1)
    if attributes.get("transB", 0):
        weight = weight.T
    if len(node.input) > 2:
        bias, bias_fraction = reader.integers(node, 2)
    else:
        bias, bias_fraction = np.zeros(weight.shape[1], np.int64), 0
    name = reader.name("dense")
    exact = Dense(
        name=name,
        inputs=(edge,),
        output=name,
        weight=np.ascontiguousarray(weight),
        bias=bias.reshape(-1),
        weight_fraction=weight_fraction,
        bias_fraction=bias_fraction,
    )
    reader.add(node, exact, order)


def _leaky_relu(reader: _Reader, node: onnx.NodeProto) -> None:
    edge, order = reader.place(node)
    slope = _attributes(node).get("alpha", 0.01) if node.op_type == "LeakyRelu" else 0.0
    scaled = float(slope) * 2**SLOPE_FRACTION
    if scaled != int(scaled):
        raise reader.refuse(
            node,
            f"has the slope {slope:.6g}, which is not a multiple of 2^-{SLOPE_FRACTION}; "
            "train with a slope such as 0.25 or 0.1875",
        )
    integer, fraction = int(scaled), SLOPE_FRACTION
    while fraction and integer % 2 == 0:
        integer, fraction = integer // 2, fraction - 1
    name = reader.name("leaky")
    exact = LeakyRelu(
        name=name, inputs=(edge,), output=name, slope=integer, slope_fraction=fraction
    )
    reader.add(node, exact, order)


def _pad(reader: _Reader, node: onnx.NodeProto) -> None:
    edge, order = reader.place(node)
    pads = reader.constants.get(node.input[1]) if len(node.input) > 1 else None
    fill = reader.constants.get(node.input[2]) if len(node.input) > 2 else np.zeros(1)
    if order != "BCHW" or pads is None or len(pads) != 8 or np.any(pads[[0, 1, 4, 5]]):
        raise reader.refuse(node, "pads something else than rows and columns of an image")
    if fill is None or not np.all(np.isneginf(fill)):
        raise reader.refuse(
            node, "pads with another value than minus infinity; give convolutions their own pads"
        )
    reader.frames[node.output[0]] = (int(pads[2]), int(pads[3]), int(pads[6]), int(pads[7]))
    reader.places[node.output[0]] = (edge, order)


def _max_pool(reader: _Reader, node: onnx.NodeProto) -> None:
    frame = reader.frames.pop(node.input[0], (0, 0, 0, 0))
    edge, order = reader.place(node)
    attributes = _attributes(node)
    if order != "BCHW" or len(attributes["kernel_shape"]) != 2:
        raise reader.refuse(node, "is not a two-dimensional pool on (B, C, H, W)")
    if attributes.get("ceil_mode", 0) or any(d != 1 for d in attributes.get("dilations", [1, 1])):
        raise reader.refuse(node, "uses ceil_mode or dilations; export explicit pads instead")
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise reader.refuse(node, "pads automatically; export explicit pads")
    own = _frame(attributes.get("pads", [0, 0, 0, 0]))
    top, left, bottom, right = (a + b for a, b in zip(frame, own, strict=True))
    name = reader.name("pool")
    exact = MaxPool(
        name=name,
        inputs=(edge,),
        output=name,
        kernel=_pair(attributes["kernel_shape"]),
        strides=_pair(attributes.get("strides", [1, 1])),
        pads=(top, left, bottom, right),
    )
    reader.add(node, exact, order)


def _transpose(reader: _Reader, node: onnx.NodeProto) -> None:
    edge, order = reader.place(node)
    order = "".join(order[axis] for axis in _attributes(node)["perm"])
    if order not in ("BCHW", "BHWC"):
        raise reader.refuse(node, f"brings the axes into the order {order}")
    reader.known(node.output[0], edge, order)


def _flatten(reader: _Reader, node: onnx.NodeProto) -> None:
    edge, order = reader.place(node)
    if node.op_type == "Flatten":
        whole = _attributes(node).get("axis", 1) == 1
    else:
        target = reader.constants.get(node.input[1], np.zeros(0))
        whole = len(target) == 2 and (target[1] == -1 or target[0] in (1, -1))
    if not whole:
        raise reader.refuse(node, "reshapes to something else than one vector per event")
    if order == "BC":
        reader.known(node.output[0], edge, order)
        return
    if order != "BHWC":
        raise reader.refuse(
            node, "flattens (C, H, W); transpose to (H, W, C) first, as pixels stream"
        )
    name = reader.name("flatten")
    reader.add(node, Flatten(name=name, inputs=(edge,), output=name), "BC")


READERS: dict[str, Callable[[_Reader, onnx.NodeProto], None]] = {
    "Conv": _conv,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "LeakyRelu": _leaky_relu,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "Quant": _quant,
    "Relu": _leaky_relu,
    "Reshape": _flatten,
    "Transpose": _transpose,
}


def _pair(values: Any) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)


def _frame(values: Any) -> tuple[int, int, int, int]:
    top, left, bottom, right = values
    return int(top), int(left), int(bottom), int(right)
