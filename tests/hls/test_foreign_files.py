"""Files of other projects: QONNX and QCDQ, the public fixtures, and what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_files import Builder, qcdq, tiny
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Ints
from trigforge.hls.ops import Flatten, Lookup, Quantise, Thresholds
from trigforge.hls.passes import lower
from trigforge.hls.read_qonnx import QonnxGraph, read_qonnx
from trigforge.hls.readers.orders import from_edge
from trigforge.hls.stages.imported import against_oracle, vectors
from trigforge.train.errors import InputError, TrigforgeError, UnsupportedError

BYTES = Format(8, 0, False)
SIXTEEN = Format(16, 6, True)


def agree(path: Path, source: QonnxGraph, count: int = 40) -> None:
    """The file in float64 and the lowered graph, on random and extreme integers."""
    graph = lower(source.graph)
    for kind, x in vectors(graph, count).items():
        found = against_oracle(source, graph, path, kind, x)
        assert found.mismatches == 0, (kind, found.first_layer)


def by_qonnx(path: Path, tensor: str, x: Ints, fraction: int) -> Ints:
    """What qonnx's own float32 execution gives, event by event."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # old domains, outputs without a shape
        return _by_qonnx(path, tensor, x, fraction)


def _by_qonnx(path: Path, tensor: str, x: Ints, fraction: int) -> Ints:
    model = ModelWrapper(onnx.load(str(path))).transform(InferShapes())
    name = model.graph.input[0].name
    order = "BCHW" if x.ndim == 4 else "BC"
    found = []
    for event in from_edge(x * 2.0**-fraction, order):
        context = execute_onnx(model, {name: event[None].astype(np.float32)}, True)
        found.append(context[tensor][0])
    return np.stack(found)


def test_tfc_runs_exactly(shared: Path) -> None:
    path = shared / "fixtures" / "qonnx" / "TFC_2W2A.onnx"
    source = read_qonnx(path, input_format=BYTES, output="82")
    agree(path, source, 60)
    graph = lower(source.graph)
    names = [node.op for node in graph.nodes]
    assert names == ["scale", "quantise", "flatten", *["dense", "thresholds"] * 3, "dense"]
    # no comparator sits where float32 rounds to the other side
    assert source.notes == tuple(f"Quant_{n}: 128 comparators in 64 channels" for n in (25, 37, 49))
    for x in vectors(graph, 20).values():
        expected = by_qonnx(path, "82", x, 8)
        assert np.array_equal(Emulator(graph).run(x)[graph.outputs[0]], expected)


def test_the_jet_tagger_runs_exactly_up_to_its_logits(shared: Path) -> None:
    path = shared / "fixtures" / "qonnx" / "qkeras_jettagging.onnx"
    with pytest.raises(UnsupportedError, match=r"node Softmax_0: .*logits.*--output Add_3_out0"):
        read_qonnx(path, input_format=SIXTEEN)
    source = read_qonnx(path, input_format=SIXTEEN, output="Add_3_out0")
    agree(path, source, 200)
    # six input bits: every sum fits float32, so qonnx itself is exact too
    small = read_qonnx(path, input_format=Format(6, 3, True), output="Add_3_out0")
    graph = lower(small.graph)
    (output,) = graph.outputs
    for x in vectors(graph, 40).values():
        scaled = by_qonnx(path, "Add_3_out0", x, 3) * 2.0 ** graph.edges[output].fraction
        assert np.array_equal(Emulator(graph).run(x)[output], scaled)


def test_a_float_network_is_refused(shared: Path) -> None:
    path = shared / "fixtures" / "qonnx" / "mnist-conv_model.onnx"
    with pytest.raises(UnsupportedError, match=r"node Convolution28: Parameter5 is floating point"):
        read_qonnx(path, input_format=BYTES)


@pytest.mark.parametrize("zero", [0, -8, 3])
def test_qcdq_with_zero_points_and_channel_scales(tmp_path: Path, zero: int) -> None:
    path = qcdq(tmp_path / "m.onnx", zero=zero)
    source = read_qonnx(path)
    agree(path, source)
    quantiser = next(n for n in source.graph.nodes if isinstance(n, Quantise))
    assert quantiser.rounding == "half_even" and quantiser.bounds == (-8 - zero, 7 - zero)
    assert any(isinstance(n, Flatten) for n in source.graph.nodes)
    x = vectors(lower(source.graph), 12)["random"]
    expected = by_qonnx(path, "z", x, 3)
    graph = lower(source.graph)
    assert np.array_equal(Emulator(graph).run(x)[graph.outputs[0]], expected * 2)


def staircase(path: Path, *functions: tuple[str, str, dict[str, float]], bits: int = 3) -> Path:
    """Dense layer, functions of one constant each, quantiser."""
    rng = np.random.default_rng(4)
    b = Builder()
    x = b.quant("x", "x_q", scale=0.125, bits=6)
    y = b.node("MatMul", [x, b.grid("w", rng.integers(-20, 20, (6, 4)) / 8)], "m")
    for index, (kind, name, settings) in enumerate(functions):
        inputs = [y]
        if kind == "BatchNormalization":
            values = (rng.normal(1, 0.7, 4), rng.normal(0, 0.5, 4), rng.normal(0, 2, 4))
            values = (*values, rng.uniform(0.5, 3, 4))
            inputs += [b.constant(f"{name}{i}", v.astype(np.float32)) for i, v in enumerate(values)]
            b.constants[-4].CopyFrom(
                onnx.numpy_helper.from_array(np.array([1.1, -0.7, 0, 0.3], np.float32), f"{name}0")
            )
        elif settings:
            inputs.append(b.constant(f"{name}c", settings.pop("by")))
        y = b.node(kind, inputs, f"{name}{index}_out")
    y = b.quant(y, "q", scale=0.25, bits=bits)
    return b.save(path, y, (1, 6), (1, 4))


def test_a_quantiser_behind_a_batch_norm_becomes_comparators(tmp_path: Path) -> None:
    chain = [("BatchNormalization", "n", {}), ("Mul", "k", {"by": 0.3}), ("Relu", "r", {})]
    path = staircase(tmp_path / "m.onnx", *chain)
    source = read_qonnx(path)
    node = source.graph.nodes[-1]
    assert isinstance(node, Thresholds)
    assert {-1, 1} == set(node.step.tolist())
    agree(path, source, 400)


def test_every_reachable_sum_of_a_staircase_equals_the_file(tmp_path: Path) -> None:
    """The oracle in the obvious way: every integer of the accumulator through the functions."""
    path = staircase(tmp_path / "m.onnx", ("BatchNormalization", "n", {}))
    source = read_qonnx(path)
    dense, node = source.graph.nodes[0], source.graph.nodes[-1]
    assert isinstance(node, Thresholds)
    edge = source.graph.edges[dense.output]
    parameters = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    gamma, beta, mean, variance = (parameters[f"n{i}"].astype(np.float64) for i in range(4))
    for c in range(4):
        x = np.arange(int(edge.lo[c]), int(edge.hi[c]) + 1)
        value = gamma[c] * (x * 2.0**-edge.fraction - mean[c]) / np.sqrt(variance[c] + 1e-5)
        expected = np.clip(np.rint((value + beta[c]) / 0.25), -4, 3)
        got = node.apply(np.repeat(x[:, None], 4, axis=1))[:, c]
        assert np.array_equal(got, expected)


@pytest.mark.parametrize("kind", ["Sigmoid", "Tanh", "Softplus"])
def test_a_function_becomes_a_table_of_stated_error(tmp_path: Path, kind: str) -> None:
    path = staircase(tmp_path / "m.onnx", (kind, "f", {}), bits=6)
    source = read_qonnx(path)
    assert isinstance(source.graph.nodes[-1], Lookup)
    (note,) = source.notes
    assert "a table of" in note and "largest error 0.1" in note and "(one step is 0.25)" in note
    agree(path, source, 200)


def test_bipolar_activations_and_weights(tmp_path: Path) -> None:
    b = Builder()
    x = b.quant("x", "x_q", scale=0.5, bits=4)
    b.constant("w", np.random.default_rng(1).normal(0, 1, (6, 4)).astype(np.float32))
    b.constant("one", 0.5)
    domain = "qonnx.custom_op.general"
    b.nodes.append(helper.make_node("BipolarQuant", ["w", "one"], ["wb"], name="wb", domain=domain))
    y = b.node("MatMul", [x, "wb"], "m")
    b.nodes.append(helper.make_node("BipolarQuant", [y, "one"], ["s"], name="s", domain=domain))
    path = b.save(tmp_path / "m.onnx", "s", (1, 6), (1, 4))
    source = read_qonnx(path)
    agree(path, source)
    assert source.graph.edges[source.graph.outputs[0]].lo.tolist() == [-1] * 4


def many(path: Path) -> Path:
    """Reductions, absolute values, squares, limits, negation, zero padding, shapes."""
    rng = np.random.default_rng(6)
    b = Builder()
    x = b.quant("x", "x_q", scale=0.25, bits=5)
    b.constant("pads", np.array([0, 0, 1, 0, 0, 0, 0, 2], np.int64))
    y = b.node("Pad", [x, "pads"], "pad", mode="constant")
    y = b.node("Conv", [y, b.grid("w", rng.integers(-9, 9, (3, 2, 2, 2)) / 8)], "c")
    y = b.node("Clip", [y, b.constant("low", -2.5), b.constant("high", 6.0)], "k")
    a = b.node("Abs", [b.node("Neg", [y], "n")], "a")
    s = b.node("Pow", [y, b.constant("two", 2.0)], "s")
    both = b.node("Concat", [a, s, y], "both", axis=1)
    b.constant("hw", np.array([2, 3], np.int64))
    total = b.node("ReduceSum", [both, "hw"], "t", keepdims=0)
    top = b.node("ReduceMax", [both], "h", axes=[2, 3], keepdims=1)
    top = b.node("Squeeze", [top, "hw"], "hs")
    y = b.node("Sub", [total, top], "d")
    y = b.node("Div", [y, b.constant("eight", 8.0)], "e")
    y = b.node("ReduceMax", [y], "last", axes=[1], keepdims=1)
    return b.save(path, y, (1, 2, 3, 4), (1, 1))


def test_reductions_limits_and_other_operations(tmp_path: Path) -> None:
    path = many(tmp_path / "m.onnx")
    agree(path, read_qonnx(path))


REFUSED = {
    "scale": (
        lambda p: qcdq(p, scale=0.3),
        r"node a: has the scale 0\.3, which is not a power of two; train with power-of-two",
    ),
    "softmax": (
        lambda p: tiny(p, last="Softmax"),
        r"node last: operation Softmax has no exact form; use the logits.*--output z",
    ),
    "unknown": (
        lambda p: tiny(p, last="Erf"),
        r"node last: operation Erf has no exact form; cut the graph in front of it with --output z",
    ),
    "unquantised": (
        lambda p: tiny(p, last="Sigmoid"),
        r"node last: Sigmoid has no exact form without a quantiser; .* --output z",
    ),
    "dynamic": (
        lambda p: tiny(p, shape=(1, 1, 0, 5)),
        r"input x has the shape \(1, 1, 0, 5\), expected one event",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exact_is_refused_by_node(tmp_path: Path, case: str) -> None:
    write, sentence = REFUSED[case]
    with pytest.raises(UnsupportedError, match=sentence):
        read_qonnx(write(tmp_path / "m.onnx"))


def changed(path: Path, how: str) -> Path:
    """The tiny network with one thing missing."""
    model = onnx.load(str(tiny(path)))
    if how == "opset":
        model.opset_import[0].version = 999
    elif how == "no opset":
        del model.opset_import[:]
    elif how == "outputs":
        model.graph.output.append(helper.make_tensor_value_info("q", TensorProto.FLOAT, None))
    elif how == "external":
        model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    elif how == "order":
        model.graph.node[0].input[0] = "nothing"
    elif how == "attribute":
        pool = next(n for n in model.graph.node if n.op_type == "MaxPool")
        del pool.attribute[:]
    elif how == "data":
        model.graph.initializer[0].dims[:] = [9, 9]
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("opset", "states the opset 999, expected 7 to"),
        ("no opset", "states the opset none"),
        ("outputs", "has 2 outputs, z, q; choose one with --output NAME"),
        ("external", "lies in another file; save the model with its weights inside"),
        ("order", "reads nothing, which nothing before it makes"),
        ("attribute", "node m: is not valid as MaxPool"),
        ("data", "do not fit its shape"),
    ],
)
def test_damaged_files_are_one_sentence(tmp_path: Path, how: str, sentence: str) -> None:
    with pytest.raises(TrigforgeError, match=sentence) as caught:
        read_qonnx(changed(tmp_path / "m.onnx", how))
    assert "\n" not in str(caught.value)


def test_damaged_bytes_never_end_in_a_traceback(tmp_path: Path) -> None:
    whole = tiny(tmp_path / "m.onnx").read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "d.onnx"
    damaged = [whole[: int(n)] for n in rng.integers(0, len(whole), 60)]
    for _ in range(200):
        data = bytearray(whole)
        for position in rng.integers(0, len(data), int(rng.integers(1, 6))):
            data[position] = int(rng.integers(256))
        damaged.append(bytes(data))
    damaged += [b"", b"\x00" * 100, rng.bytes(1000)]
    refused = 0
    for data in damaged:
        path.write_bytes(data)
        try:
            lower(read_qonnx(path).graph)
        except TrigforgeError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("tensor", "edge"),
    [("0", "input_0"), ("onnx::x.1", "input_onnx__x_1"), ("int", "input_int"), ("jet", "jet")],
)
def test_inputs_are_called_what_a_compiler_takes(tmp_path: Path, tensor: str, edge: str) -> None:
    path = renamed(qcdq(tmp_path / "m.onnx"), tensor)
    source = read_qonnx(path)
    assert list(source.graph.inputs) == [edge]
    agree(path, source, 4)


def renamed(path: Path, tensor: str) -> Path:
    """The file with another name for its input."""
    model = onnx.load(str(path))
    model.graph.input[0].name = model.graph.node[0].input[0] = tensor
    onnx.save(model, str(path))
    return path


def test_an_input_named_like_a_layer_keeps_its_name(tmp_path: Path) -> None:
    path = renamed(qcdq(tmp_path / "m.onnx"), "dense")
    source = read_qonnx(path)
    assert list(source.graph.inputs) == ["dense"]
    agree(path, source, 4)


def test_missing_files_are_one_sentence(tmp_path: Path) -> None:
    for path, sentence in ((tmp_path / "none.onnx", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(InputError, match=sentence):
            read_qonnx(path)
