"""Each rewrite keeps every integer; together they leave no structural zero behind."""

from __future__ import annotations

import graphs
import numpy as np
import pytest

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Concat, Conv, LeakyRelu, Split
from trigforge.hls.passes import (
    PASSES,
    lower,
    name_edges,
    raise_splits,
    sink_concats,
    split_groups,
)


def products(graph: Graph) -> int:
    return sum(node.weight.size for node in graph.nodes if isinstance(node, Conv))


def test_lowering_keeps_integers_pass_by_pass(rng: np.random.Generator) -> None:
    graph = graphs.mask_encoder(rng)
    x = rng.integers(0, 2, (20, 12, 9, 1))
    expected = Emulator(graph).run(x)["z"]
    for apply in PASSES:
        graph = apply(graph)
        assert np.array_equal(Emulator(graph).run(x)["z"], expected), apply.__name__


def test_groups_become_towers_without_wasted_multipliers(rng: np.random.Generator) -> None:
    graph = graphs.mask_encoder(rng)
    lowered = lower(graph)
    assert products(lowered) == products(graph)
    assert not any(isinstance(node, Split) for node in lowered.nodes)
    assert all(node.groups == 1 for node in lowered.nodes if isinstance(node, Conv))
    assert sum(isinstance(node, Concat) for node in lowered.nodes) == 1
    assert {"conv1_g0", "conv1_g1", "conv3_g1", "conv3_concat"} <= lowered.edges.keys()
    assert all(n.output in (n.name, "z") for n in lowered.nodes)


def pointwise(name: str, source: str, inputs: int, outputs: int, groups: int = 1) -> Conv:
    rng = np.random.default_rng(len(name))
    return Conv(
        name=name, inputs=(source,), output=name, groups=groups, weight_fraction=0,
        weight=rng.integers(-3, 3, (1, 1, inputs // groups, outputs)),
        bias=rng.integers(-3, 3, outputs), bias_fraction=0,
    )  # fmt: skip


def test_a_tensor_that_others_read_is_not_taken_apart() -> None:
    x = Edge.full((2, 2, 4), Format(3, 3, True))
    nodes = [
        pointwise("a", "x", 4, 4),
        pointwise("b", "a", 4, 4, groups=2),
        pointwise("c", "a", 4, 4),
    ]
    split = split_groups(Graph.build("g", {"x": x}, nodes, ["b", "c"]))
    raised = raise_splits(split)
    assert sum(isinstance(node, Split) for node in raised.nodes) == 2
    assert products(raised) == products(split)


def test_a_split_off_part_boundaries_stays() -> None:
    x = Edge.full((2, 2, 4), Format(3, 3, True))
    nodes = [
        pointwise("a", "x", 4, 3),
        pointwise("b", "x", 4, 1),
        Concat(name="joined", inputs=("a", "b"), output="joined"),
        pointwise("c", "joined", 4, 4, groups=2),
    ]
    graph = Graph.build("g", {"x": x}, nodes, ["c"])
    lowered = lower(graph)
    values = np.random.default_rng(0).integers(-4, 4, (9, 2, 2, 4))
    assert np.array_equal(Emulator(lowered).run(values)["c"], Emulator(graph).run(values)["c"])
    assert any(isinstance(node, Split) for node in lowered.nodes)


def test_concatenation_sinks_behind_activations() -> None:
    x = Edge.full((2, 2, 2), Format(3, 3, True))
    nodes = [
        pointwise("a", "x", 2, 1),
        pointwise("b", "x", 2, 2),
        Concat(name="joined", inputs=("a", "b"), output="joined"),
        LeakyRelu(name="leaky", inputs=("joined",), output="leaky", slope=1, slope_fraction=1),
    ]
    graph = Graph.build("g", {"x": x}, nodes, ["leaky"])
    sunk = sink_concats(graph)
    assert [node.op for node in sunk.nodes] == [
        "conv",
        "conv",
        "leaky_relu",
        "leaky_relu",
        "concat",
    ]
    values = np.random.default_rng(0).integers(-4, 4, (9, 2, 2, 2))
    expected = Emulator(graph).run(values)["leaky"]
    assert np.array_equal(Emulator(sunk).run(values)["leaky"], expected)


@pytest.mark.parametrize("apply", PASSES)
def test_a_graph_with_nothing_to_do_is_left_alone(apply: object) -> None:
    x = Edge.full((2, 2, 2), Format(3, 3, True))
    graph = Graph.build("g", {"x": x}, [pointwise("a", "x", 2, 2)], ["a"])
    again = apply(graph)  # type: ignore[operator]
    assert [node.name for node in again.nodes] == ["a"]
    assert again.outputs == ("a",)


def test_edges_are_named_after_their_writers(rng: np.random.Generator) -> None:
    named = name_edges(raise_splits(split_groups(graphs.mask_encoder(rng))))
    assert all(node.output in (node.name, "z") for node in named.nodes)
