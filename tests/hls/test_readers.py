"""Node by node: what the reader makes of ONNX, compared tensor by tensor with ONNX itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx_files import Builder
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from samples import random_values
from torch.nn import functional

from trigforge.hls.emulator import Emulator
from trigforge.hls.ops import (
    Append,
    Bilinear,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    LeakyRelu,
    Nearest,
    Prelu,
    Scale,
    Split,
    Total,
    Unflatten,
)
from trigforge.hls.passes import lower
from trigforge.hls.read_qonnx import QonnxGraph, read_qonnx
from trigforge.train.errors import UnsupportedError

Write = Callable[[Builder], str]
IMAGE = (1, 4, 5, 7)


def start(builder: Builder) -> str:
    """A signed input with six bits."""
    return builder.quant("x", "x_q", scale=0.125, bits=6)


def read(path: Path, write: Write, shape: tuple[int, ...] = IMAGE) -> QonnxGraph:
    builder = Builder()
    return read_qonnx(builder.save(path, write(builder), shape))


def check(path: Path, write: Write, shape: tuple[int, ...] = IMAGE) -> QonnxGraph:
    """Every tensor that has an edge equals that edge, and lowering keeps the output."""
    source = read(path, write, shape)
    graph = source.graph
    model = ModelWrapper(onnx.load(str(path))).transform(InferShapes())
    x = random_values(np.random.default_rng(1), graph.edges["x"], 6)
    edges = [edge for edge in graph.edges if edge in source.tensors]
    got = Emulator(graph, edges).run(x)
    (output,) = graph.outputs
    assert np.array_equal(Emulator(lower(graph)).run(x)[output], got[output])
    for event, integers in enumerate(x):
        values = integers * 2.0 ** -graph.edges["x"].fraction
        feed = values.transpose(2, 0, 1) if values.ndim == 3 else values
        tensors = execute_onnx(
            model, {"x": feed[None].astype(np.float32)}, return_full_exec_context=True
        )
        for edge in edges:
            tensor = source.tensors[edge]
            expected = tensor.to_edge(tensors[tensor.name])[0]
            scaled = expected.astype(np.float64) * 2.0 ** graph.edges[edge].fraction
            assert np.array_equal(scaled, got[edge][event]), edge
    return source


def per_channel(builder: Builder, name: str, seed: int, shape: tuple[int, ...] = (4, 1, 1)) -> str:
    values = np.random.default_rng(seed).integers(-60, 60, shape) / 8
    return builder.grid(name, values)


def test_prelu_per_channel_and_with_one_slope(tmp_path: Path) -> None:
    def write(b: Builder) -> str:
        b.constant("slopes", np.array([0.5, -0.25, 0, 1.75], np.float32).reshape(4, 1, 1))
        b.constant("slope", np.array([0.1875], np.float32))
        b.constant("steep", np.array([1.5], np.float32))
        first = b.node("PRelu", [start(b), "slopes"], "p")
        second = b.node("PRelu", [first, "slope"], "l")
        return b.node("PRelu", [second, "steep"], "s")

    first, second, third = check(tmp_path / "m.onnx", write).graph.nodes
    assert isinstance(first, Prelu) and first.slopes.tolist() == [2, -1, 0, 7]
    assert isinstance(second, LeakyRelu) and (second.slope, second.slope_fraction) == (3, 4)
    assert isinstance(third, Prelu) and third.slopes.tolist() == [3] * 4


def test_two_tensors_on_different_grids(tmp_path: Path) -> None:
    def write(b: Builder) -> str:
        x = start(b)
        y = b.quant(x, "y", scale=0.5, bits=3, rounding_mode="FLOOR")
        total = b.node("Add", [x, y], "a")
        difference = b.node("Sub", [y, x], "s")
        return b.node("Mul", [total, difference], "m")

    graph = check(tmp_path / "m.onnx", write).graph
    assert [n.op for n in graph.nodes] == ["quantise", "add", "sub", "mul"]


@pytest.mark.parametrize("shape", [(4, 1, 1), (1, 4, 1, 1), (1,), ()])
def test_constants_per_channel_either_way_round(tmp_path: Path, shape: tuple[int, ...]) -> None:
    def write(b: Builder) -> str:
        y = b.node("Mul", [start(b), per_channel(b, "a", 1, shape)], "m")
        y = b.node("Add", [per_channel(b, "b", 2, shape), y], "p")
        y = b.node("Sub", [y, per_channel(b, "c", 3, shape)], "s")
        y = b.quant(y, "q", scale=0.25, bits=7, rounding_mode="FLOOR")
        return b.node("Sub", [per_channel(b, "d", 4, shape), y], "t")

    graph = check(tmp_path / "m.onnx", write).graph
    assert sum(isinstance(node, Scale) for node in graph.nodes) == 4


def test_batch_norm_on_a_grid(tmp_path: Path) -> None:
    def write(b: Builder) -> str:
        b.constant("gamma", np.array([1, -2, 0.5, 3], np.float32))
        b.constant("beta", np.array([0.25, 0, -1, 2], np.float32))
        b.constant("mean", np.array([0.5, 1, -0.25, 0], np.float32))
        b.constant("variance", np.array([1, 4, 0.25, 16], np.float32))
        inputs = [start(b), "gamma", "beta", "mean", "variance"]
        return b.node("BatchNormalization", inputs, "n", epsilon=0.0)

    (node,) = check(tmp_path / "m.onnx", write).graph.nodes
    assert isinstance(node, Scale)
    assert (node.factor * 2.0**-node.factor_fraction).tolist() == [1, -1, 1, 0.75]


def test_split_slice_and_concat_with_a_mesh(tmp_path: Path) -> None:
    def write(b: Builder) -> str:
        x = start(b)
        b.constant("sizes", np.array([1, 3], np.int64))
        b.nodes.append(onnx.helper.make_node("Split", [x, "sizes"], ["u", "v"], "split", axis=1))
        b.nodes.append(onnx.helper.make_node("Split", [x], ["g", "h"], "halves", axis=-3))
        joined = b.node("Concat", ["v", "u", "h"], "j", axis=1)
        mesh = np.stack(np.meshgrid(np.arange(5) - 2, np.arange(7) - 3, indexing="ij"))[None] / 16
        b.grid("mesh", mesh, scale=1 / 16)
        with_mesh = b.node("Concat", [joined, "g", "mesh_q"], "k", axis=-3)
        for name, values in {"from": [1, -5, 2], "to": [2**40, -1, 99], "axes": [2, 3, -3]}.items():
            b.constant(name, np.array(values, np.int64))
        return b.node("Slice", [with_mesh, "from", "to", "axes"], "w")

    graph = check(tmp_path / "m.onnx", write).graph
    (append,) = (n for n in graph.nodes if isinstance(n, Append))
    assert append.constant.shape == (5, 7, 2) and append.constant_fraction == 4
    (crop,) = (n for n in graph.nodes if isinstance(n, Crop))
    assert (crop.top, crop.left, crop.height, crop.width) == (1, 2, 4, 4)
    last = graph.nodes[-1]
    assert isinstance(last, Split) and (last.start, last.stop) == (2, 10)


def test_a_slice_that_takes_everything_is_nothing(tmp_path: Path) -> None:
    def write(b: Builder) -> str:
        b.constant("from", np.array([0, 0], np.int64))
        b.constant("to", np.array([4, 5], np.int64))
        b.constant("axes", np.array([1, 2], np.int64))
        whole = b.node("Slice", [start(b), "from", "to", "axes"], "w")
        return b.node("Relu", [whole], "r")

    assert len(check(tmp_path / "m.onnx", write).graph.nodes) == 1


def test_a_product_and_an_addition_become_one_dense_layer(tmp_path: Path) -> None:
    def write(b: Builder) -> str:
        weight = b.grid("w", np.random.default_rng(0).integers(-20, 20, (6, 3)) / 8)
        product = b.node("MatMul", [start(b), weight], "m")
        return b.node("Add", [product, per_channel(b, "b", 5, (3,))], "p")

    graph = lower(check(tmp_path / "m.onnx", write, (1, 6)).graph)
    (node,) = graph.nodes
    assert isinstance(node, Dense) and np.any(node.bias)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_resizing_of_images_that_are_not_square(tmp_path: Path, mode: str) -> None:
    def write(b: Builder) -> str:
        b.constant("scales", np.array([1, 1, 2, 2], np.float32))
        extra = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        settings = extra if mode == "nearest" else {"coordinate_transformation_mode": "half_pixel"}
        return b.node("Resize", [start(b), "", "scales"], "r", mode=mode, **settings)

    source = check(tmp_path / "m.onnx", write)
    (node,) = source.graph.nodes
    assert isinstance(node, Nearest if mode == "nearest" else Bilinear)
    x = random_values(np.random.default_rng(2), source.graph.edges["x"], 3)
    images = torch.from_numpy(x.transpose(0, 3, 1, 2)).double()
    kind = "nearest" if mode == "nearest" else "bilinear"
    expected = functional.interpolate(images, scale_factor=2, mode=kind).numpy()
    unit = 1 if mode == "nearest" else 16
    got = Emulator(source.graph).run(x)[node.output]
    assert np.array_equal(got, expected.transpose(0, 2, 3, 1) * unit)


def test_resizing_to_stated_sizes(tmp_path: Path) -> None:
    def write(b: Builder) -> str:
        sizes = ints(b, "sizes", 1, 4, 10, 14)
        return b.node("Resize", [start(b), "", "", sizes], "r", mode="linear")

    assert isinstance(check(tmp_path / "m.onnx", write).graph.nodes[0], Bilinear)


@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1), (2, 0, 1, 3)])
def test_transposed_convolution_becomes_a_convolution(
    tmp_path: Path, pads: tuple[int, int, int, int]
) -> None:
    def write(b: Builder) -> str:
        weight = b.grid("w", np.random.default_rng(0).integers(-20, 20, (4, 3, 3, 4)) / 8)
        bias = b.grid("b", np.array([0.5, -3, 2]))
        return b.node("ConvTranspose", [start(b), weight, bias], "d", pads=list(pads))

    source = check(tmp_path / "m.onnx", write)
    (node,) = source.graph.nodes
    (conv,) = lower(source.graph).nodes
    assert isinstance(node, ConvTranspose) and isinstance(conv, Conv)
    assert conv.pads == tuple(k - 1 - p for k, p in zip((3, 4, 3, 4), pads, strict=True))
    x = random_values(np.random.default_rng(2), source.graph.edges["x"], 3)
    if pads[0] == pads[2] and pads[1] == pads[3]:  # torch cuts both sides alike
        weight = torch.from_numpy(node.weight.transpose(2, 3, 0, 1).copy()).double()
        images = torch.from_numpy(x.transpose(0, 3, 1, 2)).double()
        product, bias = source.graph.edges["x"].fraction + node.weight_fraction, node.bias
        scaled = torch.from_numpy(bias * 2 ** (product - node.bias_fraction)).double()
        expected = functional.conv_transpose2d(images, weight, scaled, padding=pads[:2])
        got = Emulator(source.graph).run(x)[node.output]
        assert np.array_equal(got, expected.numpy().transpose(0, 2, 3, 1))


def test_a_vector_becomes_an_image_in_onnxs_order(tmp_path: Path) -> None:
    def write(b: Builder) -> str:
        return b.node("Reshape", [start(b), ints(b, "shape", 1, 2, -1, 3)], "r")

    (node,) = check(tmp_path / "m.onnx", write, (1, 24)).graph.nodes
    assert isinstance(node, Unflatten)
    assert (node.height, node.width, node.channels) == (4, 3, 2)
    with pytest.raises(UnsupportedError, match=r"node r: reshapes a vector of 24 to \[2, 2"):
        read(
            tmp_path / "m.onnx",
            lambda b: b.node("Reshape", [start(b), ints(b, "shape", 2, 2, 2, 3)], "r"),
            (1, 24),
        )


def ints(b: Builder, name: str, *values: int) -> str:
    return b.constant(name, np.array(values, np.int64))


def resized(b: Builder, scales: list[float], **settings: object) -> str:
    b.constant("scales", np.array(scales, np.float32))
    return b.node("Resize", [start(b), "", "scales"], "n", **settings)


def deconvolved(b: Builder, **settings: object) -> str:
    weight = b.grid("w", np.ones((4, 2, 3, 3)))
    return b.node("ConvTranspose", [start(b), weight], "n", **settings)


REFUSED: dict[str, Write] = {
    "does not double rows and columns": lambda b: resized(b, [1, 1, 2, 3]),
    "resizes with cubic": lambda b: resized(b, [1, 1, 2, 2], mode="cubic"),
    "resizes with linear, align_corners": lambda b: resized(
        b, [1, 1, 2, 2], mode="linear", coordinate_transformation_mode="align_corners"
    ),
    "resizes with nearest, asymmetric, ceil": lambda b: resized(
        b, [1, 1, 2, 2], coordinate_transformation_mode="asymmetric", nearest_mode="ceil"
    ),
    "has a stride; enlarge with Resize": lambda b: deconvolved(b, strides=[2, 2]),
    "is grouped or dilated": lambda b: deconvolved(b, group=2),
    "sets its output's size": lambda b: deconvolved(b, output_shape=[5, 7]),
    "pads automatically": lambda b: deconvolved(b, auto_pad="SAME_UPPER"),
    r"combines a tensor with a constant of shape \(5, 1\)": lambda b: b.node(
        "Add", [start(b), b.grid("c", np.ones((5, 1)))], "n"
    ),
    "c is floating point; quantise it.* with --output x_q": lambda b: b.node(
        "Mul", [start(b), b.constant("c", 0.3)], "n"
    ),
    "the slope x_q is computed": lambda b: b.node("PRelu", [start(b), "x_q"], "n"),
    "has the slope 0.3, which is not a multiple": lambda b: b.node(
        "PRelu", [start(b), b.constant("c", [0.3])], "n"
    ),
    "has factors or offsets that are on no grid; merge it": lambda b: b.node(
        "BatchNormalization",
        [start(b), *(b.constant(name, np.ones(4, np.float32)) for name in "abcd")],
        "n",
    ),
    "normalises with statistics of the batch": lambda b: b.node(
        "BatchNormalization",
        [start(b), *(b.constant(name, np.ones(4, np.float32)) for name in "abc"), "x_q"],
        "n",
    ),
    r"combines the axes BCHW with BHWC": lambda b: b.node(
        "Add", [start(b), b.node("Transpose", ["x_q"], "t", perm=[0, 2, 3, 1])], "n"
    ),
    "joins along H; only channels": lambda b: b.node("Concat", [start(b), "x_q"], "n", axis=2),
    "joins tensors of different axes": lambda b: b.node(
        "Concat", [start(b), b.node("Transpose", ["x_q"], "t", perm=[0, 2, 3, 1])], "n", axis=1
    ),
    "joins a constant that is not one image": lambda b: b.node(
        "Concat", [start(b), b.grid("c", np.ones((2, 1, 5, 7)))], "n", axis=1
    ),
    "splits along W; only channels": lambda b: b.node("Split", [start(b)], "n", axis=3),
    "only steps of one": lambda b: b.node(
        "Slice",
        [start(b), ints(b, "f", 0), ints(b, "t", 4), ints(b, "a", 2), ints(b, "s", 2)],
        "n",
    ),
    "takes events out of the batch": lambda b: b.node(
        "Slice", [start(b), ints(b, "f", 0), ints(b, "t", 1)], "n"
    ),
    "leaves nothing of the 5 entries of axis H": lambda b: b.node(
        "Slice", [start(b), ints(b, "f", 3), ints(b, "t", 2), ints(b, "a", 2)], "n"
    ),
    "input x_q is computed; export it as a constant": lambda b: b.node(
        "Slice", [start(b), "x_q", ints(b, "t", 2)], "n"
    ),
    "is not a product of a vector with a constant matrix": lambda b: b.node(
        "MatMul", [start(b), b.grid("c", np.ones((7, 2)))], "n"
    ),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_cannot_be_exact_is_refused_by_node(tmp_path: Path, sentence: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"m\.onnx: node n: .*{sentence}"):
        read(tmp_path / "m.onnx", REFUSED[sentence])


@pytest.mark.parametrize(("keepdims", "shape"), [(0, (4,)), (1, (1, 1, 4))])
def test_sums_over_pixels(tmp_path: Path, keepdims: int, shape: tuple[int, ...]) -> None:
    def write(builder: Builder) -> str:
        axes = builder.constant("axes", np.array([2, -1]))
        return builder.node("ReduceSum", [start(builder), axes], "y", keepdims=keepdims)

    graph = check(tmp_path / "sum.onnx", write).graph
    assert isinstance(graph.nodes[0], Total) and graph.edges["total1"].shape == (4,)
    assert graph.edges[graph.outputs[0]].shape == shape


def test_sums_that_keep_their_axes_are_an_image_of_one_pixel(tmp_path: Path) -> None:
    def write(builder: Builder) -> str:
        axes = builder.constant("axes", np.array([2, 3]))
        return builder.node("ReduceSum", [start(builder), axes], "y", keepdims=1)

    graph = check(tmp_path / "sum.onnx", write).graph
    assert graph.edges[graph.outputs[0]].shape == (1, 1, 4)


@pytest.mark.parametrize(
    ("axes", "keepdims", "reason"),
    [([1], 0, "sums over C of BCHW; known are"), ([0, 2, 3], 1, "reduces over the batch")],
)
def test_other_sums_are_refused(
    tmp_path: Path, axes: list[int], keepdims: int, reason: str
) -> None:
    def write(builder: Builder) -> str:
        constant = builder.constant("axes", np.array(axes))
        return builder.node("ReduceSum", [start(builder), constant], "y", keepdims=keepdims)

    with pytest.raises(UnsupportedError, match=reason):
        read(tmp_path / "sum.onnx", write)
