"""The two outer oracles: what Brevitas computes and what the exported QONNX file computes.

Both compute in float32, which is exact up to sums of 2^24. Where the range analysis finds that a
sum could be larger, the caller says so and float64 takes over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx.reference import ReferenceEvaluator
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_node
from qonnx.transformation.infer_shapes import InferShapes
from torch import nn

from trigforge.train.errors import InputError
from trigforge.train.scores import batches

Masks = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]

BATCH = 64


def run_brevitas(
    model: nn.Module, masks: Masks, batch_size: int = BATCH, *, float64: bool = False
) -> Float64:
    """Latents (N, Z) of masks (N, H, W) from the quantised torch network.

    Args:
        float64: compute in double precision, for networks whose sums may exceed 2^24.
    """
    model.eval()
    if float64:
        model = deepcopy(model).double()
    dtype = torch.float64 if float64 else torch.float32
    with torch.inference_mode():
        parts = [model(batch.to(dtype)).numpy() for batch in batches(masks, batch_size)]
    return np.concatenate(parts).astype(np.float64)


def run_qonnx(
    path: Path, masks: Masks, batch_size: int = BATCH, *, wide: Collection[str] = ()
) -> Float64:
    """Latents (N, Z) of masks (N, H, W) from a QONNX file; see :func:`run_qonnx_tensors`."""
    target = _load(path).graph.output[0].name
    return run_qonnx_tensors(path, masks[:, None], (target,), batch_size, wide=wide)[target]


def run_qonnx_tensors(
    path: Path,
    x: npt.NDArray[Any],
    keep: Sequence[str],
    batch_size: int = BATCH,
    *,
    wide: Collection[str] = (),
) -> dict[str, Float64]:
    """Tensors of a QONNX file, node by node as qonnx defines them.

    The file has batch 1; its batch dimension is rewritten to evaluate ``batch_size`` events at a
    time.

    Args:
        x: (N, ...) input values.
        keep: names of the tensors to return, each (N, ...).
        wide: tensors whose sums may exceed 2^24; the nodes that write them, and all after them up
            to the next quantiser, run in float64 in onnx's reference evaluator.

    Raises:
        InputError: the file is missing, not ONNX, or expects inputs of another size.
    """
    proto = _load(path)
    source = proto.graph.input[0]
    shape = [d.dim_value for d in source.type.tensor_type.shape.dim]
    if shape[1:] != list(x.shape[1:]):
        raise InputError(f"{path}: expects inputs {shape[1:]}, got {list(x.shape[1:])}")
    models: dict[int, ModelWrapper] = {}
    parts: list[dict[str, npt.NDArray[Any]]] = []
    for start in range(0, len(x), batch_size):
        batch = np.ascontiguousarray(x[start : start + batch_size], np.float32)
        if len(batch) not in models:
            models[len(batch)] = _batched(proto, len(batch))
        context = _execute(models[len(batch)], source.name, batch, wide)
        parts.append({name: context[name] for name in keep})
    return {n: np.concatenate([part[n] for part in parts]).astype(np.float64) for n in keep}


def _execute(
    model: ModelWrapper, source: str, batch: npt.NDArray[np.float32], wide: Collection[str]
) -> dict[str, npt.NDArray[Any]]:
    context: dict[str, npt.NDArray[Any]] = model.make_empty_exec_context()
    context[source] = batch
    opsets = model.get_opset_imports()
    for node in model.graph.node:
        values = [context[name] for name in node.input if name]
        doubled = any(v.dtype == np.float64 for v in values) or node.output[0] in wide
        if node.op_type != "Quant" and doubled:
            context[node.output[0]] = _execute_float64(node, context, opsets.get("", 17))
            continue
        execute_node(node, context, model.graph, opsets.get(node.domain, 1))
        if node.op_type == "Quant":
            context[node.output[0]] = context[node.output[0]].astype(np.float32)
    return context


def _execute_float64(
    node: onnx.NodeProto, context: dict[str, npt.NDArray[Any]], opset: int
) -> npt.NDArray[Any]:
    feeds = {
        name: context[name].astype(np.float64)
        if context[name].dtype == np.float32
        else context[name]
        for name in node.input
        if name
    }
    inputs = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for name, value in feeds.items()
    ]
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = onnx.helper.make_graph([node], "float64", inputs, outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    return np.asarray(ReferenceEvaluator(model).run(None, feeds)[0])


def _load(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the export stage") from None
    except Exception as error:
        raise InputError(f"{path}: not readable as ONNX ({type(error).__name__})") from None


def _batched(proto: onnx.ModelProto, size: int) -> ModelWrapper:
    """A copy of the model for ``size`` events, shapes inferred anew."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.graph.value_info[:]
    for value in (*copy.graph.input, *copy.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = size
    return ModelWrapper(copy).transform(InferShapes())
