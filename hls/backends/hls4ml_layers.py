"""The layer that hls4ml lacks, added through its extension API: any of our own functions."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import hls4ml
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.layers import Layer

NNET = Path(__file__).parent / "nnet"

# Every function has two overloads of one name: on arrays (io_parallel) and on streams (io_stream).
HEADERS = (
    "nnet_reciprocal_root.h",
    "nnet_elements.h",
    "nnet_pixelwise.h",
    "nnet_pixelwise_stream.h",
    "nnet_geometry.h",
    "nnet_geometry_stream.h",
    "nnet_max_pool_stream.h",
    "nnet_normalise.h",
    "nnet_normalise_stream.h",
)


class OwnFunction(Layer):  # type: ignore[misc]
    """Any of our own functions: its name, its constants and its output's shape.

    Attributes of the layer: ``function`` in namespace ``nnet``, for some with the ``element`` of
    ``nnet_elements.h`` that it applies to every value; ``members`` of the configuration as C++;
    ``out_shape``.
    """

    def initialize(self) -> None:
        """Set the output variable, in the type that the project gives as ``result``."""
        self.add_output_variable(list(self.get_attr("out_shape")))


class OwnConfig(LayerConfigTemplate):  # type: ignore[misc]
    """Renders the compile-time configuration."""

    def __init__(self) -> None:
        super().__init__(OwnFunction)

    def format(self, node: Layer) -> str:
        """The ``struct`` of one layer."""
        return f"struct config{node.index} {{\n{node.get_attr('members')}}};\n"


class OwnCall(FunctionCallTemplate):  # type: ignore[misc]
    """Renders the call in the top function."""

    def __init__(self) -> None:
        super().__init__(OwnFunction, include_header=[f"nnet_utils/{name}" for name in HEADERS])

    def format(self, node: Layer) -> str:
        """The call of one layer with any number of inputs."""
        inputs = [node.get_input_variable(name) for name in node.inputs]
        output = node.get_output_variable()
        element = node.get_attr("element")
        types = ", ".join(
            [f"nnet::element::{element}"] * bool(element) + [v.type.name for v in (*inputs, output)]
        )
        names = ", ".join(v.name for v in (*inputs, output))
        return f"nnet::{node.get_attr('function')}<{types}, config{node.index}>({names});"


@cache
def register() -> None:
    """Make the layer known to hls4ml's Vitis backend; safe to call often."""
    backend = hls4ml.backends.get_backend("Vitis")
    hls4ml.model.layers.register_layer("OwnFunction", OwnFunction)
    backend.register_template(OwnConfig)
    backend.register_template(OwnCall)
    for header in HEADERS:
        backend.register_source(NNET / header)
