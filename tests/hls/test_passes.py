"""Each rewrite keeps every integer; together they leave no structural zero behind."""

from __future__ import annotations

from dataclasses import replace

import graphs
import numpy as np
import pytest

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import (
    Add,
    Bilinear,
    Concat,
    Conv,
    Dense,
    Flatten,
    LeakyRelu,
    Mul,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Split,
)
from trigforge.hls.passes import (
    PASSES,
    fold_scales,
    lower,
    name_edges,
    pair_concats,
    raise_splits,
    sink_concats,
    sink_flattens,
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


@pytest.mark.parametrize("kind", [Nearest, Bilinear])
def test_splits_pass_enlargements_and_concatenations_stay_in_front(
    kind: type[Nearest] | type[Bilinear],
) -> None:
    x = Edge.full((2, 3, 4), Format(3, 3, True))
    nodes = [
        pointwise("a", "x", 4, 4),
        kind(name="up", inputs=("a",), output="up"),
        pointwise("b", "up", 4, 4, groups=2),
    ]
    graph = Graph.build("g", {"x": x}, nodes, ["b"])
    lowered = lower(graph)
    ops = [n.op for n in lowered.nodes]
    assert ops == ["conv", "conv", kind.op, kind.op, "conv", "conv", "concat"]
    values = np.random.default_rng(0).integers(-4, 4, (9, 2, 3, 4))
    assert np.array_equal(Emulator(lowered).run(values)["b"], Emulator(graph).run(values)["b"])
    joined = [pointwise("c", "x", 4, 1), pointwise("d", "x", 4, 2)]
    joined.append(Concat(name="j", inputs=("c", "d"), output="j"))  # type: ignore[arg-type]
    joined.append(kind(name="up", inputs=("j",), output="up"))  # type: ignore[arg-type]
    ops = [n.op for n in lower(Graph.build("g", {"x": x}, joined, ["up"])).nodes]
    assert ops == ["conv", "conv", "concat", kind.op]


def test_edges_are_named_after_their_writers(rng: np.random.Generator) -> None:
    named = name_edges(raise_splits(split_groups(graphs.mask_encoder(rng))))
    assert all(node.output in (node.name, "z") for node in named.nodes)


def channel_scale(name: str, source: str, channels: int, seed: int = 0, largest: int = 1) -> Scale:
    rng = np.random.default_rng(seed)
    return Scale(
        name=name, inputs=(source,), output=name, factor=rng.integers(0, largest + 1, channels),
        offset=rng.integers(-40, 40, channels), factor_fraction=2, offset_fraction=seed,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_scales_fold_into_weights_on_the_same_grid_and_range(seed: int) -> None:
    x = Edge.full((2, 3, 2), Format(4, 2, True))
    nodes = [pointwise("a", "x", 2, 3), channel_scale("s", "a", 3, seed)]
    graph = Graph.build("g", {"x": x}, nodes, ["s"])
    folded = fold_scales(graph)
    assert [node.op for node in folded.nodes] == ["conv"]
    before, after = graph.edges["s"], folded.edges["s"]
    assert before.format == after.format
    assert np.array_equal(before.lo, after.lo) and np.array_equal(before.hi, after.hi)
    values = np.random.default_rng(seed).integers(-8, 8, (9, 2, 3, 2))
    assert np.array_equal(Emulator(folded).run(values)["s"], Emulator(graph).run(values)["s"])


def test_a_chain_of_scales_behind_a_dense_layer_folds_to_one_layer() -> None:
    x = Edge.full((3,), Format(4, 2, True))
    dense = Dense(
        name="d", inputs=("x",), output="d", weight=np.arange(6).reshape(3, 2) - 2,
        bias=np.array([3, -1]), weight_fraction=1, bias_fraction=4,
    )  # fmt: skip
    nodes = [dense, channel_scale("s", "d", 2, 1), channel_scale("t", "s", 2, 5)]
    graph = Graph.build("g", {"x": x}, nodes, ["t"])
    folded = fold_scales(graph)
    assert [node.op for node in folded.nodes] == ["dense"]
    values = np.random.default_rng(0).integers(-8, 8, (9, 3))
    assert np.array_equal(Emulator(folded).run(values)["t"], Emulator(graph).run(values)["t"])


def test_a_layer_that_others_read_keeps_its_scale() -> None:
    x = Edge.full((2, 2, 2), Format(3, 3, True))
    nodes = [pointwise("a", "x", 2, 2), channel_scale("s", "a", 2), pointwise("b", "a", 2, 2)]
    for outputs in (["s", "b"], ["s", "a", "b"]):
        graph = Graph.build("g", {"x": x}, nodes, outputs)
        assert [n.op for n in fold_scales(graph).nodes] == ["conv", "scale", "conv"]
    alone = Graph.build("g", {"x": x}, nodes[:2], ["a", "s"])
    assert [n.op for n in fold_scales(alone).nodes] == ["conv", "scale"]


def test_a_factor_that_would_widen_the_weights_stays() -> None:
    x = Edge.full((2, 2, 2), Format(3, 3, True))
    nodes = [pointwise("a", "x", 2, 9), channel_scale("s", "a", 9, largest=7)]
    graph = Graph.build("g", {"x": x}, nodes, ["s"])
    assert [n.op for n in fold_scales(graph).nodes] == ["conv", "scale"]


def test_parameters_per_channel_follow_their_channels() -> None:
    x = Edge.full((2, 3, 4), Format(4, 4, True))
    nodes = [
        pointwise("a", "x", 4, 4),
        Prelu(
            name="p", inputs=("a",), output="p", slopes=np.array([1, -2, 3, 5]), slope_fraction=1
        ),
        pointwise("b", "p", 4, 4, groups=2),
        channel_scale("s", "b", 4, 3, largest=9),
        LeakyRelu(name="l", inputs=("s",), output="l", slope=1, slope_fraction=1),
        channel_scale("t", "l", 4, 4, largest=9),
    ]
    graph = Graph.build("g", {"x": x}, nodes, ["t"])
    lowered = lower(graph)
    assert [n.op for n in lowered.nodes].count("prelu") == 2
    assert [n.op for n in lowered.nodes].count("scale") == 4
    assert isinstance(lowered.nodes[-1], Concat)
    values = np.random.default_rng(0).integers(-8, 8, (9, 2, 3, 4))
    assert np.array_equal(Emulator(lowered).run(values)["t"], Emulator(graph).run(values)["t"])


@pytest.mark.parametrize("fraction", [-2, 3])
def test_an_operation_that_takes_a_tensor_twice_gets_a_copy(
    rng: np.random.Generator, fraction: int
) -> None:
    x = Edge.full((4, 5, 3), Format(6, 6 - fraction, True))
    nodes = [
        Add(name="sum", inputs=("x", "x"), output="sum"),
        Concat(name="join", inputs=("sum", "sum", "sum"), output="join"),
        Mul(name="y", inputs=("join", "join"), output="y"),
    ]
    graph = Graph.build("twice", {"x": x}, nodes, ["y"])
    lowered = lower(graph)
    twice = [node for node in lowered.nodes if len(set(node.inputs)) < len(node.inputs)]
    assert [type(node) for node in twice] == [Mul]
    for name in ("sum", "y"):
        assert lowered.edges[name].format == graph.edges[name].format
    images = rng.integers(-32, 32, (20, 4, 5, 3))
    assert np.array_equal(Emulator(lowered).run(images)["y"], Emulator(graph).run(images)["y"])


def scaled(name: str, source: str, factor: list[int], fraction: int) -> Scale:
    """A factor per channel on the grid 2^-fraction and an offset on a finer one."""
    return Scale(
        name=name, inputs=(source,), output=name, factor=np.array(factor), factor_fraction=fraction,
        offset=np.arange(len(factor)) - 1, offset_fraction=fraction + 2,
    )  # fmt: skip


def flattened(factor: list[int]) -> Graph:
    """Flatten a 2 x 3 image of two channels, then a factor per entry and a quantiser."""
    nodes = [
        Flatten(name="flat", inputs=("x",), output="flat"),
        scaled("scale", "flat", factor, 1),
        Quantise(name="y", inputs=("scale",), output="y", format=Format(4, 3, True)),
    ]
    return Graph.build("g", {"x": Edge.full((2, 3, 2), Format(4, 4, True))}, nodes, ["y"])


@pytest.mark.parametrize("same", [True, False])
def test_flattening_sinks_behind_what_is_the_same_for_every_pixel(
    rng: np.random.Generator, *, same: bool
) -> None:
    graph = flattened([3, -2] * 6)
    if same:
        offset = np.tile([1, -4], 6)
        scale = replace(graph.nodes[1], offset=offset)
        graph = Graph.build("g", graph.inputs, [graph.nodes[0], scale, graph.nodes[2]], ["y"])
    sunk = sink_flattens(graph)
    order = ["scale", "quantise", "flatten"] if same else ["flatten", "scale", "quantise"]
    assert [node.op for node in sunk.nodes] == order
    x = rng.integers(-8, 8, (30, 2, 3, 2))
    assert np.array_equal(Emulator(sunk).run(x)["y"], Emulator(graph).run(x)["y"])


def test_flattening_that_others_read_stays() -> None:
    x = Edge.full((2, 3, 2), Format(4, 4, True))
    nodes = [
        Flatten(name="flat", inputs=("x",), output="flat"),
        Quantise(name="a", inputs=("flat",), output="a", format=Format(3, 3, True)),
        Quantise(name="b", inputs=("flat",), output="b", format=Format(2, 2, True)),
    ]
    graph = Graph.build("g", {"x": x}, nodes, ["a", "b"])
    assert [node.op for node in sink_flattens(graph).nodes] == ["flatten", "quantise", "quantise"]


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_concatenations_become_pairs_in_the_same_order(
    rng: np.random.Generator, parts: int
) -> None:
    nodes: list[Node] = [scaled(f"part{i}", "x", [i + 1, -i], 0) for i in range(parts)]
    join = Concat(name="join", inputs=tuple(node.output for node in nodes), output="y")
    x = Edge.full((2, 2, 2), Format(4, 4, True))
    graph = Graph.build("g", {"x": x}, [*nodes, join], ["y"])
    paired = pair_concats(graph)
    joins = [node for node in paired.nodes if isinstance(node, Concat)]
    assert [len(node.inputs) for node in joins] == [2] * (parts - 1)
    images = rng.integers(-8, 8, (5, 2, 2, 2))
    assert np.array_equal(Emulator(paired).run(images)["y"], Emulator(graph).run(images)["y"])


def test_two_factors_in_a_row_become_one(rng: np.random.Generator) -> None:
    x = Edge.full((2, 2, 3), Format(5, 4, True))
    nodes = [scaled("a", "x", [3, -1, 0], 2), scaled("y", "a", [-5, 2, 7], 0)]
    graph = Graph.build("g", {"x": x}, nodes, ["y"])
    folded = fold_scales(graph)
    assert [node.op for node in folded.nodes] == ["scale"]
    images = rng.integers(-16, 16, (40, 2, 2, 3))
    left, right = Emulator(graph).run(images)["y"], Emulator(folded).run(images)["y"]
    shift = folded.edges["y"].fraction - graph.edges["y"].fraction
    assert shift >= 0 and np.array_equal(left << shift, right)
