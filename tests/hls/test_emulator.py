from __future__ import annotations

import graphs
import numpy as np
import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trigforge.hls import kernels
from trigforge.hls.emulator import BATCH_BYTES, Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Dense, LeakyRelu, MaxPool, Quantise
from trigforge.hls.passes import lower
from trigforge.train.errors import InputError, UnsupportedError


@pytest.mark.parametrize("lowered", [False, True])
def test_every_edge_equals_the_pure_integer_twin(rng: np.random.Generator, lowered: bool) -> None:
    graph = graphs.mask_encoder(rng)
    graph = lower(graph) if lowered else graph
    x = (rng.random((5, 12, 9, 1)) < rng.random((5, 1, 1, 1))).astype(np.int64)
    got = Emulator(graph, tuple(graph.edges)).run(x)
    for event in range(len(x)):
        for name, values in reference.run(graph, x[event]).items():
            assert np.array_equal(got[name][event], values.astype(np.int64)), name


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_elementwise_operations_on_random_formats(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width = int(rng.integers(2, 20))
    x = Edge.full((4, 3, 2), Format(width, int(rng.integers(-3, 12)), True))
    out = Format(int(rng.integers(2, 12)), int(rng.integers(-3, 12)), True)
    nodes = [
        LeakyRelu(
            name="l", inputs=("x",), output="l", slope=int(rng.integers(0, 9)), slope_fraction=3
        ),
        Quantise(name="q", inputs=("l",), output="q", format=out, narrow=bool(seed % 2)),
        MaxPool(
            name="p", inputs=("q",), output="p", kernel=(3, 2), strides=(2, 1), pads=(1, 0, 1, 1)
        ),
    ]
    graph = Graph.build("g", {"x": x}, nodes, ["p"])
    values = rng.integers(x.format.min_int, x.format.max_int + 1, (3, 4, 3, 2))
    got = Emulator(graph, ("l", "q")).run(values)
    for event in range(3):
        expected = reference.run(graph, values[event])
        for name in ("l", "q", "p"):
            assert np.array_equal(got[name][event], expected[name].astype(np.int64))


def wide(bits: int) -> Graph:
    """Sums of 64 products that need more than 24 bits when ``bits`` is 12."""
    x = Edge.full((64,), Format(bits, bits, True))
    node = Dense(
        name="d", inputs=("x",), output="y", weight=np.full((64, 1), 2047, np.int64),
        bias=np.ones(1, np.int64), weight_fraction=0, bias_fraction=0,
    )  # fmt: skip
    return Graph.build("wide", {"x": x}, [node], ["y"])


def test_sums_beyond_float32_are_carried_in_float64() -> None:
    graph = wide(12)
    x = np.full((1, 64), -2047, np.int64)
    x[0, 0] = -2046
    assert Emulator(graph).run(x)["y"][0, 0] == int(reference.run(graph, x[0])["y"][0])
    assert kernels.carrier(graph.nodes[0].carried_bits(graph.edges["x"])) is torch.float64


def test_sums_beyond_float64_are_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"node d .*carries 53"):
        Emulator(wide(40))


def test_results_do_not_depend_on_the_batch(rng: np.random.Generator) -> None:
    graph = lower(graphs.mask_encoder(rng))
    x = rng.integers(0, 2, (7, 12, 9, 1))
    emulator = Emulator(graph)
    whole = emulator.run(x)["z"]
    emulator.batch_size = 2
    assert np.array_equal(emulator.run(x)["z"], whole)


def test_memory_is_bounded_by_the_batch(rng: np.random.Generator) -> None:
    graph = graphs.mask_encoder(rng, 72, 58, (64, 64), (1, 2))
    event = 72 * 58 * 64 * 4
    assert BATCH_BYTES - event < Emulator(graph).batch_size * event <= BATCH_BYTES <= 16 << 20


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (np.zeros((1, 12, 8, 1), np.int64), "the graph expects"),
        (np.zeros((1, 12, 9, 1)), "expected integers"),
        (np.full((1, 12, 9, 1), 2), "ufixed<1,1> holds"),
    ],
)
def test_wrong_input_is_one_sentence(rng: np.random.Generator, x: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Emulator(graphs.mask_encoder(rng)).run(x)


def test_unknown_edge_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="no edge 'conv9'"):
        Emulator(graphs.mask_encoder(rng), ("conv9",))
