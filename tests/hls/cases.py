"""Many small graphs in one: each keeps its own inputs and output, so one compilation serves all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from samples import SAMPLES, random_values

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Ints, Node
from trigforge.hls.ops import Dense, Flatten, LeakyRelu, Quantise
from trigforge.hls.passes import lower

# Operations with more ways than a few draws hit: two roundings, narrow or not, clipped or not.
TIMES = {Quantise: 4}


def cases(count: int, seed: int) -> dict[str, Graph]:
    """``count`` or more random graphs for every operation, by name; random sizes, never square."""
    rng = np.random.default_rng(seed)
    found = {}
    for kind, sample in SAMPLES.items():
        for index in range(count * TIMES.get(kind, 1)):
            graph = sample(rng)
            found[f"{kind.op}{index}"] = _with_reader(graph) if kind is Flatten else graph
    return found


def _with_reader(graph: Graph) -> Graph:
    """A flattened image has no layer of its own; its order shows in what reads it."""
    pixels = graph.edges["y"].shape[0]
    weight = np.arange(1, 2 * pixels + 1).reshape(pixels, 2) % 31 - 15
    reader = Dense(
        name="z", inputs=("y",), output="z", weight=weight, bias=np.array([3, -5]),
        weight_fraction=2, bias_fraction=3,
    )  # fmt: skip
    return Graph.build(graph.name, graph.inputs, [*graph.nodes, reader], ["z"])


def rounded_leakies() -> dict[str, Graph]:
    """LeakyReLUs whose quantiser drops so many bits that rounding still sees one, or none.

    The product of four bits and a slope of one bit, 2^-3, has five bits: two dropped bits of x are
    five of the product, the third does not exist.
    """
    leaky = LeakyRelu(name="leaky", inputs=("x",), output="l", slope=1, slope_fraction=3)
    found = {}
    for dropped in (2, 3):
        fmt = Format(3, 3 + dropped, True)
        rounded = Quantise(name="q", inputs=("l",), output="y", format=fmt, rounding="half_even")
        x = {"x": Edge.full((2, 3, 2), Format(4, 4, True))}
        found[f"rounded_leaky{dropped}"] = Graph.build("leaky", x, [leaky, rounded], ["y"])
    return found


def merged(graphs: Mapping[str, Graph]) -> Graph:
    """All graphs, lowered, side by side; names are prefixed with the case's."""
    inputs, nodes, outputs = {}, list[Node](), []
    for case, graph in graphs.items():
        small = lower(graph)
        inputs |= {f"{case}_{name}": edge for name, edge in small.inputs.items()}
        outputs += [f"{case}_{name}" for name in small.outputs]
        nodes += [
            replace(
                node,
                name=f"{case}_{node.name}",
                inputs=tuple(f"{case}_{name}" for name in node.inputs),
                output=f"{case}_{node.output}",
            )
            for node in small.nodes
        ]
    return Graph.build("cases", inputs, nodes, outputs)


def vectors(graphs: Mapping[str, Graph], count: int, seed: int) -> dict[str, Ints]:
    """Integers for every case: both extremes, zero or next to it, extremes mixed, then random."""
    rng = np.random.default_rng(seed)
    found = {}
    for case, graph in graphs.items():
        (edge,) = graph.inputs.values()
        values = random_values(rng, edge, count)
        values[2] = np.clip(0, edge.format.min_int, edge.format.max_int)
        values[3] = rng.choice([edge.format.min_int, edge.format.max_int], edge.shape)
        found[case] = values
    return found
