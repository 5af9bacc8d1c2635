"""Tiny QONNX files made by hand: one convolution, the way Brevitas exports it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

QUANT = "qonnx.custom_op.general"


@dataclass
class Builder:
    """Collects nodes and constants; ``save`` writes the file."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: Any) -> str:
        """A float32 (or given type) initializer."""
        array = np.asarray(value, None if hasattr(value, "dtype") else np.float32)
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def quant(
        self, source: str, target: str, *, scale: float, bits: float, **attributes: Any
    ) -> str:
        """A Quant node of the QONNX dialect."""
        inputs = [
            source,
            self.constant(f"{target}_scale", scale),
            self.constant(f"{target}_zero", attributes.pop("zero", 0.0)),
            self.constant(f"{target}_bits", bits),
        ]
        settings = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"} | attributes
        self.nodes.append(
            helper.make_node("Quant", inputs, [target], name=target, domain=QUANT, **settings)
        )
        return target

    def grid(self, name: str, value: Any, scale: float = 0.125, bits: float = 8) -> str:
        """A constant behind a Quant node."""
        self.constant(name, np.asarray(value, np.float32))
        return self.quant(name, f"{name}_q", scale=scale, bits=bits)

    def node(self, kind: str, inputs: list[str], target: str, **attributes: Any) -> str:
        """A standard node."""
        self.nodes.append(helper.make_node(kind, inputs, [target], name=target, **attributes))
        return target

    def save(
        self,
        path: Path,
        output: str,
        shape: tuple[int, ...] = (1, 1, 6, 5),
        result: tuple[int, ...] | None = None,
    ) -> Path:
        """Write the model with input ``x`` of the given shape; the output's may be left open."""
        graph = helper.make_graph(
            self.nodes,
            "tiny",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, result)],
            self.constants,
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(QUANT, 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets), str(path))
        return path


def tiny(
    path: Path,
    *,
    scale: float = 0.25,
    zero: float = 0.0,
    mode: str = "FLOOR",
    slope: float = 0.25,
    fill: float = float("-inf"),
    quantise_weights: bool = True,
    bits: float = 5,
    perm: tuple[int, ...] = (0, 2, 3, 1),
    last: str | None = None,
    shape: tuple[int, ...] = (1, 1, 6, 5),
) -> Path:
    """Conv, LeakyReLU, quantiser, framed pool, flatten, dense; each defect is one argument."""
    rng = np.random.default_rng(5)
    b = Builder()
    b.quant("x", "x_q", scale=1.0, bits=1, signed=0)
    b.constant("w", rng.normal(0, 0.5, (4, 1, 3, 3)).astype(np.float32))
    weight = b.quant("w", "w_q", scale=0.125, bits=5, narrow=1) if quantise_weights else "w"
    b.constant("b", rng.normal(0, 0.5, 4).astype(np.float32))
    b.quant("b", "b_q", scale=0.03125, bits=8)
    b.node("Conv", ["x_q", weight, "b_q"], "c", pads=[1, 1, 1, 1], strides=[1, 1])
    b.node("LeakyRelu", ["c"], "l", alpha=slope)
    b.quant("l", "q", scale=scale, bits=bits, rounding_mode=mode, zero=zero)
    b.constant("pads", np.array([0, 0, 0, 1, 0, 0, 1, 1], np.int64))
    b.constant("fill", fill)
    b.node("Pad", ["q", "pads", "fill"], "p", mode="constant")
    b.node("MaxPool", ["p"], "m", kernel_shape=[3, 3], strides=[2, 2])
    b.node("Transpose", ["m"], "t", perm=list(perm))
    b.node("Flatten", ["t"], "f", axis=1)
    b.constant("d", rng.normal(0, 0.5, (2, 36)).astype(np.float32))
    b.quant("d", "d_q", scale=0.0625, bits=6, narrow=1)
    output = b.node("Gemm", ["f", "d_q"], "z", transB=1)
    if last is not None:
        output = b.node(last, ["z"], "last")
    return b.save(path, output, shape, (1, 2))
