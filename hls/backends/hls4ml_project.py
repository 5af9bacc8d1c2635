"""The exact graph as an hls4ml project: every type from the graph's formats, none by default.

hls4ml's layer list is written directly from the graph. A quantiser behind a LeakyReLU becomes that
layer's result type, which truncates and saturates exactly as the quantiser does.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hls4ml
import numpy as np
from hls4ml.model.graph import ModelGraph

from trigforge.hls.backends import hls4ml_functions, hls4ml_layers
from trigforge.hls.backends.hls4ml_fifos import set_fifo_depths
from trigforge.hls.backends.layer_list import IoType, Layer, LayerList
from trigforge.hls.backends.processes import is_fused
from trigforge.hls.graph import Edge, Graph, Ints, Node
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    Concat,
    Conv,
    Crop,
    Dense,
    Flatten,
    Highest,
    InstanceNorm,
    LeakyRelu,
    Lookup,
    MaxPool,
    Mul,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Sphere,
    Split,
    Sub,
    Thresholds,
    Tile,
    Total,
    Unflatten,
)


@dataclass(frozen=True, kw_only=True)
class ProjectConfig:
    """What the graph does not say: device, clock, and how many products share a multiplier.

    Attributes:
        io_type: whole tensors in registers between the layers, or one pixel at a time in FIFOs.
    """

    part: str
    clock_period_ns: float
    io_type: IoType = "io_stream"
    reuse: Mapping[str, int] = field(default_factory=dict)
    name: str = "trigforge_model"


@dataclass(frozen=True)
class Project:
    """A written hls4ml project.

    Attributes:
        folder: where it lies.
        name: of the top function.
        traced: edge of the exact graph -> layer whose traced output it is.
    """

    folder: Path
    name: str
    traced: Mapping[str, str]


def build_project(graph: Graph, config: ProjectConfig, folder: Path) -> Project:
    """Write the hls4ml project of a lowered graph into ``folder``, replacing what is there.

    Raises:
        UnsupportedError: an operation has no mapping, or a form that this mapping lacks.
    """
    hls4ml_layers.register()
    lists = layer_list(graph, config.io_type)
    settings = hls4ml.utils.config.create_config(
        output_dir=str(folder),
        project_name=config.name,
        backend="Vitis",
        part=config.part,
        clock_period=config.clock_period_ns,
        clock_uncertainty="27%",
        io_type=config.io_type,
    )
    # traces sit behind #ifndef __SYNTHESIS__ and cost nothing until C-simulation asks for them
    settings["TraceOutput"] = True
    # Vivado HLS partitions no larger array completely; newer tools have no such limit and ignore it
    settings["MaximumSize"] = max(4096, *(math.prod(e.shape) for e in graph.edges.values()))
    settings["HLSConfig"] = {
        # lower case: hls4ml 1.3.0 warns of an overridden strategy "Latency" in 1x1 convolutions
        # every type is set layer by layer; a type left out would show up as this one-bit type
        "Model": {"Precision": "ap_uint<1>", "ReuseFactor": 1, "Strategy": "resource"},
        "LayerName": {
            layer["name"]: {
                "Precision": lists.precisions[layer["name"]],
                "ReuseFactor": config.reuse.get(layer["name"], 1),
                "Strategy": "resource" if config.reuse.get(layer["name"], 1) > 1 else "latency",
                "Trace": True,
            }
            for layer in lists.layers
        },
    }
    inputs = [lists.where[name] for name in graph.inputs]
    outputs = [lists.where[name] for name in graph.outputs]
    shutil.rmtree(folder, ignore_errors=True)
    model = ModelGraph.from_layer_list(settings, lists.layers, inputs=inputs, outputs=outputs)
    if config.io_type == "io_stream":
        set_fifo_depths(model, graph, config.reuse, lists.where)
    model.write()
    # a stream is flattened by reading it: that layer has no code and leaves no trace
    traced = {
        node.output: lists.where[node.output]
        for node in graph.nodes
        if node.output in lists.where and not isinstance(node, Flatten)
    }
    return Project(folder, config.name, traced)


def layer_list(graph: Graph, io_type: IoType = "io_stream") -> LayerList:
    """hls4ml's layers for a graph, with their precisions and which edge each one produces."""
    lists = LayerList(io_type)
    for name, edge in graph.inputs.items():
        layer = {"name": name, "class_name": "InputLayer", "input_shape": list(edge.shape)}
        lists.add(layer, name, result=edge.format.ap())
    fused: set[Node] = set()
    for node in graph.nodes:
        if node in fused:
            continue
        write = WRITERS.get(type(node))
        if write is None:
            raise node.refuse("has no hls4ml mapping")
        fused.update(write(lists, graph, node))
    return lists


def _conv(lists: LayerList, graph: Graph, node: Conv) -> list[Node]:
    if node.groups != 1:
        raise node.refuse("is grouped; lower it with split_groups first")
    (x,) = graph.node_inputs(node)
    y = graph.edges[node.output]
    source = lists.where[node.inputs[0]]
    top, left, bottom, right = node.pads
    height, width = x.shape[0] + top + bottom, x.shape[1] + left + right
    if any(node.pads):
        source = lists.add(
            {
                "name": f"{node.name}_pad",
                "class_name": "ZeroPadding2D",
                "inputs": [source],
                **_image(x, node.pads),
                "out_height": height,
                "out_width": width,
            },
            result=x.format.ap(),
        )
    kh, kw, channels, filters = node.weight.shape
    lists.add(
        {
            "name": node.name,
            "class_name": "Conv2D",
            "inputs": [source],
            "data_format": "channels_last",
            "padding": "valid",
            "in_height": height,
            "in_width": width,
            "n_chan": channels,
            "n_filt": filters,
            "out_height": y.shape[0],
            "out_width": y.shape[1],
            "filt_height": kh,
            "filt_width": kw,
            "stride_height": node.strides[0],
            "stride_width": node.strides[1],
            "pad_top": 0,
            "pad_bottom": 0,
            "pad_left": 0,
            "pad_right": 0,
            "weight_data": _values(node.weight, node.weight_fraction),
            "bias_data": _values(node.bias, node.bias_fraction),
            "use_bias": True,
        },
        node.output,
        **_affine_precision(node, y),
    )
    return []


def _dense(lists: LayerList, graph: Graph, node: Dense) -> list[Node]:
    lists.add(
        {
            "name": node.name,
            "class_name": "Dense",
            "inputs": [lists.where[node.inputs[0]]],
            "n_in": node.weight.shape[0],
            "n_out": node.weight.shape[1],
            "weight_data": _values(node.weight, node.weight_fraction),
            "bias_data": _values(node.bias, node.bias_fraction),
            "use_bias": True,
        },
        node.output,
        **_affine_precision(node, graph.edges[node.output]),
    )
    return []


def _leaky_relu(lists: LayerList, graph: Graph, node: LeakyRelu) -> list[Node]:
    reader = next(iter(graph.consumers(node.output)), None)
    quantiser = reader if isinstance(reader, Quantise) and is_fused(graph, reader) else None
    last = quantiser or node
    fmt = graph.edges[last.output].format
    lists.add(
        {
            "name": node.name,
            "class_name": "LeakyReLU",
            "activation": "LeakyReLU",
            "inputs": [lists.where[node.inputs[0]]],
            "n_in": int(np.prod(graph.edges[node.output].shape)),
            "activ_param": node.slope * 2.0**-node.slope_fraction,
        },
        last.output,
        result=fmt.ap(
            saturate=quantiser is not None,
            half_even=quantiser is not None and quantiser.rounding == "half_even",
        ),
        param=node.slope_format.ap(),
    )
    return [quantiser] if quantiser is not None else []


def _concat(lists: LayerList, graph: Graph, node: Concat) -> list[Node]:
    if len(node.inputs) != 2:
        raise node.refuse(f"joins {len(node.inputs)} tensors, hls4ml joins two")
    rank = len(graph.edges[node.output].shape)
    lists.add(
        {
            "name": node.name,
            "class_name": "Concatenate",
            "inputs": [lists.where[name] for name in node.inputs],
            "op": f"concatenate{rank}d",
            "axis": rank,
        },
        node.output,
        result=graph.edges[node.output].format.ap(),
    )
    return []


def _flatten(lists: LayerList, graph: Graph, node: Flatten) -> list[Node]:
    y = graph.edges[node.output]
    if lists.io_type == "io_stream" and len(graph.consumers(node.output)) > 1:
        raise node.refuse("is read by several layers; in io_stream flatten once for each of them")
    lists.add(
        {
            "name": node.name,
            "class_name": "Reshape",
            "inputs": [lists.where[node.inputs[0]]],
            "target_shape": list(y.shape),
        },
        node.output,
        result=y.format.ap(),
    )
    return []


WRITERS: dict[type[Node], Callable[[LayerList, Graph, Any], list[Node]]] = {
    Add: hls4ml_functions.add,
    Append: hls4ml_functions.append,
    Bilinear: hls4ml_functions.bilinear,
    Concat: _concat,
    Conv: _conv,
    Crop: hls4ml_functions.crop,
    Dense: _dense,
    Flatten: _flatten,
    Highest: hls4ml_functions.highest,
    InstanceNorm: hls4ml_functions.instance_norm,
    LeakyRelu: _leaky_relu,
    Lookup: hls4ml_functions.lookup,
    MaxPool: hls4ml_functions.max_pool,
    Mul: hls4ml_functions.mul,
    Nearest: hls4ml_functions.nearest,
    Prelu: hls4ml_functions.prelu,
    Quantise: hls4ml_functions.quantise,
    Scale: hls4ml_functions.scale,
    Sphere: hls4ml_functions.sphere,
    Split: hls4ml_functions.split,
    Sub: hls4ml_functions.sub,
    Thresholds: hls4ml_functions.thresholds,
    Tile: hls4ml_functions.tile,
    Total: hls4ml_functions.total,
    Unflatten: hls4ml_functions.unflatten,
}


def _image(x: Edge, pads: tuple[int, int, int, int]) -> Layer:
    top, left, bottom, right = pads
    return {
        "data_format": "channels_last",
        "in_height": x.shape[0],
        "in_width": x.shape[1],
        "n_chan": x.shape[2],
        "pad_top": top,
        "pad_bottom": bottom,
        "pad_left": left,
        "pad_right": right,
    }


def _affine_precision(node: Conv | Dense, y: Edge) -> dict[str, str]:
    return {
        "weight": node.weight_format.ap(),
        "bias": node.bias_format.ap(),
        "accum": y.format.ap(),
        "result": y.format.ap(),
    }


def _values(integers: Ints, fraction: int) -> np.ndarray[Any, Any]:
    return integers.astype(np.float64) * 2.0**-fraction
