"""What a QONNX or QCDQ file computes, node by node in float64: the outer oracle of imported files.

onnx's reference evaluator runs the file as it is, with every float32 constant widened; QONNX's own
nodes are evaluated by qonnx. Nothing of the lowering is used, so a bug there cannot hide. Sums are
exact up to 2^53 steps; onnxruntime's float32 would stop at 2^24.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from trigforge.hls.graph import Edge, Ints
from trigforge.hls.onnx_file import QUANTISER_DOMAINS, live_nodes, load_model
from trigforge.hls.readers.orders import from_edge
from trigforge.quantize.reference import Quant
from trigforge.train.errors import UnsupportedError

Values = NDArray[np.float64]


class Oracle:
    """Evaluates tensors of a file.

    Args:
        output: tensor to stop at; the file's only output when left out.
        keep: tensors to return beside it.
    """

    def __init__(self, path: Path, output: str | None = None, keep: Sequence[str] = ()) -> None:
        model = load_model(path)
        self.path = path
        self.output, nodes = live_nodes(model, path, output)
        self.names = tuple(dict.fromkeys((self.output, *keep)))
        constants = {t.name for t in model.graph.initializer}
        read = {name for node in nodes for name in node.input}
        (source,) = (i for i in model.graph.input if i.name in read and i.name not in constants)
        self.source, self.order = source.name, "BCHW" if _rank(source) == 4 else "BC"
        graph = onnx.helper.make_graph(
            [_widened_node(node) for node in nodes],
            "oracle",
            [onnx.helper.make_tensor_value_info(self.source, TensorProto.DOUBLE, None)],
            [onnx.helper.make_empty_tensor_value_info(name) for name in self.names],
            [_widened(t) for t in model.graph.initializer],
        )
        standard = [o for o in model.opset_import if o.domain not in QUANTISER_DOMAINS]
        own = [onnx.helper.make_opsetid(domain, 1) for domain in QUANTISER_DOMAINS]
        wide = onnx.helper.make_model(
            graph, opset_imports=[*standard, *own], functions=list(model.functions)
        )
        try:
            self._evaluator = ReferenceEvaluator(wide, new_ops=_new_ops())
        except Exception as error:
            raise self._refused(error) from None

    def run(self, x: Ints, edge: Edge) -> dict[str, Values]:
        """Tensor -> (N, ...) values for input integers (N, ...) of an edge, one event at a time.

        Raises:
            UnsupportedError: the evaluator lacks an operation.
        """
        feeds = from_edge(x * 2.0**-edge.fraction, self.order)
        found: dict[str, list[Values]] = {name: [] for name in self.names}
        for event in feeds:
            try:
                values = self._evaluator.run(None, {self.source: event[None]})
            except Exception as error:
                raise self._refused(error) from None
            for name, value in zip(self.names, values, strict=True):
                array = np.asarray(value, np.float64)
                found[name].append(array.reshape(1, -1) if array.ndim < 2 else array)
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def _refused(self, error: Exception) -> UnsupportedError:
        first = (str(error).splitlines() or [""])[0][:120]
        return UnsupportedError(
            f"{self.path}: onnx's reference evaluator cannot run it ({type(error).__name__}: "
            f"{first}); check the file with onnx.checker"
        )


def _rank(value: onnx.ValueInfoProto) -> int:
    return len(value.type.tensor_type.shape.dim)


def _widened(tensor: onnx.TensorProto) -> onnx.TensorProto:
    if tensor.data_type != TensorProto.FLOAT:
        return tensor
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name)


def _widened_node(node: onnx.NodeProto) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for attribute in copy.attribute:
        if attribute.type == attribute.TENSOR:
            attribute.t.CopyFrom(_widened(attribute.t))
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.DOUBLE
    return copy


def _new_ops() -> list[type[OpRun]]:
    """QONNX's nodes under every domain name that exporters have used."""
    own = [
        type(base.__name__, (base,), {"op_domain": domain})
        for base in (Quant, BipolarQuant)
        for domain in QUANTISER_DOMAINS
    ]
    return [BatchNormalization, QuantizeLinear, DequantizeLinear, *own]


class BipolarQuant(OpRun):  # type: ignore[misc]
    """The sign, zero counting as positive, times a scale."""

    op_domain = QUANTISER_DOMAINS[0]

    def _run(self, x: Any, scale: Any) -> tuple[Any]:
        return (np.where(x >= 0, scale, -scale),)


class BatchNormalization(OpRun):  # type: ignore[misc]
    """Of any opset, in evaluation mode.

    Before opset 14 onnx's own takes the statistics of the batch where a momentum is stated.
    """

    op_domain = ""

    def _run(
        self,
        x: Any,
        scale: Any,
        bias: Any,
        mean: Any,
        variance: Any,
        epsilon: float = 1e-5,
        **_: Any,
    ) -> tuple[Any]:
        shape = (1, -1, *([1] * (x.ndim - 2)))
        s, b, m, v = (a.reshape(shape) for a in (scale, bias, mean, variance))
        return (s * (x - m) / np.sqrt(v + (1e-5 if epsilon is None else epsilon)) + b,)


class QuantizeLinear(OpRun):  # type: ignore[misc]
    """Of any opset: onnx's own begins with opset 19."""

    op_domain = ""

    def _run(
        self, x: Any, scale: Any, zero: Any = None, axis: int | None = 1, **_: Any
    ) -> tuple[Any]:
        zero = np.zeros(1, np.uint8) if zero is None else zero
        kind = np.iinfo(zero.dtype)
        s, z = (_along(a, x.ndim, axis) for a in (scale, zero.astype(np.int64)))
        return (np.clip(np.rint(x / s) + z, kind.min, kind.max).astype(zero.dtype),)


class DequantizeLinear(OpRun):  # type: ignore[misc]
    """Of any opset: onnx's own begins with opset 19."""

    op_domain = ""

    def _run(
        self, x: Any, scale: Any, zero: Any = None, axis: int | None = 1, **_: Any
    ) -> tuple[Any]:
        zero = np.zeros(1, np.int64) if zero is None else zero
        s, z = (_along(a.astype(np.float64), x.ndim, axis) for a in (scale, zero))
        return ((x.astype(np.float64) - z) * s,)


def _along(values: Any, rank: int, axis: int | None) -> Any:
    """One value, or values along an axis, ready to broadcast."""
    if values.size == 1:
        return values.reshape([1] * rank)
    shape = [1] * rank
    shape[1 if axis is None else axis] = values.size
    return values.reshape(shape)
