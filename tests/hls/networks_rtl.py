"""Small networks for RTL: seeded weights, pruned or not, quantised between the layers."""

from __future__ import annotations

import itertools

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import (
    Conv,
    Dense,
    Flatten,
    LeakyRelu,
    Lookup,
    MaxPool,
    Mul,
    Quantise,
    Sub,
    Total,
)


def mlp(
    rng: np.random.Generator,
    sizes: tuple[int, ...] = (8, 6, 3),
    *,
    weight_bits: int = 5,
    activation: Format | None = None,
    density: float = 1.0,
) -> Graph:
    """Dense layers with ReLU and truncating, saturating quantisers between them."""
    activation = activation or Format(6, 3, False)
    limit = 1 << (weight_bits - 1)
    nodes: list[Node] = []
    edge = "x"
    for index, (inputs, outputs) in enumerate(itertools.pairwise(sizes), start=1):
        weight = rng.integers(1 - limit, limit, (inputs, outputs))
        weight *= rng.random(weight.shape) < density
        nodes.append(
            Dense(
                name=f"dense{index}",
                inputs=(edge,),
                output=f"dense{index}",
                weight=weight,
                bias=rng.integers(-40, 40, outputs),
                weight_fraction=weight_bits - 1,
                bias_fraction=6,
            )
        )
        edge = f"dense{index}"
        if index < len(sizes) - 1:
            nodes += [
                LeakyRelu(
                    name=f"relu{index}",
                    inputs=(edge,),
                    output=f"relu{index}",
                    slope=0,
                    slope_fraction=0,
                ),
                Quantise(
                    name=f"quantise{index}",
                    inputs=(f"relu{index}",),
                    output=f"quantise{index}",
                    format=activation,
                ),
            ]
            edge = f"quantise{index}"
    return Graph.build("mlp", {"x": Edge.full((sizes[0],), Format(6, 3, True))}, nodes, [edge])


def scored(rng: np.random.Generator) -> Graph:
    """An autoencoder with its summed squared error: a skip, a table and a multiplier."""
    encoder = mlp(rng, (6, 3, 6))
    table = rng.integers(-20, 20, 64)
    nodes: list[Node] = [
        *encoder.nodes,
        Quantise(name="out", inputs=("dense2",), output="out", format=Format(6, 3, True)),
        Lookup(
            name="table", inputs=("out",), output="table", entries=table, format=Format(6, 3, True)
        ),
        Sub(name="difference", inputs=("x", "table"), output="difference"),
        Mul(name="square", inputs=("difference", "difference"), output="square"),
        Total(name="score", inputs=("square",), output="score"),
    ]
    return Graph.build("scored", encoder.inputs, nodes, ["score"])


def image_network(rng: np.random.Generator) -> Graph:
    """A padded convolution, a pool and a dense layer on a small image."""
    nodes: list[Node] = [
        Conv(
            name="conv",
            inputs=("x",),
            output="conv",
            weight=rng.integers(-4, 4, (3, 3, 1, 2)),
            bias=rng.integers(-9, 9, 2),
            weight_fraction=2,
            bias_fraction=2,
            pads=(1, 1, 1, 1),
        ),
        LeakyRelu(name="leaky", inputs=("conv",), output="leaky", slope=1, slope_fraction=3),
        Quantise(name="act", inputs=("leaky",), output="act", format=Format(5, 3, True)),
        MaxPool(name="pool", inputs=("act",), output="pool", kernel=(2, 2), strides=(2, 2)),
        Flatten(name="flat", inputs=("pool",), output="flat"),
        Dense(
            name="dense",
            inputs=("flat",),
            output="dense",
            weight=rng.integers(-4, 4, (12, 2)),
            bias=rng.integers(-9, 9, 2),
            weight_fraction=2,
            bias_fraction=2,
        ),
    ]
    start = Edge.full((4, 6, 1), Format(2, 2, False))
    return Graph.build("image", {"x": start}, nodes, ["dense"])
