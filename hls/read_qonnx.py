"""From a QONNX file to the exact graph, or one sentence about why it cannot be exact.

The file is read as exported: no clean-up pass has to run first. Everything that depends on
constants alone is folded on the way, with onnx's reference evaluator and qonnx's own quantiser.
Images leave ONNX's (B, C, H, W) here and are (H, W, C) from then on. The nodes themselves are read
in ``hls/readers/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from trigforge.hls.graph import Graph
from trigforge.hls.readers import elementwise, geometry, layers, quantisers, sums
from trigforge.hls.readers.reader import Reader, Tensor
from trigforge.train.errors import InputError, UnsupportedError


@dataclass(frozen=True)
class QonnxGraph:
    """An exact graph that is not yet lowered, edge by edge comparable with its ONNX file."""

    graph: Graph
    tensors: Mapping[str, Tensor]


READERS: dict[str, Callable[[Reader, onnx.NodeProto], None]] = {
    "Add": elementwise.add,
    "BatchNormalization": elementwise.batch_normalization,
    "Concat": geometry.concat,
    "Conv": layers.conv,
    "ConvTranspose": layers.conv_transpose,
    "Flatten": layers.flatten,
    "Gemm": layers.gemm,
    "LeakyRelu": layers.leaky_relu,
    "MatMul": layers.matmul,
    "MaxPool": layers.max_pool,
    "Mul": elementwise.mul,
    "PRelu": elementwise.prelu,
    "Pad": layers.pad,
    "Quant": quantisers.quantise,
    "ReduceSum": sums.reduce_sum,
    "Relu": layers.leaky_relu,
    "Reshape": layers.flatten,
    "Resize": geometry.resize,
    "Slice": geometry.slice_,
    "Split": geometry.split,
    "Sub": elementwise.sub,
    "Transpose": layers.transpose,
}


def read_qonnx(path: Path) -> QonnxGraph:
    """Read a QONNX file.

    Raises:
        InputError: the file is missing or not ONNX.
        UnsupportedError: a node cannot be made exact; the message names it and the way out.
    """
    model = _load(path)
    reader = Reader(path, {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer})
    names = {i.name for i in model.graph.input} - reader.constants.keys()
    shapes = {i.name: _shape(i, path) for i in model.graph.input if i.name in names}
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 17)
    for node in model.graph.node:
        if node.op_type == "Quant" and node.input[0] in shapes:
            quantisers.graph_input(reader, node, shapes[node.input[0]])
        elif all(name in reader.constants for name in node.input if name):
            quantisers.fold(reader, node, opset)
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
    graph = Graph(path.stem, reader.inputs, tuple(reader.nodes), tuple(outputs), reader.edges)
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
