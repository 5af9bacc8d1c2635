"""The FIFO depths of the schedule, written into hls4ml's model."""

from __future__ import annotations

from collections.abc import Mapping

from hls4ml.model.graph import ModelGraph
from hls4ml.model.layers import Layer, Reshape
from hls4ml.model.types import TensorVariable

from trigforge.hls.backends.fifos import fifo_depths
from trigforge.hls.backends.processes import Process
from trigforge.hls.backends.schedule import schedule
from trigforge.hls.graph import Graph


def set_fifo_depths(
    model: ModelGraph, graph: Graph, reuse: Mapping[str, int], where: Mapping[str, str]
) -> None:
    """Give every stream between two layers its depth.

    Args:
        where: edge of the graph -> output of the layer list.
    """
    timing = schedule(graph, reuse)
    depths = fifo_depths(timing)
    layers = {layer.name: layer for layer in model.get_layers()}
    clones = {layer.inputs[0]: layer for layer in layers.values() if layer.class_name == "Clone"}
    for process in timing.processes:
        if process.kind == "clone":
            layer = clones[where[process.node]]
        else:
            layer = layers[layer_name(process)]
        for source, name in zip(process.sources, dict.fromkeys(layer.inputs), strict=True):
            if source in depths:
                _stream(layer, name).pragma = ("stream", depths[source])


def layer_name(process: Process) -> str:
    """hls4ml's layer for a process that is no clone."""
    return f"{process.node}_pad" if process.kind == "pad" else process.node


def _stream(layer: Layer, name: str) -> TensorVariable:
    """The stream that a layer reads; a reshaped tensor is read from the stream before it."""
    producer = layer.get_input_node(name)
    if isinstance(producer, Reshape):
        return _stream(producer, producer.inputs[0])
    return layer.get_input_variable(name)
