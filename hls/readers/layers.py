"""Layers: convolutions, dense layers, activations, pools, reshapes."""

from __future__ import annotations

import numpy as np
import onnx

from trigforge.hls.ops import Conv, ConvTranspose, Dense, Flatten, LeakyRelu, MaxPool, Unflatten
from trigforge.hls.readers.reader import Reader, attributes, frame, pair, slope_integers


def conv(reader: Reader, node: onnx.NodeProto) -> None:
    """Two-dimensional convolution, grouped or not."""
    edge, order = reader.place(node)
    settings = attributes(node)
    weight, weight_fraction = reader.integers(node, 1)
    if order != "BCHW" or weight.ndim != 4:
        raise reader.refuse(node, "is not a two-dimensional convolution on (B, C, H, W)")
    if any(d != 1 for d in settings.get("dilations", [1, 1])):
        raise reader.refuse(node, "is dilated; only dilation 1 is known")
    if settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise reader.refuse(node, "pads automatically; export explicit pads")
    if len(node.input) > 2:
        bias, bias_fraction = reader.integers(node, 2)
    else:
        bias, bias_fraction = np.zeros(weight.shape[0], np.int64), 0
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
        pads=frame(settings.get("pads", [0, 0, 0, 0])),
        groups=settings.get("group", 1),
    )
    reader.add(node, exact, order)


def gemm(reader: Reader, node: onnx.NodeProto) -> None:
    """Dense layer."""
    edge, order = reader.place(node)
    settings = attributes(node)
    scales = [settings.get(key, 1.0) for key in ("alpha", "beta")]
    if order != "BC" or settings.get("transA", 0) or scales != [1.0, 1.0]:
        raise reader.refuse(node, "is not a plain dense layer (alpha = beta = 1, no transA)")
    weight, weight_fraction = reader.integers(node, 1)
    if settings.get("transB", 0):
        weight = weight.T
    if len(node.input) > 2:
        bias, bias_fraction = reader.integers(node, 2)
    else:
        bias, bias_fraction = np.zeros(weight.shape[1], np.int64), 0
    name = reader.name("dense")
    exact = Dense(
        name=name,
        inputs=(edge,),
        output=name,
        weight=np.ascontiguousarray(weight),
        bias=bias.reshape(-1),
        weight_fraction=weight_fraction,
        bias_fraction=bias_fraction,
    )
    reader.add(node, exact, order)


def matmul(reader: Reader, node: onnx.NodeProto) -> None:
    """Dense layer without a bias; an addition behind it becomes its bias in lowering."""
    edge, order = reader.place(node)
    weight, weight_fraction = reader.integers(node, 1)
    if order != "BC" or weight.ndim != 2:
        raise reader.refuse(node, "is not a product of a vector with a constant matrix")
    name = reader.name("dense")
    exact = Dense(
        name=name,
        inputs=(edge,),
        output=name,
        weight=weight,
        bias=np.zeros(weight.shape[1], np.int64),
        weight_fraction=weight_fraction,
        bias_fraction=0,
    )
    reader.add(node, exact, order)


def leaky_relu(reader: Reader, node: onnx.NodeProto) -> None:
    """LeakyReLU and ReLU."""
    edge, order = reader.place(node)
    slope = attributes(node).get("alpha", 0.01) if node.op_type == "LeakyRelu" else 0.0
    integers, fraction = slope_integers(reader, node, np.array([slope]))
    name = reader.name("leaky")
    exact = LeakyRelu(
        name=name, inputs=(edge,), output=name, slope=int(integers[0]), slope_fraction=fraction
    )
    reader.add(node, exact, order)


def pad(reader: Reader, node: onnx.NodeProto) -> None:
    """A frame of minus infinity, which the max-pool behind it takes over."""
    edge, order = reader.place(node)
    pads = reader.constants.get(node.input[1]) if len(node.input) > 1 else None
    fill = reader.constants.get(node.input[2]) if len(node.input) > 2 else np.zeros(1)
    if order != "BCHW" or pads is None or len(pads) != 8 or np.any(pads[[0, 1, 4, 5]]):
        raise reader.refuse(node, "pads something else than rows and columns of an image")
    if fill is None or not np.all(np.isneginf(fill)):
        raise reader.refuse(
            node, "pads with another value than minus infinity; give convolutions their own pads"
        )
    reader.frames[node.output[0]] = (int(pads[2]), int(pads[3]), int(pads[6]), int(pads[7]))
    reader.places[node.output[0]] = (edge, order)


def max_pool(reader: Reader, node: onnx.NodeProto) -> None:
    """Max-pooling with explicit pads."""
    framed = reader.frames.pop(node.input[0], (0, 0, 0, 0))
    edge, order = reader.place(node)
    settings = attributes(node)
    if order != "BCHW" or len(settings["kernel_shape"]) != 2:
        raise reader.refuse(node, "is not a two-dimensional pool on (B, C, H, W)")
    if settings.get("ceil_mode", 0) or any(d != 1 for d in settings.get("dilations", [1, 1])):
        raise reader.refuse(node, "uses ceil_mode or dilations; export explicit pads instead")
    if settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise reader.refuse(node, "pads automatically; export explicit pads")
    own = frame(settings.get("pads", [0, 0, 0, 0]))
    top, left, bottom, right = (a + b for a, b in zip(framed, own, strict=True))
    name = reader.name("pool")
    exact = MaxPool(
        name=name,
        inputs=(edge,),
        output=name,
        kernel=pair(settings["kernel_shape"]),
        strides=pair(settings.get("strides", [1, 1])),
        pads=(top, left, bottom, right),
    )
    reader.add(node, exact, order)


def transpose(reader: Reader, node: onnx.NodeProto) -> None:
    """Between channels first and channels last; nothing moves in the exact graph."""
    edge, order = reader.place(node)
    order = "".join(order[axis] for axis in attributes(node)["perm"])
    if order not in ("BCHW", "BHWC"):
        raise reader.refuse(node, f"brings the axes into the order {order}")
    reader.known(node.output[0], edge, order)


def flatten(reader: Reader, node: onnx.NodeProto) -> None:
    """Flatten, or a reshape to one vector per event or from that to an image."""
    edge, order = reader.place(node)
    if node.op_type == "Flatten":
        whole = attributes(node).get("axis", 1) == 1
    else:
        target = reader.constants.get(node.input[1], np.zeros(0))
        if len(target) == 4 and order == "BC":
            _unflatten(reader, node, edge, target.tolist())
            return
        whole = len(target) == 2 and (target[1] == -1 or target[0] in (1, -1))
    if not whole:
        raise reader.refuse(node, "reshapes to something else than one vector per event")
    if order == "BC":
        reader.known(node.output[0], edge, order)
        return
    if order != "BHWC":
        raise reader.refuse(
            node, "flattens (C, H, W); transpose to (H, W, C) first, as pixels stream"
        )
    name = reader.name("flatten")
    reader.add(node, Flatten(name=name, inputs=(edge,), output=name), "BC")


def _unflatten(reader: Reader, node: onnx.NodeProto, edge: str, target: list[int]) -> None:
    """A vector becomes an image, channels slowest."""
    size = reader.edges[edge].shape[0]
    sizes = target[1:]
    known = int(np.prod([s for s in sizes if s > 0]))
    sizes = [size // known if s == -1 else s for s in sizes]
    if target[0] not in (0, 1, -1) or min(sizes) < 1 or int(np.prod(sizes)) != size:
        raise reader.refuse(node, f"reshapes a vector of {size} to {target}")
    name = reader.name("unflatten")
    channels, height, width = sizes
    exact = Unflatten(
        name=name, inputs=(edge,), output=name, height=height, width=width, channels=channels
    )
    reader.add(node, exact, "BCHW")


def conv_transpose(reader: Reader, node: onnx.NodeProto) -> None:
    """Transposed convolution of stride one without groups."""
    edge, order = reader.place(node)
    settings = attributes(node)
    weight, weight_fraction = reader.integers(node, 1)
    if order != "BCHW" or weight.ndim != 4:
        raise reader.refuse(node, "is not a two-dimensional convolution on (B, C, H, W)")
    if any(s != 1 for s in settings.get("strides", [1, 1])):
        raise reader.refuse(node, "has a stride; enlarge with Resize and convolve instead")
    if settings.get("group", 1) != 1 or any(d != 1 for d in settings.get("dilations", [1, 1])):
        raise reader.refuse(node, "is grouped or dilated; only group 1 and dilation 1 are known")
    if any(settings.get("output_padding", [])) or "output_shape" in settings:
        raise reader.refuse(node, "sets its output's size; export explicit pads")
    if settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise reader.refuse(node, "pads automatically; export explicit pads")
    if len(node.input) > 2:
        bias, bias_fraction = reader.integers(node, 2)
    else:
        bias, bias_fraction = np.zeros(weight.shape[1], np.int64), 0
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
