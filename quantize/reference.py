"""Outer oracles of whole networks: the torch twin and the exported file, both in float64.

Nothing here knows the exact graph. The file is executed by onnx's reference evaluator, its local
functions included; only what that evaluator does pixel by pixel in Python is replaced, by
onnxruntime where float32 suffices and by one numpy product for convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from numpy.lib.stride_tricks import sliding_window_view
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from qonnx.custom_op.general.quant import quant
from torch import nn

from trigforge.quantize.functions import OPSET
from trigforge.train.errors import InputError, UnsupportedError
from trigforge.train.scores import batches

Values = npt.NDArray[Any]
Float64 = npt.NDArray[np.float64]

BATCH = 16


class Quant(OpRun):  # type: ignore[misc]
    """qonnx's own definition."""

    op_domain = "qonnx.custom_op.general"

    def _run(
        self,
        x: Values,
        scale: Values,
        zero: Values,
        bits: Values,
        signed: int = 1,
        narrow: int = 0,
        rounding_mode: str = "ROUND",
    ) -> tuple[Values]:
        value = quant(x, scale, zero, bits, signed, narrow, rounding_mode)
        return (np.asarray(value, np.float64),)


class Conv(OpRun):  # type: ignore[misc]
    """Sums of products in float64, exact below 2^53 steps."""

    def _run(
        self,
        x: Values,
        weight: Values,
        bias: Values | None = None,
        auto_pad: str | None = None,
        dilations: Sequence[int] | None = None,
        group: int | None = None,
        kernel_shape: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Values]:
        top, left, bottom, right = pads or (0, 0, 0, 0)
        rows, columns = strides or (1, 1)
        framed = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
        windows = sliding_window_view(framed, weight.shape[2:], (2, 3))[:, :, ::rows, ::columns]
        parts = zip(np.split(windows, group or 1, 1), np.split(weight, group or 1, 0), strict=True)
        sums = [np.tensordot(part, w, ((1, 4, 5), (1, 2, 3))) for part, w in parts]
        y = np.concatenate(sums, -1).transpose(0, 3, 1, 2)
        return (y if bias is None else y + bias[:, None, None],)


class Concat(OpRun):  # type: ignore[misc]
    """Concatenation that repeats constants of one event for every event of the batch."""

    def _run(self, *tensors: Values, axis: int | None = None) -> tuple[Values]:
        count = max(len(tensor) for tensor in tensors)
        wide = [np.broadcast_to(t, (count, *t.shape[1:])) for t in tensors]
        return (np.concatenate(wide, axis),)


class _Runtime(OpRun):  # type: ignore[misc]
    """A node in onnxruntime and float32: exact for few bits."""

    def _run(self, x: Values, *constants: Values, **_: Any) -> tuple[Values]:
        narrow = x.astype(np.float32)
        if not np.array_equal(narrow, x):
            raise UnsupportedError(f"node {self.onnx_node.name}: more than 24 bits")
        feeds = {self.onnx_node.input[0]: narrow}
        names = [name for name in self.onnx_node.input if name][1:]
        given = [c for c in constants if c is not None]
        for name, value in zip(names, given, strict=True):
            feeds[name] = value.astype(np.float32) if value.dtype == np.float64 else value
        if not hasattr(self, "_session"):
            graph = helper.make_graph(
                [self.onnx_node],
                "node",
                [
                    helper.make_tensor_value_info(
                        name, helper.np_dtype_to_tensor_dtype(value.dtype), [None] * value.ndim
                    )
                    for name, value in feeds.items()
                ],
                [helper.make_empty_tensor_value_info(self.onnx_node.output[0])],
            )
            model = helper.make_model(
                graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8
            )
            self._session = onnxruntime.InferenceSession(model.SerializeToString())
        (y,) = self._session.run(None, feeds)
        return (y.astype(x.dtype),)


class MaxPool(_Runtime):
    """Comparisons only."""


class Resize(_Runtime):
    """Weights of 1/4 and 3/4: four bits more than the image."""


REPLACED = [Quant, Conv, Concat, MaxPool, Resize]


def run_twin(model: nn.Module, inputs: Values, batch_size: int = BATCH) -> Float64:
    """Outputs (N, Z) of images (N, H, W) or variables (N, V) from a quantised network in float64.

    Inputs are on their grid, of at most 24 bits.
    """
    exact = deepcopy(model).double().eval()
    with torch.inference_mode():
        parts = [exact(batch.double()).numpy() for batch in batches(inputs, batch_size)]
    return np.concatenate(parts).astype(np.float64)


class File:
    """An exported file, ready to run in float64.

    Raises:
        InputError: the file is missing or not ONNX.
    """

    def __init__(self, path: Path, keep: Sequence[str] = ()) -> None:
        try:
            proto = onnx.load(str(path))
        except FileNotFoundError:
            raise InputError(f"{path}: no such file; run the export stage") from None
        except Exception as error:
            raise InputError(f"{path}: not readable as ONNX ({type(error).__name__})") from None
        graph = proto.graph
        for tensor in graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT:
                values = numpy_helper.to_array(tensor).astype(np.float64)
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        del graph.value_info[:]
        self.outputs = list(keep) or [value.name for value in graph.output]
        del graph.output[:]
        graph.output.extend(helper.make_empty_tensor_value_info(name) for name in self.outputs)
        self.input = graph.input[0].name
        self.shape = [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim]
        self.path = path
        self._evaluator = ReferenceEvaluator(proto, new_ops=REPLACED)

    def run(self, inputs: Values, batch_size: int = BATCH) -> dict[str, Float64]:
        """Tensors (N, ...) of images (N, H, W) or variables (N, V) by name.

        Raises:
            InputError: the file expects inputs of another size.
        """
        channel = (1,) if inputs.ndim == 3 else ()
        if self.shape[1:] != [*channel, *inputs.shape[1:]]:
            raise InputError(
                f"{self.path}: expects {'images' if channel else 'variables'} "
                f"{self.shape[1 + len(channel) :]}, got {list(inputs.shape[1:])}"
            )
        feeds = inputs.astype(np.float64).reshape(len(inputs), *channel, *inputs.shape[1:])
        parts = [
            self._evaluator.run(None, {self.input: batch})
            for batch in np.split(feeds, range(batch_size, len(feeds), batch_size))
        ]
        columns = zip(*parts, strict=True)
        return {
            name: np.concatenate(column).astype(np.float64)
            for name, column in zip(self.outputs, columns, strict=True)
        }


def run_file(path: Path, inputs: Values, batch_size: int = BATCH) -> Float64:
    """The output (N, Z) of an exported file for inputs (N, ...)."""
    file = File(path)
    return file.run(inputs, batch_size)[file.outputs[0]]
