"""Layers: convolutions, dense layers, activations, pools."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from trigforge.hls.graph import Edge, Ints
from trigforge.hls.ops import Conv, ConvTranspose, Dense, LeakyRelu, MaxPool
from trigforge.hls.readers.orders import is_vector, streamed
from trigforge.hls.readers.pending import leak
from trigforge.hls.readers.reader import Frame, Reader, attributes, frame, pair, slope_integers

NO_PADS = (0, 0, 0, 0)


def conv(reader: Reader, node: onnx.NodeProto) -> None:
    """Two-dimensional convolution, grouped or not."""
    framed = reader.frames.get(node.input[0])
    if framed is not None and framed.zeros:
        del reader.frames[node.input[0]]
    edge, order = reader.place(node)
    settings, weight, weight_fraction = _kernel(reader, node, order)
    bias, bias_fraction = _bias(reader, node, weight.shape[0])
    pads = _pads(reader, node, settings, reader.edges[edge], weight.shape[2:])
    if framed is not None:
        pads = _added(framed.pads, pads)
    name = reader.name("conv")
    exact = Conv(
        name=name,
        inputs=(edge,),
        output=name,
        weight=weight.transpose(2, 3, 1, 0),
        bias=bias,
        weight_fraction=weight_fraction,
        bias_fraction=bias_fraction,
        strides=pair(settings.get("strides", [1, 1])),
        pads=pads,
        groups=settings.get("group", 1),
    )
    reader.add(node, exact, order)


def conv_transpose(reader: Reader, node: onnx.NodeProto) -> None:
    """Transposed convolution of stride one without groups."""
    edge, order = reader.place(node)
    settings, weight, weight_fraction = _kernel(reader, node, order)
    if any(s != 1 for s in settings.get("strides", [1, 1])):
        raise reader.refuse(node, "has a stride; enlarge with Resize and convolve instead")
    if settings.get("group", 1) != 1:
        raise reader.refuse(node, "is grouped or dilated; only group 1 and dilation 1 are known")
    if any(settings.get("output_padding", [])) or "output_shape" in settings:
        raise reader.refuse(node, "sets its output's size; export explicit pads")
    if settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise reader.refuse(node, "pads automatically; export explicit pads")
    bias, bias_fraction = _bias(reader, node, weight.shape[1])
    name = reader.name("deconv")
    exact = ConvTranspose(
        name=name,
        inputs=(edge,),
        output=name,
        weight=weight.transpose(2, 3, 0, 1),
        bias=bias,
        weight_fraction=weight_fraction,
        bias_fraction=bias_fraction,
        pads=frame(settings.get("pads", [0, 0, 0, 0])),
    )
    reader.add(node, exact, order)


def gemm(reader: Reader, node: onnx.NodeProto) -> None:
    """Dense layer."""
    settings = attributes(node)
    scales = [settings.get(key, 1.0) for key in ("alpha", "beta")]
    _, order = reader.place(node)
    if not is_vector(order) or settings.get("transA", 0) or scales != [1.0, 1.0]:
        raise reader.refuse(node, "is not a plain dense layer (alpha = beta = 1, no transA)")
    weight, fraction = reader.integers(node, 1)
    if weight.ndim != 2:
        raise reader.refuse(node, f"has weights of shape {weight.shape}, expected a matrix")
    _dense(reader, node, weight.T if settings.get("transB", 0) else weight, fraction)


def matmul(reader: Reader, node: onnx.NodeProto) -> None:
    """Dense layer without a bias; an addition behind it becomes its bias in lowering."""
    _, order = reader.place(node)
    weight, fraction = reader.integers(node, 1)
    if not is_vector(order) or weight.ndim != 2:
        raise reader.refuse(node, "is not a product of a vector with a constant matrix")
    _dense(reader, node, weight, fraction)


def leaky_relu(reader: Reader, node: onnx.NodeProto) -> None:
    """LeakyReLU and ReLU."""
    slope = attributes(node).get("alpha", 0.01) if node.op_type == "LeakyRelu" else 0.0
    if node.input[0] in reader.pending:
        reader.pending[node.output[0]] = leak(reader, node, slope)
        return
    edge, order = reader.place(node)
    integers, fraction = slope_integers(reader, node, np.array([slope]))
    name = reader.name("leaky")
    exact = LeakyRelu(
        name=name, inputs=(edge,), output=name, slope=int(integers[0]), slope_fraction=fraction
    )
    reader.add(node, exact, order)


def pad(reader: Reader, node: onnx.NodeProto) -> None:
    """A frame that the layer behind it takes over.

    Minus infinity before a max-pool, zeros before a convolution, or before a max-pool whose input
    is never negative: every window has a pixel of the image, so a zero never wins there.
    """
    edge, order = reader.place(node)
    settings = attributes(node)
    pads = reader.sizes(node, 1, "pads")
    fill = np.array([settings.get("value", 0.0)])
    if len(node.input) > 2 and node.input[2]:
        if node.input[2] not in reader.constants:
            raise reader.refuse(node, f"fill {node.input[2]} is computed; it must be a constant")
        fill = reader.constants[node.input[2]]
    mode = settings.get("mode", b"constant")
    outer = [*pads[:2], *pads[4:6]]
    if order != "BCHW" or len(pads) != 8 or any(outer) or min(pads) < 0 or mode != b"constant":
        raise reader.refuse(node, "pads something else than rows and columns of an image")
    zeros = bool(np.all(fill == 0))
    if not zeros and not np.all(np.isneginf(fill)):
        raise reader.refuse(node, "pads with another value than minus infinity or zero")
    sides = (pads[2], pads[3], pads[6], pads[7])
    reader.frames[node.output[0]] = Frame(sides, zeros)
    reader.places[node.output[0]] = (edge, order)


def max_pool(reader: Reader, node: onnx.NodeProto) -> None:
    """Max-pooling."""
    framed = reader.frames.get(node.input[0])
    edge, _ = reader.places.get(node.input[0], ("", ""))
    if framed is not None and (not framed.zeros or int(reader.edges[edge].lo.min()) >= 0):
        del reader.frames[node.input[0]]
    edge, order = reader.place(node)
    settings = attributes(node)
    if order != "BCHW" or len(settings["kernel_shape"]) != 2:
        raise reader.refuse(node, "is not a two-dimensional pool on (B, C, H, W)")
    if settings.get("ceil_mode", 0) or any(d != 1 for d in settings.get("dilations", [1, 1])):
        raise reader.refuse(node, "uses ceil_mode or dilations; export explicit pads instead")
    if len(node.output) > 1 and node.output[1]:
        raise reader.refuse(node, "gives the positions of the maxima too; export without indices")
    kernel = pair(settings["kernel_shape"])
    pads = _pads(reader, node, settings, reader.edges[edge], kernel)
    if framed is not None:
        pads = _added(framed.pads, pads)
    name = reader.name("pool")
    exact = MaxPool(
        name=name,
        inputs=(edge,),
        output=name,
        kernel=kernel,
        strides=pair(settings.get("strides", [1, 1])),
        pads=pads,
    )
    reader.add(node, exact, order)


def _kernel(reader: Reader, node: onnx.NodeProto, order: str) -> tuple[dict[str, Any], Ints, int]:
    """Attributes, weights and their grid of a two-dimensional convolution."""
    settings = attributes(node)
    weight, fraction = reader.integers(node, 1)
    if order != "BCHW" or weight.ndim != 4:
        raise reader.refuse(node, "is not a two-dimensional convolution on (B, C, H, W)")
    if any(d != 1 for d in settings.get("dilations", [1, 1])):
        raise reader.refuse(node, "is dilated; only dilation 1 is known")
    return settings, weight, fraction


def _bias(reader: Reader, node: onnx.NodeProto, outputs: int) -> tuple[Ints, int]:
    """(outputs,) biases and their grid; zeros where there are none."""
    if len(node.input) < 3 or not node.input[2]:
        return np.zeros(outputs, np.int64), 0
    bias, fraction = reader.integers(node, 2)
    if bias.size not in (1, outputs):
        raise reader.refuse(node, f"has {bias.size} biases for {outputs} outputs")
    return np.broadcast_to(bias.reshape(-1), outputs).copy(), fraction


def _dense(reader: Reader, node: onnx.NodeProto, weight: Ints, fraction: int) -> None:
    edge, order = reader.place(node)
    positions = streamed(order)
    if positions is not None and len(weight) == len(positions):
        weight = weight[positions]
    bias, bias_fraction = _bias(reader, node, weight.shape[1])
    name = reader.name("dense")
    exact = Dense(
        name=name,
        inputs=(edge,),
        output=name,
        weight=np.ascontiguousarray(weight),
        bias=bias,
        weight_fraction=fraction,
        bias_fraction=bias_fraction,
    )
    reader.add(node, exact, "BC")


def _pads(
    reader: Reader,
    node: onnx.NodeProto,
    settings: dict[str, Any],
    x: Edge,
    kernel: tuple[int, ...],
) -> tuple[int, int, int, int]:
    """(top, left, bottom, right), explicit or the same number of windows as strides."""
    how = settings.get("auto_pad", b"NOTSET")
    if how in (b"NOTSET", b"VALID"):
        return frame(settings.get("pads", NO_PADS))
    if how not in (b"SAME_UPPER", b"SAME_LOWER"):
        raise reader.refuse(node, "pads automatically in an unknown way; export explicit pads")
    before, after = [], []
    for size, width, stride in zip(x.shape, kernel, settings.get("strides", [1, 1]), strict=False):
        total = max((-(-size // stride) - 1) * stride + width - size, 0)
        small, large = total // 2, total - total // 2
        before.append(small if how == b"SAME_UPPER" else large)
        after.append(large if how == b"SAME_UPPER" else small)
    return frame([*before, *after])


def _added(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return frame([p + q for p, q in zip(a, b, strict=True)])
