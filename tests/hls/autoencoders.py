"""Whole autoencoders with random weights: score heads included, sizes reduced, never square."""

from __future__ import annotations

from typing import Any

import numpy as np
from chains import Chain

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import (
    Append,
    Bilinear,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    Flatten,
    InstanceNorm,
    LeakyRelu,
    Lookup,
    MaxPool,
    Mul,
    Nearest,
    Scale,
    Sphere,
    Sub,
    Tile,
    Total,
    Unflatten,
)
from trigforge.hls.tables import tabulate

ACTIVATION = Format(8, 4, True)
PIXEL = Format(8, 0, False)
SAME = (1, 1, 1, 1)


class Builder(Chain):
    """Layers with random weights whose outputs fill, but rarely leave, the activations' range."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.rng = rng

    def weights(self, *shape: int) -> dict[str, Any]:
        """Five-bit weights of a spread that keeps variances about one."""
        deviation = 32 / np.sqrt(np.prod(shape[:-1]))
        weight = np.rint(self.rng.normal(0, deviation, shape)).clip(-15, 15).astype(np.int64)
        bias = self.rng.integers(-40, 40, shape[-1])
        return {"weight": weight, "bias": bias, "weight_fraction": 4, "bias_fraction": 6}

    def activate(self, source: str, fmt: Format = ACTIVATION) -> str:
        """LeakyReLU of slope 1/4 and a quantiser."""
        leaky = self(LeakyRelu, f"{source}_l", source, slope=1, slope_fraction=2)
        return self.quantise(f"{source}_q", leaky, fmt)


def nae(rng: np.random.Generator) -> Graph:
    """Encoder, sphere, decoder of transposed convolutions, bilinear, sigmoid, squared error."""
    b = Builder(rng)
    image = Edge.full((12, 10, 1), PIXEL)
    edge = b.activate(b(Conv, "conv1", "x", **b.weights(3, 3, 1, 4), pads=SAME))
    edge = b.activate(b(Conv, "conv2", edge, **b.weights(3, 3, 4, 4), pads=SAME))
    edge = b(MaxPool, "pool", edge, kernel=(2, 2), strides=(2, 2))
    edge = b(Flatten, "flatten", edge)
    edge = b.activate(b(Dense, "dense1", edge, **b.weights(120, 12)))
    edge = b.quantise("z", b(Dense, "dense2", edge, **b.weights(12, 3)), ACTIVATION)
    edge = b(Sphere, "sphere", edge, format=Format(8, 2, True))
    edge = b.activate(b(Dense, "dense3", edge, **b.weights(3, 60)))
    edge = b(Unflatten, "image", edge, height=6, width=5, channels=2)
    edge = b.activate(b(ConvTranspose, "deconv1", edge, **b.weights(3, 3, 2, 4), pads=SAME))
    edge = b.quantise("large", b(Bilinear, "bilinear", edge), ACTIVATION)
    edge = b(ConvTranspose, "deconv2", edge, **b.weights(3, 3, 4, 1), pads=SAME)
    edge = b.quantise("logit", edge, ACTIVATION)
    sigmoid = tabulate("sigmoid", ACTIVATION, PIXEL)
    edge = b(Lookup, "sigmoid", edge, **sigmoid.parameters())
    edge = b(Sub, "residual", edge, "x")
    b(Total, "score", b(Mul, "squares", edge, edge))
    return Graph.build("nae", {"x": image}, b.nodes, ["score"])


def codae(rng: np.random.Generator) -> Graph:
    """Grouped encoder with InstanceNorm, conditioned decoder on a mesh, crop, cross-entropy."""
    b = Builder(rng)
    mask = Edge.full((9, 7, 1), Format(1, 1, False))
    edge, channels, height, width = "x", 1, 9, 7
    for index, groups in ((1, 1), (2, 2)):
        kernel = b.weights(3, 3, channels // groups, 4)
        edge = b(Conv, f"conv{index}", edge, **kernel, pads=SAME, groups=groups)
        edge = b.quantise(f"in{index}", edge, ACTIVATION)
        fmt = Format(9, 4, True)
        edge = b(InstanceNorm, f"norm{index}", edge, epsilon=9, format=fmt)
        gamma, beta = rng.integers(3, 9, 4), rng.integers(-9, 9, 4)
        edge = b(
            Scale, f"scale{index}", edge, factor=gamma, offset=beta, factor_fraction=2,
            offset_fraction=4,
        )  # fmt: skip
        edge = b.activate(edge)
        pads = (height % 2, width % 2, 1, 1)
        edge = b(MaxPool, f"pool{index}", edge, kernel=(3, 3), strides=(2, 2), pads=pads)
        height, width, channels = -(-height // 2), -(-width // 2), 4
    edge = b(Flatten, "flatten", edge)
    edge = b.quantise("z", b(Dense, "dense", edge, **b.weights(24, 2)), ACTIVATION)
    tiled = b(Tile, "tile", edge, height=height, width=width)
    mesh = np.stack(np.meshgrid(np.arange(3) - 1, np.arange(2), indexing="ij"), axis=-1)
    tiled = b(Append, "mesh", tiled, constant=mesh, constant_fraction=1)
    gate = b.quantise("g", b(Conv, "gate", tiled, **b.weights(3, 3, 4, 4), pads=SAME), ACTIVATION)
    wide = b.activate(b(Dense, "wide", edge, **b.weights(2, 24)))
    wide = b(Unflatten, "image", wide, height=3, width=2, channels=4)
    edge = b.quantise("m", b(Mul, "condition", gate, wide), ACTIVATION)
    edge = b.quantise("u1", b(Bilinear, "bilinear", edge), ACTIVATION)
    edge = b.activate(b(Conv, "conv3", edge, **b.weights(3, 3, 4, 4), pads=SAME))
    edge = b(Nearest, "nearest", edge)
    edge = b(Crop, "crop", edge, top=1, left=0, height=9, width=7)
    edge = b.quantise("logit", b(Conv, "last", edge, **b.weights(1, 1, 4, 1)), ACTIVATION)
    one, two = np.array([1]), np.array([-2])
    sign = b(Scale, "sign", "x", factor=two, offset=one, factor_fraction=0, offset_fraction=0)
    edge = b.quantise("signed", b(Mul, "product", edge, sign), ACTIVATION)
    softplus = tabulate("softplus", ACTIVATION, Format(10, 4, False))
    b(Total, "score", b(Lookup, "entropy", edge, **softplus.parameters()))
    return Graph.build("codae", {"x": mask}, b.nodes, ["score"])
