"""From a QONNX or QCDQ file to the exact graph, or one sentence about why it cannot be exact.

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

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.onnx_file import (
    QUANTISER_DOMAINS,
    STANDARD_DOMAINS,
    input_shape,
    live_nodes,
    load_model,
    opset_version,
)
from trigforge.hls.readers import (
    constants,
    elementwise,
    functions,
    geometry,
    layers,
    local_functions,
    quantisers,
    reductions,
    reshapes,
    tiles,
)
from trigforge.hls.readers.reader import Reader, Tensor
from trigforge.quantize.functions import DOMAIN, NAMES
from trigforge.train.errors import TrigforgeError, UnsupportedError


@dataclass(frozen=True)
class QonnxGraph:
    """An exact graph that is not yet lowered, edge by edge comparable with its ONNX file.

    Attributes:
        tensors: edge -> the ONNX tensor that it is.
        output: the ONNX tensor that comes out.
        notes: what a person should know: sizes and errors of tables, ties of float32.
    """

    graph: Graph
    tensors: Mapping[str, Tensor]
    output: Tensor
    notes: tuple[str, ...] = ()


READERS: dict[str, Callable[[Reader, onnx.NodeProto], None]] = {
    "Abs": elementwise.absolute,
    "Add": elementwise.add,
    "BatchNormalization": elementwise.batch_normalization,
    "BipolarQuant": quantisers.bipolar,
    "Cast": reshapes.identity,
    "Clip": elementwise.clip,
    "Concat": geometry.concat,
    "Conv": layers.conv,
    "ConvTranspose": layers.conv_transpose,
    "DequantizeLinear": quantisers.dequantise_linear,
    "Div": elementwise.div,
    "Dropout": reshapes.identity,
    "Exp": functions.function,
    "Expand": tiles.expand,
    "Flatten": reshapes.flatten,
    "Gemm": layers.gemm,
    "Identity": reshapes.identity,
    "InstanceNorm": local_functions.instance_norm,
    "LeakyRelu": layers.leaky_relu,
    "Lookup": local_functions.lookup,
    "MatMul": layers.matmul,
    "MaxPool": layers.max_pool,
    "Mul": elementwise.mul,
    "Neg": elementwise.negate,
    "PRelu": elementwise.prelu,
    "Pad": layers.pad,
    "Pow": elementwise.power,
    "Quant": quantisers.quantise,
    "QuantizeLinear": quantisers.quantise_linear,
    "ReduceMax": reductions.reduce_max,
    "ReduceSum": reductions.reduce_sum,
    "Relu": layers.leaky_relu,
    "Reshape": reshapes.flatten,
    "Resize": geometry.resize,
    "Shape": reshapes.shape,
    "Sigmoid": functions.function,
    "Slice": geometry.slice_,
    "Softplus": functions.function,
    "Sphere": local_functions.sphere,
    "Split": geometry.split,
    "Squeeze": reshapes.squeeze,
    "Sub": elementwise.sub,
    "Tanh": functions.function,
    "Transpose": reshapes.transpose,
    "Unsqueeze": tiles.unsqueeze,
}

# What to do instead of operations that people try.
INSTEAD = {
    "AveragePool": "a depthwise convolution with equal weights, or a sum and a larger step",
    "GlobalAveragePool": "ReduceSum over rows and columns: a sum needs no division",
    "InstanceNormalization": "the quantised network's own normalisation",
    "LogSoftmax": "the logits, which are in the same order",
    "ReduceMean": "ReduceSum: a sum needs no division",
    "Softmax": "the logits, which are in the same order",
}


def read_qonnx(
    path: Path, *, input_format: Format | None = None, output: str | None = None
) -> QonnxGraph:
    """Read a QONNX or QCDQ file.

    Args:
        input_format: grid of the input, where no quantiser stands right behind it.
        output: tensor to cut the graph at; the file's only output when left out.

    Raises:
        InputError: the file is missing or not ONNX.
        UnsupportedError: a node cannot be made exact; the message names it and the way out.
    """
    model = load_model(path)
    target, nodes = live_nodes(model, path, output)
    reader = Reader(path, {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer})
    local_functions.check_functions(reader, model)
    name, shape = input_shape(model, nodes, reader.constants.keys(), path)
    if input_format is None:
        reader.unread[name] = shape
    else:
        reader.declare(name, Edge.full(shape, input_format))
    opset = opset_version(model, path)
    for node in nodes:
        try:
            _read(reader, node, opset)
        except TrigforgeError:
            raise
        except Exception as error:  # a malformed node must not end in a traceback
            raise reader.refuse(
                node,
                f"is not valid as {node.op_type} ({type(error).__name__}: {_first_line(error)}); "
                "check the file with onnx.checker",
            ) from None
    if target in reader.pending:
        raise reader.unsettled(target)
    if target not in reader.places or target in reader.frames:
        raise UnsupportedError(f"{path}: output {target} is not computed from the input")
    if not reader.nodes:
        raise UnsupportedError(f"{path}: only quantises its input; there is nothing to build")
    edge, order = reader.places[target]
    graph = Graph(path.stem, reader.inputs, tuple(reader.nodes), (edge,), reader.edges)
    return QonnxGraph(graph, reader.tensors, Tensor(target, order), tuple(reader.notes))


def _read(reader: Reader, node: onnx.NodeProto, opset: int) -> None:
    if node.domain not in _domains(node.op_type):
        raise reader.refuse(
            node,
            f"operation {node.op_type} of the domain {node.domain!r} has no exact form, only that "
            f"of {' or '.join(map(repr, _domains(node.op_type)))}",
        )
    if all(name in reader.constants for name in node.input if name):
        constants.fold(reader, node, opset)
    elif node.op_type in READERS:
        READERS[node.op_type](reader, node)
    else:
        advice = f"use {INSTEAD[node.op_type]}: " if node.op_type in INSTEAD else ""
        raise reader.refuse(
            node,
            f"operation {node.op_type} has no exact form; {advice}cut the graph in front of it "
            f"with --output {node.input[0]}; known are {', '.join(READERS)}",
        )


def _domains(operation: str) -> tuple[str, ...]:
    """Where an operation must come from to be the one that its name says."""
    if operation in ("Quant", "BipolarQuant"):
        return QUANTISER_DOMAINS
    return (DOMAIN,) if operation in NAMES else STANDARD_DOMAINS


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:120]
