"""Small networks for RTL: seeded weights, pruned or not, quantised between the layers."""

from __future__ import annotations

import itertools

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    Flatten,
    Highest,
    LeakyRelu,
    Lookup,
    MaxPool,
    Mul,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Split,
    Sub,
    Thresholds,
    Tile,
    Total,
    Unflatten,
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


def every_operation(rng: np.random.Generator) -> Graph:
    """Every operation that has RTL, side by side on one image, each an output of its own."""
    fmt = Format(5, 3, True)

    def node(kind: type[Node], name: str, *inputs: str, **parameters: object) -> Node:
        return kind(name=name, inputs=inputs or ("x",), output=name, **parameters)  # type: ignore[arg-type]

    def affine(*shape: int) -> dict[str, object]:
        return {
            "weight": rng.integers(-5, 6, shape),
            "bias": rng.integers(-20, 20, shape[-1]),
            "weight_fraction": 2,
            "bias_fraction": 5,
        }

    nodes = [
        node(Append, "append", constant=rng.integers(-3, 4, (3, 4, 1)), constant_fraction=4),
        node(Bilinear, "bilinear"),
        node(Conv, "conv", strides=(2, 1), pads=(1, 0, 1, 1), **affine(3, 2, 2, 3)),
        node(ConvTranspose, "conv_transpose", pads=(1, 1, 0, 0), **affine(2, 2, 2, 1)),
        node(Crop, "crop", top=1, left=1, height=2, width=2),
        node(Flatten, "flatten", "crop"),
        node(Dense, "dense", "flatten", **affine(8, 3)),
        node(Highest, "highest", "dense"),
        node(LeakyRelu, "leaky", slope=3, slope_fraction=3),
        node(Lookup, "lookup", entries=rng.integers(-20, 20, 32), format=Format(6, 2, True)),
        node(Sub, "sub", "leaky", "x"),
        node(Add, "add", "sub", "x"),
        node(Mul, "product", "sub", "x"),
        node(Mul, "square", "sub", "sub"),
        node(MaxPool, "pool", "add", kernel=(2, 3), strides=(1, 2), pads=(1, 0, 0, 1)),
        node(Nearest, "nearest", "pool"),
        node(Prelu, "prelu", "conv", slopes=np.array([-4, 0, 11]), slope_fraction=3),
        node(Quantise, "floor", "prelu", format=Format(4, 3, False)),
        node(Quantise, "even", "conv", format=Format(5, 4, True), rounding="half_even"),
        node(Quantise, "narrow", "product", format=Format(6, 4, True), clip=(-20, 9)),
        node(
            Scale,
            "scale",
            factor=np.array([-7, 5]),
            offset=np.array([3, -50]),
            factor_fraction=1,
            offset_fraction=6,
        ),
        # signs that da4ml carries along as factors meet what depends on the sign
        node(
            Scale,
            "minus",
            factor=np.array([-1, -2]),
            offset=np.array([0, 0]),
            factor_fraction=0,
            offset_fraction=0,
        ),
        node(
            Scale,
            "turned",
            factor=np.array([-1, -3]),
            offset=np.array([0, 0]),
            factor_fraction=0,
            offset_fraction=0,
        ),
        node(LeakyRelu, "minus_leaky", "minus", slope=3, slope_fraction=3),
        node(Quantise, "minus_floor", "minus", format=Format(3, 2, False)),
        node(Quantise, "minus_even", "minus", format=Format(4, 3, True), rounding="half_even"),
        node(Prelu, "minus_prelu", "minus", slopes=np.array([-1, 9]), slope_fraction=2),
        node(Quantise, "minus_wide", "minus_prelu", format=Format(5, 4, True), clip=(-11, 7)),
        node(Split, "split", start=1, stop=2),
        node(Concat, "concat", "x", "split"),
        node(
            Thresholds,
            "thresholds",
            "scale",
            thresholds=np.sort(rng.integers(-90, 90, (2, 5))),
            first=np.array([-2, 4]),
            step=np.array([1, -2]),
            format=Format(5, 5, True),
        ),
        node(Total, "total", "square", channels=False),
        node(Tile, "tile", "total", height=2, width=1),
        node(Unflatten, "unflatten", "flatten", height=2, width=1, channels=4),
    ]
    read = {name for found in nodes for name in found.inputs}
    outputs = [found.output for found in nodes if found.output not in read]
    return Graph.build("every", {"x": Edge.full((3, 4, 2), fmt)}, nodes, outputs)
