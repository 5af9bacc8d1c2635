"""A small random graph around each operation: random sizes, grids, parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Ints, Node
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

Rng = np.random.Generator


def random_format(rng: Rng, widest: int = 9) -> Format:
    """Any format, with the binary point inside or outside the bits."""
    width = int(rng.integers(2, widest))
    return Format(width, width - int(rng.integers(-2, 7)), bool(rng.integers(2)))


def image(rng: Rng, channels: int | None = None) -> Edge:
    """An input image, higher or wider, never square."""
    short = int(rng.integers(2, 6))
    long = short + int(rng.integers(1, 4))
    height, width = (short, long) if rng.integers(2) else (long, short)
    return Edge.full((height, width, channels or int(rng.integers(2, 5))), random_format(rng))


def vector(rng: Rng) -> Edge:
    """An input vector."""
    return Edge.full((int(rng.integers(2, 6)),), random_format(rng))


def random_values(rng: Rng, edge: Edge, count: int) -> Ints:
    """(count, ...) integers of an input edge: both extremes, then random ones."""
    low, high = edge.format.min_int, edge.format.max_int
    values = rng.integers(low, high + 1, (count, *edge.shape))
    values[0], values[1] = low, high
    return values


def _one(node: Node, x: Edge) -> Graph:
    return Graph.build("one", {"x": x}, [node], ["y"])


def _halves(rng: Rng) -> tuple[Edge, list[Node]]:
    """An input, and two tensors of one shape on different grids that are made of it."""
    x = image(rng, 4)
    wide = Format(6, 6 - int(rng.integers(0, 5)), True)
    return x, [
        Split(name="a", inputs=("x",), output="a", start=0, stop=2),
        Split(name="half", inputs=("x",), output="half", start=2, stop=4),
        Quantise(name="b", inputs=("half",), output="b", format=wide),
    ]


def add(rng: Rng) -> Graph:
    x, nodes = _halves(rng)
    nodes.append(Add(name="y", inputs=("a", "b"), output="y"))
    return Graph.build("add", {"x": x}, nodes, ["y"])


def sub(rng: Rng) -> Graph:
    x, nodes = _halves(rng)
    nodes.append(Sub(name="y", inputs=("a", "b"), output="y"))
    return Graph.build("sub", {"x": x}, nodes, ["y"])


def mul(rng: Rng) -> Graph:
    x, nodes = _halves(rng)
    other = "a" if rng.integers(2) else "b"
    nodes.append(Mul(name="y", inputs=("a", other), output="y"))
    return Graph.build("mul", {"x": x}, nodes, ["y"])


def concat(rng: Rng) -> Graph:
    x = image(rng)
    split = Split(name="s", inputs=("x",), output="s", start=0, stop=1)
    join = Concat(name="y", inputs=("x", "s"), output="y")
    return Graph.build("concat", {"x": x}, [split, join], ["y"])


def append(rng: Rng) -> Graph:
    x = image(rng)
    constant = rng.integers(-9, 9, (*x.shape[:2], 2))
    fraction = int(rng.integers(0, 8))
    node = Append(
        name="y", inputs=("x",), output="y", constant=constant, constant_fraction=fraction
    )
    return _one(node, x)


def conv(rng: Rng) -> Graph:
    groups = int(rng.integers(1, 3))
    x = image(rng, 2 * groups)
    node = Conv(
        name="y",
        inputs=("x",),
        output="y",
        weight=rng.integers(-9, 9, (3, 2, 2, 3 * groups)),
        bias=rng.integers(-99, 99, 3 * groups),
        weight_fraction=int(rng.integers(0, 5)),
        bias_fraction=int(rng.integers(0, 9)),
        strides=(int(rng.integers(1, 3)), int(rng.integers(1, 3))),
        pads=(1, 0, 2, 1),
        groups=groups,
    )
    return _one(node, x)


def dense(rng: Rng) -> Graph:
    x = vector(rng)
    node = Dense(
        name="y",
        inputs=("x",),
        output="y",
        weight=rng.integers(-9, 9, (x.shape[0], 3)),
        bias=rng.integers(-99, 99, 3),
        weight_fraction=int(rng.integers(0, 5)),
        bias_fraction=int(rng.integers(0, 9)),
    )
    return _one(node, x)


def crop(rng: Rng) -> Graph:
    x = image(rng)
    top, left = int(rng.integers(0, x.shape[0])), int(rng.integers(0, x.shape[1]))
    height = int(rng.integers(1, x.shape[0] - top + 1))
    width = int(rng.integers(1, x.shape[1] - left + 1))
    return _one(
        Crop(name="y", inputs=("x",), output="y", top=top, left=left, height=height, width=width),
        x,
    )


def flatten(rng: Rng) -> Graph:
    return _one(Flatten(name="y", inputs=("x",), output="y"), image(rng))


def leaky_relu(rng: Rng) -> Graph:
    slope = int(rng.integers(0, 9))
    return _one(
        LeakyRelu(name="y", inputs=("x",), output="y", slope=slope, slope_fraction=3), image(rng)
    )


def max_pool(rng: Rng) -> Graph:
    node = MaxPool(
        name="y", inputs=("x",), output="y", kernel=(2, 3), strides=(1, 2), pads=(1, 0, 0, 2)
    )
    return _one(node, image(rng))


def prelu(rng: Rng) -> Graph:
    x = image(rng)
    slopes = rng.integers(-9, 20, x.shape[2])
    return _one(Prelu(name="y", inputs=("x",), output="y", slopes=slopes, slope_fraction=3), x)


def quantise(rng: Rng) -> Graph:
    fmt = random_format(rng)
    node = Quantise(
        name="y",
        inputs=("x",),
        output="y",
        format=fmt,
        narrow=bool(rng.integers(2)),
        rounding="half_even" if rng.integers(2) else "floor",
        clip=(fmt.min_int + 1, fmt.max_int // 2) if rng.integers(2) else None,
    )
    return _one(node, image(rng))


def thresholds(rng: Rng) -> Graph:
    x = image(rng)
    channels, count = x.shape[2], int(rng.integers(1, 6))
    low, high = x.format.min_int, x.format.max_int
    step = rng.choice([-1, 1, 2], channels)
    node = Thresholds(
        name="y",
        inputs=("x",),
        output="y",
        thresholds=np.sort(rng.integers(low - 2, high + 3, (channels, count)), axis=1),
        first=np.where(step > 0, -2, 2),
        step=step,
        format=Format(6, 6 - int(rng.integers(-2, 7)), True),
    )
    return _one(node, x)


def scale(rng: Rng) -> Graph:
    x = image(rng)
    node = Scale(
        name="y",
        inputs=("x",),
        output="y",
        factor=rng.integers(-9, 9, x.shape[2]),
        offset=rng.integers(-99, 99, x.shape[2]),
        factor_fraction=int(rng.integers(0, 5)),
        offset_fraction=int(rng.integers(0, 9)),
    )
    return _one(node, x)


def split(rng: Rng) -> Graph:
    x = image(rng, 4)
    start = int(rng.integers(0, 3))
    return _one(Split(name="y", inputs=("x",), output="y", start=start, stop=start + 2), x)


def tile(rng: Rng) -> Graph:
    return _one(Tile(name="y", inputs=("x",), output="y", height=3, width=2), vector(rng))


def conv_transpose(rng: Rng) -> Graph:
    x = image(rng, 2)
    node = ConvTranspose(
        name="y",
        inputs=("x",),
        output="y",
        weight=rng.integers(-9, 9, (3, 4, 2, 3)),
        bias=rng.integers(-99, 99, 3),
        weight_fraction=int(rng.integers(0, 5)),
        bias_fraction=int(rng.integers(0, 9)),
        pads=(int(rng.integers(0, 3)), 0, 1, int(rng.integers(0, 4))),
    )
    return _one(node, x)


def nearest(rng: Rng) -> Graph:
    return _one(Nearest(name="y", inputs=("x",), output="y"), image(rng))


def bilinear(rng: Rng) -> Graph:
    return _one(Bilinear(name="y", inputs=("x",), output="y"), image(rng))


def lookup(rng: Rng) -> Graph:
    x = image(rng)
    fmt = random_format(rng)
    entries = rng.integers(fmt.min_int, fmt.max_int + 1, 1 << x.format.width)
    return _one(Lookup(name="y", inputs=("x",), output="y", entries=entries, format=fmt), x)


def total(rng: Rng) -> Graph:
    return _one(
        Total(name="y", inputs=("x",), output="y", channels=bool(rng.integers(2))), image(rng)
    )


def highest(rng: Rng) -> Graph:
    return _one(Highest(name="y", inputs=("x",), output="y"), vector(rng))


def instance_norm(rng: Rng) -> Graph:
    width = int(rng.integers(4, 12))
    fmt = Format(width, width - int(rng.integers(0, 12)), True)
    epsilon = int(rng.choice([1, 50, 10**6]))
    node = InstanceNorm(name="y", inputs=("x",), output="y", epsilon=epsilon, format=fmt)
    return _one(node, image(rng))


def sphere(rng: Rng) -> Graph:
    width = int(rng.integers(4, 12))
    fmt = Format(width, width - int(rng.integers(0, 12)), True)
    return _one(Sphere(name="y", inputs=("x",), output="y", format=fmt), vector(rng))


def unflatten(rng: Rng) -> Graph:
    x = Edge.full((24,), random_format(rng))
    node = Unflatten(name="y", inputs=("x",), output="y", height=3, width=4, channels=2)
    return _one(node, x)


SAMPLES: dict[type[Node], Callable[[Rng], Graph]] = {
    Add: add,
    Append: append,
    Bilinear: bilinear,
    Concat: concat,
    Conv: conv,
    ConvTranspose: conv_transpose,
    Crop: crop,
    Dense: dense,
    Flatten: flatten,
    Highest: highest,
    InstanceNorm: instance_norm,
    LeakyRelu: leaky_relu,
    Lookup: lookup,
    MaxPool: max_pool,
    Mul: mul,
    Nearest: nearest,
    Prelu: prelu,
    Quantise: quantise,
    Scale: scale,
    Sphere: sphere,
    Split: split,
    Sub: sub,
    Thresholds: thresholds,
    Tile: tile,
    Total: total,
    Unflatten: unflatten,
}
