"""The layers that hls4ml lacks, added through its extension API."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import hls4ml
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute
from hls4ml.model.layers import Layer

NNET = Path(__file__).parent / "nnet"

# What StreamLayer's functions are written in.
HEADERS = ("nnet_pixelwise_stream.h", "nnet_geometry_stream.h", "nnet_normalise_stream.h")

MAX_POOL_CONFIG = """struct config{index} : nnet::max_pool_config {{
    static const unsigned in_height = {in_height};
    static const unsigned in_width = {in_width};
    static const unsigned n_chan = {n_chan};
    static const unsigned pool_height = {pool_height};
    static const unsigned pool_width = {pool_width};
    static const unsigned stride_height = {stride_height};
    static const unsigned stride_width = {stride_width};
    static const unsigned pad_top = {pad_top};
    static const unsigned pad_bottom = {pad_bottom};
    static const unsigned pad_left = {pad_left};
    static const unsigned pad_right = {pad_right};
    static constexpr double lowest = {lowest};
}};\n"""

MAX_POOL_CALL = "nnet::max_pool_2d_cl<{input_t}, {output_t}, {config}>({input}, {output});"


class FramedMaxPool(Layer):  # type: ignore[misc]
    """Max-pooling with any window, stride and frame; the frame never wins."""

    _expected_attributes = [  # noqa: RUF012 - the name and kind that hls4ml reads
        Attribute(name)
        for name in (
            *("in_height", "in_width", "out_height", "out_width", "n_chan"),
            *("pool_height", "pool_width", "stride_height", "stride_width"),
            *("pad_top", "pad_bottom", "pad_left", "pad_right"),
        )
    ]

    def initialize(self) -> None:
        """Set the output variable: a smaller image of the same type."""
        shape = [self.get_attr(name) for name in ("out_height", "out_width", "n_chan")]
        self.add_output_variable(shape, precision=self.get_input_variable().type.precision)


class FramedMaxPoolConfig(LayerConfigTemplate):  # type: ignore[misc]
    """Renders the compile-time configuration."""

    def __init__(self) -> None:
        super().__init__(FramedMaxPool)
        self.template = MAX_POOL_CONFIG

    def format(self, node: Layer) -> str:
        """The ``struct`` of one layer."""
        parameters = self._default_config_params(node)
        parameters["lowest"] = repr(float(node.get_attr("lowest")))
        return self.template.format(**parameters)


class FramedMaxPoolCall(FunctionCallTemplate):  # type: ignore[misc]
    """Renders the call in the top function."""

    def __init__(self) -> None:
        super().__init__(FramedMaxPool, include_header=["nnet_utils/nnet_max_pool_stream.h"])
        self.template = MAX_POOL_CALL

    def format(self, node: Layer) -> str:
        """The call of one layer."""
        return self.template.format(**self._default_function_params(node))


class StreamLayer(Layer):  # type: ignore[misc]
    """Any of our own streaming functions: its name, its constants and its output's shape.

    Attributes of the layer: ``function`` in namespace ``nnet``, ``members`` of the configuration
    as C++, ``out_shape``.
    """

    def initialize(self) -> None:
        """Set the output variable, in the type that the project gives as ``result``."""
        self.add_output_variable(list(self.get_attr("out_shape")))


class StreamConfig(LayerConfigTemplate):  # type: ignore[misc]
    """Renders the compile-time configuration."""

    def __init__(self) -> None:
        super().__init__(StreamLayer)

    def format(self, node: Layer) -> str:
        """The ``struct`` of one layer."""
        return f"struct config{node.index} {{\n{node.get_attr('members')}}};\n"


class StreamCall(FunctionCallTemplate):  # type: ignore[misc]
    """Renders the call in the top function."""

    def __init__(self) -> None:
        super().__init__(StreamLayer, include_header=[f"nnet_utils/{name}" for name in HEADERS])

    def format(self, node: Layer) -> str:
        """The call of one layer with any number of inputs."""
        inputs = [node.get_input_variable(name) for name in node.inputs]
        output = node.get_output_variable()
        types = ", ".join(v.type.name for v in (*inputs, output))
        streams = ", ".join(v.name for v in (*inputs, output))
        return f"nnet::{node.get_attr('function')}<{types}, config{node.index}>({streams});"


@cache
def register() -> None:
    """Make the layers known to hls4ml's Vitis backend; safe to call often."""
    backend = hls4ml.backends.get_backend("Vitis")
    hls4ml.model.layers.register_layer("FramedMaxPool", FramedMaxPool)
    backend.register_template(FramedMaxPoolConfig)
    backend.register_template(FramedMaxPoolCall)
    backend.register_source(NNET / "nnet_max_pool_stream.h")
    hls4ml.model.layers.register_layer("StreamLayer", StreamLayer)
    backend.register_template(StreamConfig)
    backend.register_template(StreamCall)
    for header in HEADERS:
        backend.register_source(NNET / header)
