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


def qdq(
    b: Builder, source: str, target: str, scale: float, zero: int, limits: tuple[int, int] | None
) -> str:
    """QuantizeLinear, Clip, DequantizeLinear, as Brevitas writes QCDQ."""
    b.constant(f"{target}_s", scale)
    b.constant(f"{target}_z", np.array(zero, np.int8))
    pair = [f"{target}_s", f"{target}_z"]
    codes = b.node("QuantizeLinear", [source, *pair], f"{target}_codes")
    if limits is not None:
        ends = [
            b.constant(f"{target}_{name}", np.array(v, np.int8))
            for name, v in zip(("low", "high"), limits, strict=True)
        ]
        codes = b.node("Clip", [codes, *ends], f"{target}_clip")
    return b.node("DequantizeLinear", [codes, *pair], target)


def qcdq(path: Path, *, zero: int = 0, scale: float = 0.25, other: float | None = None) -> Path:
    """Conv with per-channel weights, ReLU, max-pool, a (C, H, W) flattening, two dense layers."""
    rng = np.random.default_rng(3)
    b = Builder()
    x = qdq(b, "x", "xq", 0.125, 0, None)
    b.constant("w", rng.integers(-7, 8, (3, 2, 3, 3)).astype(np.int8))
    b.constant("ws", np.array([0.25, 0.125, 0.5], np.float32))
    b.constant("wz", np.zeros(3, np.int8))
    weight = b.node("DequantizeLinear", ["w", "ws", "wz"], "wq", axis=0)
    b.constant("bias", rng.integers(-99, 99, 3).astype(np.int32))
    b.constant("bs", 2.0**-6)
    bias = b.node("DequantizeLinear", ["bias", "bs"], "bq")
    y = b.node("Conv", [x, weight, bias], "c", auto_pad="SAME_UPPER", strides=[2, 1])
    y = qdq(b, b.node("Relu", [y], "r"), "a", scale, zero, (-8, 7))
    y = b.node("MaxPool", [y], "p", kernel_shape=[2, 2], pads=[0, 1, 0, 0], strides=[1, 2])
    y = b.node("Flatten", [y], "f", axis=1)
    b.constant("d", (rng.integers(-7, 8, (18, 4)) / 8).astype(np.float32))
    y = b.node("MatMul", [y, "d"], "m")
    b.constant("e", (rng.integers(-7, 8, 4) / 4).astype(np.float32))
    y = b.node("Add", [y, "e"], "s")
    y = qdq(b, y, "z", other or 0.5, 0, None)
    return b.save(path, y, (1, 2, 5, 5), (1, 4))
