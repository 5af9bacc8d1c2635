"""One graph with every operation that streams, so that one compilation tests them all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    Concat,
    Conv,
    Crop,
    Dense,
    Flatten,
    Highest,
    InstanceNorm,
    LeakyRelu,
    Lookup,
    MaxPool,
    Mul,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Sphere,
    Split,
    Sub,
    Thresholds,
    Tile,
    Total,
    Unflatten,
)
from trigforge.hls.tables import tabulate


@dataclass
class Chain:
    """Collects nodes; every edge is named after its node."""

    nodes: list[Node] = field(default_factory=list)

    def __call__(self, kind: type[Node], name: str, *inputs: str, **parameters: Any) -> str:
        """Append a node; returns its edge."""
        self.nodes.append(kind(name=name, inputs=inputs, output=name, **parameters))
        return name

    def quantise(self, name: str, source: str, fmt: Format, **options: Any) -> str:
        """Append a quantiser."""
        return self(Quantise, name, source, format=fmt, **options)


def every_operation(rng: np.random.Generator) -> Graph:
    """A 5 x 7 image with 4 channels through all operations, down to one number."""
    c = Chain()
    x = Edge.full((5, 7, 4), Format(6, 3, True))
    c(
        Scale, "scale", "x", factor=rng.integers(-9, 9, 4), offset=rng.integers(-20, 20, 4),
        factor_fraction=2, offset_fraction=6,
    )  # fmt: skip
    c.quantise("narrow", "scale", Format(6, 3, True), narrow=True)
    c(Prelu, "prelu", "narrow", slopes=np.array([3, -5, 0, 11]), slope_fraction=3)
    c.quantise("cast", "prelu", Format(6, 3, True), rounding="half_even")
    c(Split, "left", "cast", start=0, stop=2)
    c(Split, "right", "cast", start=2, stop=4)
    c.quantise("coarse", "right", Format(4, 3, True))
    c(Add, "sum", "left", "coarse")
    c(Sub, "difference", "coarse", "left")
    c(Mul, "product", "sum", "difference")
    c.quantise("p", "product", Format(6, 3, True))
    c(Mul, "square", "p", "p")
    c.quantise("s", "square", Format(6, 3, False), clip=(0, 50), rounding="half_even")
    c(Concat, "joined", "s", "p")
    mesh = np.stack(np.meshgrid(np.arange(5) - 2, np.arange(7) - 3, indexing="ij"), axis=-1)
    c(Append, "mesh", "joined", constant=mesh, constant_fraction=3)
    c(Crop, "crop", "mesh", top=1, left=2, height=4, width=5)
    c(
        Conv, "conv", "crop", weight=rng.integers(-7, 7, (3, 3, 6, 3)),
        bias=rng.integers(-12, 12, 3) * 4, weight_fraction=4, bias_fraction=9, pads=(1, 1, 1, 1),
    )  # fmt: skip
    c(LeakyRelu, "leaky", "conv", slope=3, slope_fraction=4)
    c.quantise("fused", "leaky", Format(6, 3, True))
    c(MaxPool, "pool", "fused", kernel=(3, 3), strides=(2, 2), pads=(0, 1, 1, 1))
    c(LeakyRelu, "leaky2", "pool", slope=1, slope_fraction=2)
    c.quantise("narrow2", "leaky2", Format(5, 4, True), narrow=True)
    c(Flatten, "flatten", "narrow2")
    c(
        Dense, "dense", "flatten", weight=rng.integers(-9, 9, (18, 3)),
        bias=rng.integers(-50, 50, 3), weight_fraction=3, bias_fraction=4,
    )  # fmt: skip
    c.quantise("z", "dense", Format(6, 3, True))
    c(
        Dense, "wide", "z", weight=rng.integers(-9, 9, (3, 12)),
        bias=rng.integers(-50, 50, 12), weight_fraction=3, bias_fraction=4,
    )  # fmt: skip
    c(Unflatten, "picture", "wide", height=3, width=2, channels=2)
    c(Total, "painted", "picture")
    c(Tile, "tile", "z", height=3, width=2)
    c(Append, "graded", "tile", constant=rng.integers(-9, 9, (3, 2, 1)), constant_fraction=2)
    c(Nearest, "nearest", "graded")
    c(Bilinear, "bilinear", "nearest")
    c(Total, "whole", "bilinear")
    c(InstanceNorm, "norm", "cast", epsilon=40, format=Format(7, 3, True))
    sigmoid = tabulate("sigmoid", Format(7, 3, True), Format(6, 0, False))
    c(Lookup, "sigmoid", "norm", **sigmoid.parameters())
    c(Total, "spread", "sigmoid", channels=False)
    c(
        Scale, "centred", "spread", factor=np.array([1, -1, 2, 1]),
        offset=np.array([-16, 18, -34, -17]), factor_fraction=0, offset_fraction=0,
    )  # fmt: skip
    c(LeakyRelu, "leaky3", "centred", slope=7, slope_fraction=3)
    c.quantise("v", "leaky3", Format(4, 1, True), rounding="half_even")
    c(
        Thresholds, "stairs", "centred", thresholds=np.array([[-3, 0, 5]] * 4) * 2**4,
        first=np.array([-2, 1, 0, -3]), step=np.array([1, -1, -1, 2]), format=Format(4, 2, True),
    )  # fmt: skip
    c(Total, "steps", "stairs")
    c(Sphere, "direction", "v", format=Format(8, 2, True))
    c(
        Dense, "prototypes", "direction", weight=rng.integers(-9, 9, (4, 3)),
        bias=rng.integers(-50, 50, 3) - 200, weight_fraction=3, bias_fraction=9,
    )  # fmt: skip
    c(Highest, "density", "prototypes")
    c(Mul, "energy", "norm", "norm")
    c(Total, "error", "energy")
    c(
        Scale, "excess", "error", factor=np.array([1]), offset=np.array([-130]),
        factor_fraction=0, offset_fraction=0,
    )  # fmt: skip
    c(Sub, "score", "density", "excess")
    c(Add, "both", "score", "whole")
    c(Add, "most", "both", "painted")
    c(Add, "all", "most", "steps")
    return Graph.build("chain", {"x": x}, c.nodes, [c.nodes[-1].output])
