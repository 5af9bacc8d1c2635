"""Slow oracle: run a TF-Lite file operation by operation, as the file says and nothing else.

Tensors are channels-last (B, H, W, C) as in the file. Knows nothing of the network's architecture.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from trigforge.train.layers import same_padding
from trigforge.train.tflite.graph import Operation, TfliteGraph


def execute(graph: TfliteGraph, *inputs: Tensor) -> Tensor:
    """The output of a graph with one output, computed in float64 for one batch."""
    values = {k: torch.from_numpy(v.copy()) for k, v in graph.constants.items()}
    values = {k: v.double() if v.is_floating_point() else v.long() for k, v in values.items()}
    values.update({k: v.double() for k, v in zip(graph.inputs, inputs, strict=True)})
    for operation in graph.operations:
        result = _execute(graph, operation, [values[i] for i in operation.inputs])
        values[operation.outputs[0]] = result
    (output,) = graph.outputs
    return values[output]


def _execute(graph: TfliteGraph, operation: Operation, x: Sequence[Tensor]) -> Tensor:
    match operation.name:
        case "ADD":
            return x[0] + x[1]
        case "SUB":
            return x[0] - x[1]
        case "MUL":
            return x[0] * x[1]
        case "SQUARED_DIFFERENCE":
            return (x[0] - x[1]) ** 2
        case "RSQRT":
            return 1 / x[0].sqrt()
        case "LOGISTIC":
            return 1 / (1 + (-x[0]).exp())
        case "LEAKY_RELU":
            return torch.where(x[0] > 0, x[0], operation.option(0, "f") * x[0])
        case "MEAN":
            return x[0].mean(x[1].tolist(), keepdim=bool(operation.option(0, "b")))
        case "CONCATENATION":
            return torch.cat(list(x), dim=operation.option(0, "i"))
        case "TILE":
            return x[0].repeat(*x[1].tolist())
        case "SHAPE":
            return torch.tensor(x[0].shape)
        case "PACK":
            return torch.stack([v.reshape(()) for v in x])
        case "STRIDED_SLICE":
            return x[0][int(x[1])]  # one entry, the axis shrunk away
        case "RESHAPE":
            return x[0].reshape(x[1].tolist())
        case "SLICE":
            for axis, (start, size) in enumerate(zip(x[1].tolist(), x[2].tolist(), strict=True)):
                stop = x[0].shape[axis] if size == -1 else start + size
                x = [x[0].narrow(axis, start, stop - start), *x[1:]]
            return x[0]
        case "FULLY_CONNECTED":
            return x[0] @ x[1].T + x[2]
        case "RESIZE_BILINEAR":
            size = x[1].tolist()
            larger = functional.interpolate(first(x[0]), size, mode="bilinear", align_corners=False)
            return last(larger)
        case "MAX_POOL_2D":
            padded = pad(first(x[0]), 3, 2, -torch.inf)
            return last(functional.max_pool2d(padded, 3, 2))
        case "CONV_2D":
            stride = operation.option(2, "i")
            padded = pad(first(x[0]), x[1].shape[1], stride, 0.0)
            return last(functional.conv2d(padded, x[1].permute(0, 3, 1, 2), x[2], stride))
        case "FlexConv2D":
            before, after = (graph.shapes[i][1] for i in (operation.inputs[0], *operation.outputs))
            stride = -(-before // after)
            padded = pad(first(x[0]), 3, stride, 0.0)
            groups = padded.shape[1] // x[1].shape[2]
            kernel = x[1].permute(3, 2, 0, 1)
            return last(functional.conv2d(padded, kernel, None, stride, groups=groups))
        case name:
            raise NotImplementedError(name)


def first(images: Tensor) -> Tensor:
    """Channels-last to channels-first."""
    return images.permute(0, 3, 1, 2)


def last(images: Tensor) -> Tensor:
    """Channels-first to channels-last."""
    return images.permute(0, 2, 3, 1)


def pad(images: Tensor, kernel: int, stride: int, value: float) -> Tensor:
    """TensorFlow's padding "same" of (B, C, H, W)."""
    rows, columns = (same_padding(size, kernel, stride) for size in images.shape[2:])
    return functional.pad(images, (*columns, *rows), value=value)
