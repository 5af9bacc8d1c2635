"""Hand-built exact graphs for tests."""

from __future__ import annotations

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import Conv, Dense, Flatten, LeakyRelu, MaxPool, Quantise

BINARY = Format(1, 1, False)


def same_pads(height: int, width: int) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of TensorFlow's "same" for kernel 3 and stride 2."""
    return (height % 2, width % 2, 1, 1)


def mask_encoder(
    rng: np.random.Generator,
    height: int = 12,
    width: int = 9,
    filters: tuple[int, ...] = (4, 8, 8),
    groups: tuple[int, ...] = (1, 2, 2),
    weight_bits: int = 5,
) -> Graph:
    """A small mask encoder with random weights, grouped and not yet lowered."""
    start = Edge.full((height, width, 1), BINARY)
    nodes: list[Node] = []
    edge, channels = "x", 1
    limit = 1 << (weight_bits - 1)
    for index, (count, group) in enumerate(zip(filters, groups, strict=True), start=1):
        block = channels // group
        nodes.append(
            Conv(
                name=f"conv{index}",
                inputs=(edge,),
                output=f"conv{index}",
                weight=rng.integers(-limit, limit, (3, 3, block, count)),
                bias=rng.integers(-40, 40, count),
                weight_fraction=4,
                bias_fraction=3 + index,
                pads=(1, 1, 1, 1),
                groups=group,
            )
        )
        nodes.append(
            LeakyRelu(
                name=f"leaky{index}",
                inputs=(f"conv{index}",),
                output=f"leaky{index}",
                slope=1,
                slope_fraction=2,
            )
        )
        nodes.append(
            Quantise(
                name=f"quant{index}",
                inputs=(f"leaky{index}",),
                output=f"quant{index}",
                format=Format(7, 4 + index, True),
            )
        )
        nodes.append(
            MaxPool(
                name=f"pool{index}",
                inputs=(f"quant{index}",),
                output=f"pool{index}",
                kernel=(3, 3),
                strides=(2, 2),
                pads=same_pads(height, width),
            )
        )
        height, width = -(-height // 2), -(-width // 2)
        edge, channels = f"pool{index}", count
    nodes.append(Flatten(name="flatten", inputs=(edge,), output="flatten"))
    nodes.append(
        Dense(
            name="dense",
            inputs=("flatten",),
            output="z",
            weight=rng.integers(-20, 20, (height * width * channels, 2)),
            bias=rng.integers(-100, 100, 2),
            weight_fraction=6,
            bias_fraction=6,
        )
    )
    return Graph.build("mask_encoder", {"x": start}, nodes, ["z"])
