"""The two outer oracles: what Brevitas computes and what the exported QONNX file computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from torch import nn

from trigforge.train.errors import InputError
from trigforge.train.scores import batches

Masks = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]

BATCH = 64


def run_brevitas(model: nn.Module, masks: Masks, batch_size: int = BATCH) -> Float64:
    """Latents (N, Z) of masks (N, H, W) from the quantised torch network."""
    model.eval()
    with torch.inference_mode():
        parts = [model(batch).numpy() for batch in batches(masks, batch_size)]
    return np.concatenate(parts).astype(np.float64)


def run_qonnx(path: Path, masks: Masks, batch_size: int = BATCH) -> Float64:
    """Latents (N, Z) of masks (N, H, W) from a QONNX file, node by node as qonnx defines them.

    The file has batch 1; its batch dimension is rewritten to evaluate ``batch_size`` events at a
    time.

    Raises:
        InputError: the file is missing, not ONNX, or expects images of another size.
    """
    try:
        proto = onnx.load(str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the export stage") from None
    except Exception as error:
        raise InputError(f"{path}: not readable as ONNX ({type(error).__name__})") from None
    source, target = proto.graph.input[0], proto.graph.output[0].name
    shape = [d.dim_value for d in source.type.tensor_type.shape.dim]
    if shape[2:] != list(masks.shape[1:]):
        raise InputError(f"{path}: expects images {shape[2:]}, got {list(masks.shape[1:])}")
    models: dict[int, ModelWrapper] = {}
    parts = []
    for start in range(0, len(masks), batch_size):
        batch = masks[start : start + batch_size].astype(np.float32)[:, None]
        if len(batch) not in models:
            models[len(batch)] = _batched(proto, len(batch))
        parts.append(execute_onnx(models[len(batch)], {source.name: batch})[target])
    return np.concatenate(parts).astype(np.float64)


def _batched(proto: onnx.ModelProto, size: int) -> ModelWrapper:
    """A copy of the model for ``size`` events, shapes inferred anew."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.graph.value_info[:]
    for value in (*copy.graph.input, *copy.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = size
    return ModelWrapper(copy).transform(InferShapes())
