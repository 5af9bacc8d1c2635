"""The layers that hls4ml lacks, added through its extension API."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import hls4ml
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute
from hls4ml.model.layers import Layer

NNET = Path(__file__).parent / "nnet"

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


@cache
def register() -> None:
    """Make the layers known to hls4ml's Vitis backend; safe to call often."""
    backend = hls4ml.backends.get_backend("Vitis")
    hls4ml.model.layers.register_layer("FramedMaxPool", FramedMaxPool)
    backend.register_template(FramedMaxPoolConfig)
    backend.register_template(FramedMaxPoolCall)
    backend.register_source(NNET / "nnet_max_pool_stream.h")
