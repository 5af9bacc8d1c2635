"""The two outer oracles: what Brevitas computes and what the exported QONNX file computes.

Both carry integers in floating point. Convolutions run in float32, which is exact while every sum
stays below 2^24 steps of its grid (:func:`sum_bounds` proves it or refuses); dense layers sum
thousands of products and run in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from torch import Tensor, nn

from trigforge.quantize.reference import File, run_twin
from trigforge.quantize.twin import layers_in_order
from trigforge.train.codae import MaskEncoder
from trigforge.train.errors import InputError, UnsupportedError
from trigforge.train.mask_sum import MaskSum
from trigforge.train.scores import batches, evaluate_latents

Inputs = npt.NDArray[Any]
Float64 = npt.NDArray[np.float64]

BATCH = 16
FLOAT32_STEPS = 2.0**24
FLOAT64_STEPS = 2.0**53


@torch.no_grad()
def sum_bounds(model: MaskEncoder) -> list[float]:
    """Largest possible |sum| of each layer with weights, in steps of its grid, input to output.

    Masks are at most 1, activations at most 2^(bits - 1) steps.
    """
    bounds = []
    largest, grid = 1.0, 1.0
    for layer, activation in layers_in_order(model):
        weight, bias = layer.quant_weight(), layer.quant_bias()
        sums = weight.value.double().abs().flatten(1).sum(1) * largest * grid
        step = min(float(weight.scale) * grid, float(bias.scale))
        bounds.append(float((sums + bias.value.double().abs()).max()) / step)
        if activation is not None:
            quantizer = activation.quantizer.act_quant
            largest, grid = 2.0 ** (float(quantizer.bit_width()) - 1), float(quantizer.scale())
    return bounds


def run_brevitas(model: nn.Module, inputs: Inputs, batch_size: int = BATCH) -> Float64:
    """Latents or scores (N, Z) of inputs on their grid from the quantised torch network, exact.

    A mask sum is its own quantised network: below 2^24 float32 counts exactly. All but mask
    encoders run in float64.

    Args:
        inputs: (N, H, W) images or (N, V) variables.

    Raises:
        UnsupportedError: a layer's sums may exceed what its floating-point type holds exactly.
    """
    if isinstance(model, MaskSum):
        return evaluate_latents(model, inputs, batch_size).astype(np.float64)
    if not isinstance(model, MaskEncoder):
        return run_twin(model, inputs, batch_size)
    *convolutions, dense = sum_bounds(model)
    for index, bound in enumerate(convolutions):
        if bound > FLOAT32_STEPS:
            raise UnsupportedError(
                f"convolution {index}: sums reach {bound:.3g} steps, above the 2^24 that float32 "
                "holds exactly; take fewer weight, activation or bias bits"
            )
    if dense > FLOAT64_STEPS:
        raise UnsupportedError(f"dense layer: sums reach {dense:.3g} steps, above 2^53")
    exact = deepcopy(model).eval()
    exact.dense.double()
    exact.dense.register_forward_pre_hook(_to_double)
    with torch.inference_mode():
        parts = [exact(batch).numpy() for batch in batches(inputs, batch_size)]
    return np.concatenate(parts).astype(np.float64)


def run_qonnx(path: Path, inputs: Inputs, batch_size: int = BATCH) -> Float64:
    """The output (N, Z) of a QONNX file; see :func:`run_qonnx_tensors`."""
    target = _load(path).graph.output[0].name
    return run_qonnx_tensors(path, inputs, (target,), batch_size)[target]


def run_qonnx_tensors(
    path: Path, inputs: Inputs, keep: Sequence[str], batch_size: int = BATCH
) -> dict[str, Float64]:
    """Tensors of a QONNX file, node by node as qonnx defines them.

    The file has batch 1; a copy in memory gets ``batch_size`` and float64 in front of its dense
    layers, nothing else is changed. Files with local functions or with variables for inputs run in
    float64 from end to end, see :mod:`trigforge.quantize.reference`.

    Args:
        inputs: (N, H, W) images or (N, V) variables, on the grid of the file's input.
        keep: names of the tensors to return, each (N, ...).

    Raises:
        InputError: the file is missing, not ONNX, or expects images of another size.
    """
    proto = _load(path)
    if proto.functions or inputs.ndim == 2:
        return File(path, keep).run(inputs, batch_size)
    source = proto.graph.input[0]
    shape = [d.dim_value for d in source.type.tensor_type.shape.dim]
    if shape[2:] != list(inputs.shape[1:]):
        raise InputError(f"{path}: expects images {shape[2:]}, got {list(inputs.shape[1:])}")
    models: dict[int, ModelWrapper] = {}
    parts: list[dict[str, npt.NDArray[Any]]] = []
    for start in range(0, len(inputs), batch_size):
        batch = inputs[start : start + batch_size].astype(np.float32)[:, None]
        if len(batch) not in models:
            models[len(batch)] = _batched(proto, len(batch))
        context = execute_onnx(models[len(batch)], {source.name: batch}, True)
        parts.append({name: context[name] for name in keep})
    return {n: np.concatenate([part[n] for part in parts]).astype(np.float64) for n in keep}


def _load(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the export stage") from None
    except Exception as error:
        raise InputError(f"{path}: not readable as ONNX ({type(error).__name__})") from None


def _to_double(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
    (features,) = inputs
    return (features.double(),)


def _batched(proto: onnx.ModelProto, size: int) -> ModelWrapper:
    """A copy of the model for ``size`` events, with dense layers in float64."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    graph = copy.graph
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = size
    nodes = []
    for node in graph.node:
        if node.op_type == "Gemm":
            for index, name in enumerate(list(node.input)):
                double = f"{node.output[0]}_double_{index}"
                nodes.append(helper.make_node("Cast", [name], [double], to=TensorProto.DOUBLE))
                node.input[index] = double
            for value in graph.output:
                if value.name == node.output[0]:
                    value.type.tensor_type.elem_type = TensorProto.DOUBLE
        nodes.append(node)
    kept = [deepcopy(node) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)
    return ModelWrapper(copy).transform(InferShapes())
