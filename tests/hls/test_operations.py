"""Every operation alone: emulator against Python integers, values against the proven range."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import SAMPLES, random_values

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    ConvTranspose,
    Crop,
    Mul,
    Nearest,
    Prelu,
    Scale,
    Sub,
    Tile,
    Total,
    Unflatten,
)
from trigforge.train.errors import UnsupportedError

seeds = st.integers(0, 2**32 - 1)
operations = pytest.mark.parametrize("op", SAMPLES, ids=lambda op: op.op)

# Operations whose proven range is reached, output channel by output channel, by some input.
TIGHT = (Add, Append, Bilinear, Crop, Mul, Nearest, Prelu, Scale, Sub, Tile, Total, Unflatten)


@operations
@settings(deadline=None, max_examples=25)
@given(seed=seeds)
def test_emulator_equals_python_integers_within_the_proven_range(op: type[Node], seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = SAMPLES[op](rng)
    assert isinstance(graph.nodes[-1], op)
    x = random_values(rng, graph.edges["x"], 4)
    got = Emulator(graph, tuple(graph.edges)).run(x)
    for event in range(len(x)):
        for name, values in reference.run(graph, x[event]).items():
            edge = graph.edges[name]
            assert values.shape == edge.shape
            assert np.array_equal(got[name][event], values.astype(np.int64)), name
            flat = values.reshape(-1, edge.shape[-1])
            assert (flat.min(0) >= edge.lo).all() and (flat.max(0) <= edge.hi).all(), name


@pytest.mark.parametrize("op", TIGHT, ids=lambda op: op.op)
def test_the_ends_of_the_range_are_reached(op: type[Node]) -> None:
    found = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        graph = SAMPLES[op](rng)
        (node, x) = graph.nodes[-1], graph.edges["x"]
        inputs = graph.node_inputs(node)
        corners = [e.lo for e in inputs], [e.hi for e in inputs]
        mixed = [inputs[0].lo, inputs[-1].hi], [inputs[0].hi, inputs[-1].lo]
        zero = [np.clip(0, e.lo, e.hi) for e in inputs]
        pairs = [*corners, zero]
        if len(inputs) == 2 and len(set(node.inputs)) == 2:
            pairs += mixed
        tensors = [
            [np.broadcast_to(v, e.shape).astype(object) for v, e in zip(p, inputs, strict=True)]
            for p in pairs
        ]
        edge = graph.edges["y"]
        seen = np.array(
            [reference.apply(node, t, inputs).reshape(-1, edge.shape[-1]) for t in tensors]
        )
        assert np.array_equal(seen.min((0, 1)), edge.lo), seed
        assert np.array_equal(seen.max((0, 1)), edge.hi), seed
        assert x.fraction == graph.inputs["x"].fraction
        found += 1
    assert found == 30


def test_grids_are_aligned_to_the_finer_one() -> None:
    a = Edge.full((2,), Format(4, 4, True))
    b = Edge.full((2,), Format(4, 1, True))
    y = Add(name="y", inputs=("a", "b"), output="y").infer(a, b)
    assert y.fraction == 3
    assert (int(y.lo[0]), int(y.hi[0])) == (-8 * 8 - 8, 7 * 8 + 7)
    y = Sub(name="y", inputs=("b", "a"), output="y").infer(b, a)
    assert (int(y.lo[0]), int(y.hi[0])) == (-8 - 7 * 8, 7 + 8 * 8)


def test_a_square_is_never_negative() -> None:
    x = Edge.full((1,), Format(4, 4, True))
    square = Mul(name="y", inputs=("x", "x"), output="y").infer(x, x)
    assert not square.format.signed and int(square.hi[0]) == 64
    stranger = Edge.full((1,), Format(4, 4, True))
    product = Mul(name="y", inputs=("x", "z"), output="y").infer(x, stranger)
    assert int(product.lo[0]) == -56


def test_a_negative_slope_makes_zero_the_lowest_value() -> None:
    x = Edge.full((1,), Format(4, 4, True))
    slopes = np.array([-3], np.int64)
    y = Prelu(name="y", inputs=("x",), output="y", slopes=slopes, slope_fraction=1).infer(x)
    assert (int(y.lo[0]), int(y.hi[0])) == (0, 24)


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (Add(name="n", inputs=("x", "v"), output="y"), "tile or crop one of them"),
        (Sub(name="n", inputs=("x", "v"), output="y"), "tile or crop one of them"),
        (Mul(name="n", inputs=("x", "v"), output="y"), "tile or crop one of them"),
        (Tile(name="n", inputs=("x",), output="y", height=2, width=2), r"expected \(C,\)"),
        (Tile(name="n", inputs=("v",), output="y", height=0, width=2), "image of 0 x 2"),
        (
            Crop(name="n", inputs=("x",), output="y", top=2, left=0, height=2, width=1),
            r"rows 2\.\.4.*not within 3 x 4",
        ),
        (Crop(name="n", inputs=("v",), output="y", top=0, left=0, height=1, width=1), "H, W, C"),
        (
            Unflatten(name="n", inputs=("v",), output="y", height=2, width=2, channels=1),
            r"no vector of \(2, 2, 1\)",
        ),
        (Nearest(name="n", inputs=("v",), output="y"), r"expected \(H, W, C\)"),
        (Bilinear(name="n", inputs=("v",), output="y"), r"expected \(H, W, C\)"),
        (
            ConvTranspose(
                name="n",
                inputs=("x",),
                output="y",
                weight=np.ones((3, 3, 2, 1), np.int64),
                bias=np.ones(1, np.int64),
                weight_fraction=0,
                bias_fraction=0,
                pads=(0, 3, 0, 0),
            ),
            r"cuts \(0, 3, 0, 0\) off a kernel of 3 x 3",
        ),
        (
            Prelu(
                name="n", inputs=("x",), output="y", slopes=np.ones(3, np.int64), slope_fraction=0
            ),
            "3 slopes for 2 channels",
        ),
        (
            Scale(
                name="n",
                inputs=("x",),
                output="y",
                factor=np.ones(2, np.int64),
                offset=np.ones(1, np.int64),
                factor_fraction=0,
                offset_fraction=0,
            ),
            "2 factors and 1 offsets for 2 channels",
        ),
        (
            Append(
                name="n",
                inputs=("x",),
                output="y",
                constant=np.ones((4, 3, 1), np.int64),
                constant_fraction=0,
            ),
            r"shape \(4, 3, 1\) beside",
        ),
    ],
    ids=lambda value: value.op if isinstance(value, Node) else "",
)
def test_what_does_not_fit_is_refused_by_name(node: Node, sentence: str) -> None:
    inputs = {
        "x": Edge.full((3, 4, 2), Format(4, 4, True)),
        "v": Edge.full((2,), Format(4, 4, True)),
    }
    with pytest.raises(UnsupportedError, match=rf"node n \({node.op}\): .*{sentence}"):
        Graph.build("g", inputs, [node], ["y"])


@pytest.mark.parametrize("bits", [40])
def test_products_beyond_62_bits_are_refused(bits: int) -> None:
    x = Edge.full((1,), Format(bits, bits, True))
    mul = Mul(name="m", inputs=("x", "x"), output="y")
    with pytest.raises(UnsupportedError, match="beyond 62 bits"):
        Graph.build("g", {"x": x}, [mul], ["y"])
    far = Edge.full((1,), Format(30, -30, True))
    with pytest.raises(UnsupportedError, match="beyond 62 bits"):
        Graph.build("g", {"x": x, "z": far}, [Add(name="a", inputs=("x", "z"), output="y")], ["y"])
