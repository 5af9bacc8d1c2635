"""A quantised network as an (unlowered) QONNX file: what Brevitas computes, node by node."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from torch import nn

from trigforge.train.artifacts import atomic_path

with warnings.catch_warnings():
    # Brevitas 0.13.4 announces on import that an optional kernel package is absent.
    warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
    from brevitas.export import export_qonnx as brevitas_export_qonnx

OPSET = 17
QUANT_DOMAIN = "qonnx.custom_op.general"


def export_qonnx(model: nn.Module, path: Path, height: int, width: int) -> None:
    """Write ``model`` as QONNX: input ``masks`` (1, 1, height, width), output ``latents`` (1, Z).

    The layout is channels-first, weights are float initializers behind Quant nodes. The first node
    is a Quant of one unsigned bit and scale 1: it changes no mask and states the input's format
    (Brevitas itself would export one bit as a bipolar quantiser).

    Raises:
        StorageError: the file cannot be written; nothing is left behind.
    """
    was_training = model.training
    model.eval()
    example = torch.zeros(1, 1, height, width)
    with atomic_path(path) as temporary:
        with warnings.catch_warnings():
            # torch 2.13 announces the end of the exporter that Brevitas 0.13.4 relies on, and
            # traces report the Python numbers in shape computations; shapes are fixed here.
            warnings.simplefilter("ignore")
            brevitas_export_qonnx(
                model,
                args=example,
                export_path=str(temporary),
                dynamo=False,
                opset_version=OPSET,
                input_names=["masks"],
                output_names=["latents"],
            )
        proto = onnx.load(str(temporary))
        keep_inputs(proto, ["masks"])
        declare_binary_input(proto)
        with torch.no_grad():
            proto.graph.output[0].CopyFrom(
                helper.make_tensor_value_info(
                    "latents", onnx.TensorProto.FLOAT, list(model(example).shape)
                )
            )
        fold_constants(proto)
        add_shapes(proto)
        onnx.save(proto, str(temporary))
    model.train(was_training)


def keep_inputs(proto: onnx.ModelProto, names: list[str]) -> None:
    """Drop the graph inputs that are only shadows of initializers (the weights)."""
    kept = [value for value in proto.graph.input if value.name in names]
    del proto.graph.input[:]
    proto.graph.input.extend(kept)


def declare_binary_input(proto: onnx.ModelProto) -> None:
    """Put an unsigned one-bit Quant node of scale 1 behind the first input of a graph."""
    graph = proto.graph
    name = graph.input[0].name
    quantized = f"{name}_quantized"
    for node in graph.node:
        for index, source in enumerate(node.input):
            if source == name:
                node.input[index] = quantized
    parameters = {"scale": 1.0, "zero_point": 0.0, "bit_width": 1.0}
    for key, value in parameters.items():
        graph.initializer.append(
            helper.make_tensor(f"{name}_{key}", onnx.TensorProto.FLOAT, [], [value])
        )
    graph.node.insert(
        0,
        helper.make_node(
            "Quant",
            [name, *(f"{name}_{key}" for key in parameters)],
            [quantized],
            name=f"{name}_quant",
            domain=QUANT_DOMAIN,
            signed=0,
            narrow=0,
            rounding_mode="ROUND",
        ),
    )


def add_shapes(proto: onnx.ModelProto) -> None:
    """State the shape of every tensor between nodes (in place).

    qonnx infers them; only the shapes are taken from it, because it also gives tensors random
    names and the same network must give the same bytes.
    """
    inferred = ModelWrapper(proto, make_deepcopy=True).transform(InferShapes())
    del proto.graph.value_info[:]
    outputs = {value.name for value in proto.graph.output}
    for node in proto.graph.node:
        for name in node.output:
            if name not in outputs:
                proto.graph.value_info.append(
                    helper.make_tensor_value_info(
                        name, onnx.TensorProto.FLOAT, inferred.get_tensor_shape(name)
                    )
                )


def fold_constants(proto: onnx.ModelProto) -> None:
    """Turn standard nodes that depend on nothing into initializers (in place).

    Torch spells the constant pads of a pooling as seven nodes. Quant nodes stay: they say how the
    weights are quantised.
    """
    graph = proto.graph
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        if node.domain in ("", "ai.onnx") and all(name in known for name in node.input):
            single = helper.make_model(
                helper.make_graph(
                    [node],
                    "constant",
                    [],
                    [onnx.ValueInfoProto(name=name) for name in node.output],
                    [numpy_helper.from_array(known[name], name) for name in node.input],
                ),
                opset_imports=proto.opset_import,
            )
            known.update(zip(node.output, ReferenceEvaluator(single).run(None, {}), strict=True))
        else:
            kept.append(node)
    used = {name for node in kept for name in node.input}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in known.items() if name in used
    )
