"""Range analysis as proof: the worst input reaches the ends, and one bit less would overflow."""

from __future__ import annotations

import graphs
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Concat, Conv, Dense, LeakyRelu, MaxPool, Quantise
from trigforge.train.errors import UnsupportedError

seeds = st.integers(0, 2**32 - 1)


def dense(rng: np.random.Generator, x: Edge) -> Dense:
    outputs = int(rng.integers(1, 4))
    return Dense(
        name="dense",
        inputs=("x",),
        output="y",
        weight=rng.integers(-50, 50, (x.shape[0], outputs)),
        bias=rng.integers(-500, 500, outputs),
        weight_fraction=int(rng.integers(0, 6)),
        bias_fraction=int(rng.integers(0, 12)),
    )


@settings(max_examples=60)
@given(seeds)
def test_dense_accumulator_is_exactly_wide_enough(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, fraction = int(rng.integers(1, 9)), int(rng.integers(0, 6))
    x = Edge.full((int(rng.integers(1, 8)),), Format(width, width - fraction, bool(seed % 2)))
    node = dense(rng, x)
    graph = Graph.build("one", {"x": x}, [node], ["y"])
    y = graph.edges["y"]
    reached = []
    for output in range(y.shape[0]):
        column = node.weight[:, output]
        for worst in (np.where(column > 0, x.hi, x.lo), np.where(column > 0, x.lo, x.hi)):
            reached.append(int(reference.run(graph, worst)["y"][output]))
    assert (min(reached), max(reached)) == (int(y.lo.min()), int(y.hi.max()))
    assert y.format.holds(min(reached), max(reached))
    if y.format.width > 1:
        narrower = Format(y.format.width - 1, y.format.integer - 1, y.format.signed)
        assert not narrower.holds(min(reached), max(reached))


@settings(max_examples=40)
@given(seeds)
def test_conv_accumulator_is_exactly_wide_enough(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups, block, filters = int(rng.integers(1, 3)), int(rng.integers(1, 3)), 2
    x = Edge.full((3, 3, groups * block), Format(4, 4 - int(rng.integers(0, 3)), True))
    node = Conv(
        name="conv",
        inputs=("x",),
        output="y",
        weight=rng.integers(-9, 9, (3, 3, block, groups * filters)),
        bias=rng.integers(-50, 50, groups * filters),
        weight_fraction=3,
        bias_fraction=int(rng.integers(0, 9)),
        groups=groups,
    )
    graph = Graph.build("one", {"x": x}, [node], ["y"])
    y = graph.edges["y"]
    for output in range(y.shape[2]):
        kernel = node.weight[..., output]
        worst = np.zeros((3, 3, groups * block), np.int64)
        first = (output // filters) * block
        for sign, end in ((1, y.hi), (-1, y.lo)):
            worst[..., first : first + block] = np.where(sign * kernel > 0, x.hi[0], x.lo[0])
            assert int(reference.run(graph, worst)["y"][0, 0, output]) == int(end[output])


def test_padding_adds_nothing_where_it_lies() -> None:
    x = Edge((2, 2, 1), Format(4, 4, False), np.array([5], np.int64), np.array([7], np.int64))
    conv = Conv(
        name="conv", inputs=("x",), output="y", pads=(1, 1, 1, 1), weight_fraction=0,
        weight=np.ones((3, 3, 1, 1), np.int64), bias=np.zeros(1, np.int64), bias_fraction=0,
    )  # fmt: skip
    # wherever the kernel stands on two by two pixels, four of its nine weights lie on them
    y = conv.infer(x)
    assert (int(y.lo[0]), int(y.hi[0])) == (20, 28)
    wider = Edge((2, 3, 1), x.format, x.lo, x.hi)
    y = conv.infer(wider)
    assert (int(y.lo[0]), int(y.hi[0])) == (20, 42)


def test_every_value_of_a_network_lies_in_its_range(rng: np.random.Generator) -> None:
    graph = graphs.mask_encoder(rng)
    for density in (0.0, 0.1, 0.5, 1.0):
        edges = reference.run(graph, (rng.random((12, 9, 1)) < density).astype(int))
        for name, values in edges.items():
            edge = graph.edges[name]
            flat = values.reshape(-1, edge.shape[-1])
            assert (flat.min(0) >= edge.lo).all(), name
            assert (flat.max(0) <= edge.hi).all(), name


def test_what_does_not_fit_is_refused_by_name() -> None:
    x = Edge.full((4, 4, 2), Format(4, 4, True))
    weight = np.ones((3, 3, 3, 1), np.int64)
    conv = Conv(
        name="conv7", inputs=("x",), output="y", weight=weight, bias=np.zeros(1, np.int64),
        weight_fraction=0, bias_fraction=0,
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match=r"conv7 .*2 channels, kernel expects 3"):
        Graph.build("g", {"x": x}, [conv], ["y"])
    pool = MaxPool(
        name="p", inputs=("x",), output="y", kernel=(2, 2), strides=(2, 2), pads=(2, 0, 0, 0)
    )
    with pytest.raises(UnsupportedError, match="window without a pixel"):
        pool.infer(x)
    with pytest.raises(UnsupportedError, match="outside"):
        LeakyRelu(name="l", inputs=("x",), output="y", slope=5, slope_fraction=2).infer(x)
    other = Edge.full((4, 4, 2), Format(4, 3, True))
    with pytest.raises(UnsupportedError, match="same activation format"):
        Concat(name="c", inputs=("x", "o"), output="y").infer(x, other)
    quant = Quantise(name="q", inputs=("nope",), output="y", format=Format(4, 4, True))
    with pytest.raises(UnsupportedError, match="nothing before it produces"):
        Graph.build("g", {"x": x}, [quant], ["y"])


def test_sums_beyond_62_bits_are_refused() -> None:
    x = Edge.full((2,), Format(40, 40, True))
    huge = Dense(
        name="huge", inputs=("x",), output="y", weight=np.full((2, 1), 1 << 21, np.int64),
        bias=np.zeros(1, np.int64), weight_fraction=0, bias_fraction=3,
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match="beyond 62 bits"):
        Graph.build("g", {"x": x}, [huge], ["y"])
