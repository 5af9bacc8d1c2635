"""Fused steps against one step per node: the same integers on every edge that is asked for."""

from __future__ import annotations

import graphs
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import image, random_format, random_values

from trigforge.hls import kernels
from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.fusion import fused_steps, single_steps
from trigforge.hls.graph import Edge, Graph, Ints, Node
from trigforge.hls.ops import Conv, LeakyRelu, MaxPool, Quantise
from trigforge.hls.passes import lower


def unfused(graph: Graph, x: Ints) -> dict[str, Ints]:
    """An observer makes the emulator run node by node."""
    seen = []
    found = Emulator(graph, observe=lambda node, *_: seen.append(node)).run(x)
    assert set(seen) == set(graph.nodes)
    return found


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_random_chains_give_the_same_integers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = image(rng, 3)
    pads = tuple(int(p) for p in rng.integers(0, 3, 4))
    nodes: list[Node] = [
        Conv(
            name="c", inputs=("x",), output="c", weight=rng.integers(-9, 9, (2, 2, 3, 4)),
            bias=rng.integers(-99, 99, 4), weight_fraction=int(rng.integers(0, 5)),
            bias_fraction=int(rng.integers(0, 9)), pads=(1, 1, 1, 1),
        )
    ]  # fmt: skip
    rest = [
        LeakyRelu(
            name="l", inputs=("c",), output="l", slope=int(rng.integers(9)), slope_fraction=3
        ),
        Quantise(
            name="q", inputs=("l",), output="q", format=random_format(rng), narrow=bool(seed % 2)
        ),
        MaxPool(name="p", inputs=("q",), output="p", kernel=(3, 3), strides=(2, 1), pads=pads),  # type: ignore[arg-type]
    ]
    for node in rest:
        if rng.random() < 0.8:
            parameters = {**vars(node), "inputs": (nodes[-1].output,)}
            nodes.append(type(node)(**parameters))
    graph = Graph.build("g", {"x": x}, nodes, [nodes[-1].output])
    values = random_values(rng, x, 3)
    (output,) = graph.outputs
    # an activation that needs a wider type than the convolution stays apart
    carriers = [kernels.carrier(n.carried_bits(*graph.node_inputs(n))) for n in nodes[:2]]
    assert (len(fused_steps(graph, graph.outputs)) == 1) == (len(set(carriers)) == 1)
    assert np.array_equal(Emulator(graph).run(values)[output], unfused(graph, values)[output])


@pytest.mark.parametrize("lowered", [False, True])
def test_a_network_gives_the_same_integers_in_fewer_steps(
    rng: np.random.Generator, lowered: bool
) -> None:
    graph = graphs.mask_encoder(rng)
    graph = lower(graph) if lowered else graph
    x = rng.integers(0, 2, (20, 12, 9, 1))
    assert np.array_equal(Emulator(graph).run(x)["z"], unfused(graph, x)["z"])
    convolutions = sum(isinstance(node, Conv) for node in graph.nodes)
    steps = fused_steps(graph, graph.outputs)
    assert len(steps) == len(graph.nodes) - 3 * convolutions
    assert {node for step in steps for node in step.nodes} == set(graph.nodes)
    assert len(single_steps(graph)) == len(graph.nodes)


def test_wanted_edges_are_not_fused_away(rng: np.random.Generator) -> None:
    graph = graphs.mask_encoder(rng)
    x = rng.integers(0, 2, (5, 12, 9, 1))
    names = ("leaky1", "quant2")
    chains = [step.nodes for step in fused_steps(graph, (*graph.outputs, *names))]
    assert [len(nodes) for nodes in chains] == [2, 1, 1, 3, 1, 4, 1, 1]
    got = Emulator(graph, names).run(x)
    whole = Emulator(graph, tuple(graph.edges)).run(x)
    for name in (*names, "z"):
        assert np.array_equal(got[name], whole[name])


def test_a_slope_that_needs_float64_does_not_drag_the_convolution_along() -> None:
    x = Edge.full((4, 4, 8), Format(8, 8, True))
    conv = Conv(
        name="c", inputs=("x",), output="c", weight=np.full((3, 3, 8, 1), 90, np.int64),
        bias=np.zeros(1, np.int64), weight_fraction=0, bias_fraction=0,
    )  # fmt: skip
    leaky = LeakyRelu(name="l", inputs=("c",), output="l", slope=4001, slope_fraction=12)
    quantise = Quantise(name="q", inputs=("l",), output="q", format=Format(8, 14, True))
    graph = Graph.build("g", {"x": x}, [conv, leaky, quantise], ["q"])
    assert kernels.carrier(conv.carried_bits(x)) is torch.float32
    assert kernels.carrier(leaky.carried_bits(graph.edges["c"])) is torch.float64
    assert [len(step.nodes) for step in fused_steps(graph, ["q"])] == [1, 1, 1]
    values = random_values(np.random.default_rng(0), x, 9)
    assert np.array_equal(Emulator(graph).run(values)["q"], unfused(graph, values)["q"])


def test_pools_that_torch_cannot_frame_are_framed_by_copying() -> None:
    """One column before and none after is no frame of torch's."""
    x = Edge.full((6, 6, 2), Format(6, 6, True))
    values = random_values(np.random.default_rng(0), x, 5)
    for pads in [(0, 0, 1, 1), (1, 1, 1, 1), (1, 1, 0, 0), (2, 2, 2, 2), (0, 2, 0, 1)]:
        pool = MaxPool(
            name="p", inputs=("x",), output="p", kernel=(3, 3), strides=(1, 2), pads=pads
        )
        graph = Graph.build("g", {"x": x}, [pool], ["p"])
        framed = np.pad(
            values.astype(float),
            ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)),
            constant_values=-np.inf,
        )
        windows = np.lib.stride_tricks.sliding_window_view(framed, (3, 3), (1, 2))
        expected = windows[:, ::1, ::2].max((-1, -2))
        assert np.array_equal(Emulator(graph).run(values)["p"], expected)
