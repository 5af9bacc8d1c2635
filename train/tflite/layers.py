"""Layers of a Keras network, recognised in the operations of its TF-Lite file.

What is accepted at a place is one form only, with padding "same", the paper's slope and epsilon, so
that a layer that is read is the layer of :mod:`trigforge.train.codae`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trigforge.train.codae import PAPER_SLOPE
from trigforge.train.errors import InputError
from trigforge.train.layers import NORM_EPSILON
from trigforge.train.tflite.graph import Operation, TfliteGraph

FLOAT16_EPSILON = 1e-6
"""Half the spacing of float16 at the smallest constant compared, 1e-3, rounded up."""

Array = npt.NDArray[Any]


class LayerReader:
    """Walks through the operations; every method consumes some and returns their output tensor."""

    def __init__(self, graph: TfliteGraph) -> None:
        self.graph = graph
        self.state: dict[str, Tensor] = {}
        self._next = 0

    def refuse(self, reason: str) -> InputError:
        return InputError(
            f"{self.graph.path}: operation {self._next}: {reason}; expected the CoDAE of "
            "arXiv:2306.12955 as its authors published it"
        )

    def take(self, name: str, *inputs: int | None) -> Operation:
        """The next operation, by name and by the tensors that feed it (None: a constant)."""
        if self._next == len(self.graph.operations):
            raise self.refuse(f"the file ends before {name}")
        operation = self.graph.operations[self._next]
        self._next += 1
        if operation.name != name:
            raise self.refuse(f"found {operation.name} instead of {name}")
        if len(operation.inputs) < len(inputs) or len(operation.outputs) != 1:
            raise self.refuse(f"{name} has {len(operation.inputs)} inputs")
        for index, given in zip(operation.inputs, inputs, strict=False):
            if index != given and not (given is None and index in self.graph.constants):
                raise self.refuse(f"{name} is fed by another tensor")
        return operation

    def peek(self) -> str:
        """Name of the next operation; empty at the end."""
        left = self.graph.operations[self._next : self._next + 1]
        return left[0].name if left else ""

    def constant(self, operation: Operation, position: int) -> Array:
        """A constant input."""
        values = self.graph.constants.get(operation.inputs[position])
        if values is None:
            raise self.refuse(f"input {position} of {operation.name} is not a constant")
        return values

    def conv(self, key: str, source: int, stride: int = 1) -> int:
        """A convolution with bias; grouped ones are FlexConv2D (HWIO) and an ADD."""
        if self.peek() == "FlexConv2D":
            conv = self.take("FlexConv2D", source, None)
            kernel = self.constant(conv, 1)
            same = b"\x04SAME" in conv.custom
            add = self.take("ADD", conv.outputs[0], None)
            bias, output, fused = self.constant(add, 1), add.outputs[0], add.option(0, "b")
            axes = (3, 2, 0, 1)
        else:
            conv = self.take("CONV_2D", source, None, None)
            kernel, bias, output = self.constant(conv, 1), self.constant(conv, 2), conv.outputs[0]
            same, fused = conv.option(0, "b") == 0, conv.option(3, "b")
            axes = (0, 3, 1, 2)
        if kernel.ndim != 4 or not same or fused:
            raise self.refuse(f"{key} is not a plain convolution with padding SAME")
        before, after = (self.graph.shapes[index][1:3] for index in (source, output))
        if after != tuple(-(-size // stride) for size in before):
            raise self.refuse(f"{key} maps {before} to {after}, expected stride {stride}")
        self.keep(f"{key}.weight", kernel.transpose(axes))
        self.keep(f"{key}.bias", bias)
        return output

    def norm(self, key: str, source: int) -> int:
        """Instance normalisation as its eleven operations."""
        mean = self.take("MEAN", source, None)
        deviation = self.take("SQUARED_DIFFERENCE", source, mean.outputs[0])
        variance = self.take("MEAN", deviation.outputs[0], None)
        if any(self.constant(op, 1).tolist() != [1, 2] for op in (mean, variance)):
            raise self.refuse(f"{key} does not average over the pixels")
        shifted = self.take("ADD", variance.outputs[0], None)
        epsilon = self.constant(shifted, 1)
        if epsilon.size != 1 or abs(float(epsilon.item()) - NORM_EPSILON) > FLOAT16_EPSILON:
            raise self.refuse(f"{key} has epsilon {epsilon.ravel()[:1]}, expected {NORM_EPSILON}")
        root = self.take("RSQRT", shifted.outputs[0])
        scale = self.take("MUL", root.outputs[0], None)
        scaled = self.take("MUL", source, scale.outputs[0])
        centre = self.take("MUL", mean.outputs[0], scale.outputs[0])
        shift = self.take("SUB", None, centre.outputs[0])
        self.keep(f"{key}.weight", self.constant(scale, 1).reshape(-1))
        self.keep(f"{key}.bias", self.constant(shift, 0).reshape(-1))
        return self.take("ADD", scaled.outputs[0], shift.outputs[0]).outputs[0]

    def block(self, key: str, source: int, stride: int = 1) -> int:
        """Convolution, normalisation, LeakyReLU."""
        features = self.norm(f"{key}.norm", self.conv(f"{key}.conv", source, stride))
        activation = self.take("LEAKY_RELU", features)
        if not math.isclose(activation.option(0, "f"), PAPER_SLOPE, rel_tol=1e-6):
            raise self.refuse(f"{key} has the slope {activation.option(0, 'f'):.4g}")
        return activation.outputs[0]

    def residual(self, key: str, source: int) -> int:
        """Two blocks and the sum with their input."""
        blocks = self.block(f"{key}.second", self.block(f"{key}.first", source))
        return self.take("ADD", blocks, source).outputs[0]

    def keep(self, key: str, values: Array) -> None:
        """One tensor of the state dict, float32 and contiguous."""
        self.state[key] = torch.from_numpy(np.ascontiguousarray(values, np.float32).copy())

    def finish(self, last: int) -> None:
        """Refuse what comes after the network."""
        if self.peek() or self.graph.outputs != (last,):
            raise self.refuse("the file goes on after the network")
