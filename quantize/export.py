"""A quantised network as an (unlowered) QONNX file: what Brevitas computes, node by node."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn

from trigforge.quantize import functions
from trigforge.quantize.input_grid import InputGrid
from trigforge.train.artifacts import atomic_path

with warnings.catch_warnings():
    # Brevitas 0.13.4 announces on import that an optional kernel package is absent.
    warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
    from brevitas.export import export_qonnx as brevitas_export_qonnx

OPSET = 17
QUANT_DOMAIN = "qonnx.custom_op.general"


def export_qonnx(
    model: nn.Module,
    path: Path,
    height: int,
    width: int,
    output: str = "latents",
    pixel_bits: int = 1,
    *,
    integers: bool = False,
) -> None:
    """Write a ``model`` of images (1, 1, height, width), see :func:`export_network`.

    Pixels have ``pixel_bits`` unsigned bits. One bit has scale 1, more have 2^-pixel_bits, or 1 for
    ``integers``.

    Raises:
        StorageError: the file cannot be written; nothing is left behind.
    """
    grid = InputGrid(pixel_bits, 0 if integers or pixel_bits == 1 else pixel_bits)
    export_network(model, path, (1, height, width), grid, output)


def export_network(
    model: nn.Module, path: Path, shape: tuple[int, ...], grid: InputGrid, output: str = "latents"
) -> None:
    """Write ``model`` as QONNX: input ``masks`` (1, *shape), output (1, Z).

    The layout is channels-first, weights are float initializers behind Quant nodes. The first node
    is a Quant of the input's grid: it changes no input and states the format (Brevitas itself
    would export one bit as a bipolar quantiser). InstanceNorm, the sphere and
    tables are local functions of integer operations, see :mod:`trigforge.quantize.functions`.

    Args:
        shape: (C, H, W) of images or (V,) of variables.

    Raises:
        StorageError: the file cannot be written; nothing is left behind.
    """
    was_training = model.training
    model.eval()
    example = torch.zeros(1, *shape)
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
                output_names=[output],
            )
        proto = onnx.load(str(temporary))
        keep_inputs(proto, ["masks"])
        declare_input(proto, grid)
        with torch.no_grad():
            result = model(example)
        kind = TensorProto.DOUBLE if result.dtype == torch.float64 else TensorProto.FLOAT
        proto.graph.output[0].CopyFrom(
            helper.make_tensor_value_info(output, kind, list(result.shape))
        )
        fold_constants(proto)
        merge_pads(proto)
        functions.attach(proto)
        add_shapes(proto)
        onnx.save(proto, str(temporary))
    model.train(was_training)


def keep_inputs(proto: onnx.ModelProto, names: list[str]) -> None:
    """Drop the graph inputs that are only shadows of initializers (the weights)."""
    kept = [value for value in proto.graph.input if value.name in names]
    del proto.graph.input[:]
    proto.graph.input.extend(kept)


def declare_input(proto: onnx.ModelProto, grid: InputGrid) -> None:
    """Put a Quant node of a grid behind the first input of a graph."""
    graph = proto.graph
    name = graph.input[0].name
    quantized = f"{name}_quantized"
    for node in graph.node:
        for index, source in enumerate(node.input):
            if source == name:
                node.input[index] = quantized
    parameters = {"scale": grid.step, "zero_point": 0.0, "bit_width": float(grid.bits)}
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
            signed=int(grid.signed),
            narrow=0,
            rounding_mode="ROUND",
        ),
    )


def add_shapes(proto: onnx.ModelProto) -> None:
    """State shape and type of every tensor between nodes (in place).

    Quant nodes and our functions keep the shape of their first input.
    """
    plain = onnx.ModelProto()
    plain.CopyFrom(proto)
    del plain.graph.value_info[:], plain.functions[:]
    for node in plain.graph.node:
        if node.domain not in ("", "ai.onnx"):
            node.CopyFrom(helper.make_node("Identity", node.input[:1], node.output))
    inferred = onnx.shape_inference.infer_shapes(plain, strict_mode=True)
    known = {value.name: value for value in inferred.graph.value_info}
    outputs = {value.name for value in proto.graph.output}
    names = [name for node in proto.graph.node for name in node.output if name not in outputs]
    del proto.graph.value_info[:]
    proto.graph.value_info.extend(known[name] for name in names)


def merge_pads(proto: onnx.ModelProto) -> None:
    """Give convolutions the zeros that a Pad in front of them adds (in place).

    Torch convolutions pad both sides alike; "same" padding of a strided one does not.
    """
    graph = proto.graph
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    framed = {}
    for node in graph.node:
        if node.op_type == "Pad":
            pads, fill = (known.get(name) for name in (*node.input, "", "")[1:3])
            if pads is not None and not np.any(pads[[0, 1, 4, 5]]) and not np.any(fill):
                framed[node.output[0]] = node
    readers = [n for n in graph.node if set(n.input) & framed.keys()]
    if any(node.op_type != "Conv" for node in readers):
        raise ValueError("zeros are padded in front of something else than a convolution")
    for node in readers:
        pad = framed[node.input[0]]
        frame = known[pad.input[1]]
        for attribute in node.attribute:
            if attribute.name == "pads":
                own = zip(attribute.ints, frame[[2, 3, 6, 7]].tolist(), strict=True)
                attribute.ints[:] = [a + b for a, b in own]
        node.input[0] = pad.input[0]
    kept = [node for node in graph.node if node.output[0] not in framed]
    used = {name for node in kept for name in node.input}
    constants = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(constants)


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
