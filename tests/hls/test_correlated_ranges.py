"""Ranges where numbers meet themselves again, against every input there is.

Inputs are so small that all of them can be run. Where the analysis claims to be exact, the ends it
gives are the smallest and largest value over all inputs, so that one bit less would overflow;
everywhere, no value lies outside.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from chains import Chain
from hypothesis import given, settings
from hypothesis import strategies as st

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Ints
from trigforge.hls.ops import (
    Add,
    Conv,
    Dense,
    InstanceNorm,
    LeakyRelu,
    MaxPool,
    Mul,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Sphere,
    Split,
    Sub,
    Total,
)

Rng = np.random.Generator
seeds = st.integers(0, 2**32 - 1)


def everything(edge: Edge) -> Ints:
    """All tensors that an input edge can hold; only for a few bits in all."""
    values = range(edge.format.min_int, edge.format.max_int + 1)
    size = int(np.prod(edge.shape))
    assert len(values) ** size <= 1 << 12
    return np.array(list(itertools.product(values, repeat=size))).reshape(-1, *edge.shape)


def conv_parameters(rng: Rng, size: int, inputs: int, outputs: int) -> dict[str, Any]:
    """A convolution that keeps the image's size, the pixel itself in the middle or at the end."""
    before = (size - 1) // 2
    return {
        "weight": rng.integers(-9, 10, (size, size, inputs, outputs)),
        "bias": rng.integers(-20, 20, outputs),
        "weight_fraction": int(rng.integers(0, 4)),
        "bias_fraction": int(rng.integers(0, 6)),
        "pads": (before, before, size - 1 - before, size - 1 - before),
    }


def scale_parameters(rng: Rng, channels: int) -> dict[str, Any]:
    """Factors and offsets of either sign."""
    return {
        "factor": rng.integers(-9, 10, channels),
        "offset": rng.integers(-20, 20, channels),
        "factor_fraction": int(rng.integers(0, 4)),
        "offset_fraction": int(rng.integers(0, 6)),
    }


def small_image(rng: Rng) -> Edge:
    """Four pixels of one channel and three bits, or of two channels and one bit."""
    if rng.integers(2):
        return Edge.full((1, 4, 1), Format(3, 3 - int(rng.integers(0, 3)), bool(rng.integers(2))))
    return Edge.full((2, 2, 2), Format(1, 1, bool(rng.integers(2))))


def difference_of_itself(c: Chain, x: Edge, rng: Rng) -> None:
    c(Sub, "y", "x", "x")


def sum_with_itself_scaled(c: Chain, x: Edge, rng: Rng) -> None:
    c(Scale, "s", "x", **scale_parameters(rng, x.shape[-1]))
    c((Add, Sub)[rng.integers(2)], "y", "s", "x")


def what_a_quantiser_drops(c: Chain, x: Edge, rng: Rng) -> None:
    c(Scale, "s", "x", **{**scale_parameters(rng, x.shape[-1]), "offset_fraction": 0})
    c.quantise("q", "s", Format(20, 18 - x.fraction, True))
    c(Sub, "y", "s", "q")


def residual(c: Chain, x: Edge, rng: Rng) -> None:
    size = int(rng.integers(1, 4))
    c(Conv, "c", "x", **conv_parameters(rng, size, x.shape[-1], x.shape[-1]))
    c((Add, Sub)[rng.integers(2)], "y", "c", "x")


def two_convolutions(c: Chain, x: Edge, rng: Rng) -> None:
    size = int(rng.integers(1, 4))
    c(Conv, "a", "x", **conv_parameters(rng, size, x.shape[-1], 2))
    c(Conv, "b", "x", **conv_parameters(rng, size, x.shape[-1], 2))
    c((Add, Sub)[rng.integers(2)], "y", "a", "b")


def square(c: Chain, x: Edge, rng: Rng) -> None:
    c(Scale, "s", "x", **scale_parameters(rng, x.shape[-1]))
    c(Mul, "y", "s", "s")


def square_written_twice(c: Chain, x: Edge, rng: Rng) -> None:
    parameters = scale_parameters(rng, x.shape[-1])
    c(Scale, "s", "x", **parameters)
    c(Scale, "t", "x", **parameters)
    c(Mul, "y", "s", "t")


def quadratic(c: Chain, x: Edge, rng: Rng) -> None:
    c(Scale, "s", "x", **scale_parameters(rng, x.shape[-1]))
    c(Scale, "t", "x", **scale_parameters(rng, x.shape[-1]))
    c(Mul, "y", "s", "t")


def squared_error(c: Chain, x: Edge, rng: Rng) -> None:
    """(x - r)^2 where r is another channel, with a grid of its own."""
    c(Split, "a", "x", start=0, stop=1)
    c(Split, "b", "x", start=x.shape[-1] - 1, stop=x.shape[-1])
    c(Scale, "r", "b", **scale_parameters(rng, 1))
    c(Sub, "d", "a", "r")
    c(Mul, "e", "d", "d")
    c(Total, "y", "e")


def masked_error(c: Chain, x: Edge, rng: Rng) -> None:
    """x (x - r): never negative where x is 0 or 1 and r at most 1."""
    c(Split, "a", "x", start=0, stop=1)
    c(Split, "b", "x", start=1, stop=2)
    c(Sub, "d", "a", "b")
    c(Mul, "y", "a", "d")


def total_of_a_convolution(c: Chain, x: Edge, rng: Rng) -> None:
    size = int(rng.integers(1, 4))
    c(Conv, "c", "x", **conv_parameters(rng, size, x.shape[-1], 2))
    c(Total, "y", "c", channels=bool(rng.integers(2)))


def total_of_a_residual(c: Chain, x: Edge, rng: Rng) -> None:
    size = int(rng.integers(1, 4))
    c(Conv, "c", "x", **conv_parameters(rng, size, x.shape[-1], x.shape[-1]))
    c(Sub, "r", "c", "x")
    c(Total, "y", "r", channels=bool(rng.integers(2)))


def padded_convolution(c: Chain, x: Edge, rng: Rng) -> None:
    parameters = conv_parameters(rng, int(rng.integers(1, 4)), x.shape[-1], 2)
    pads = tuple(int(pad) for pad in rng.integers(1, 3, 4))
    c(Conv, "y", "x", **{**parameters, "pads": pads, "weight": parameters["weight"][:1]})


EXACT: tuple[Callable[[Chain, Edge, Rng], None], ...] = (
    padded_convolution,
    difference_of_itself,
    sum_with_itself_scaled,
    residual,
    two_convolutions,
    square,
    square_written_twice,
    quadratic,
    total_of_a_convolution,
    total_of_a_residual,
)
PAIRS: tuple[Callable[[Chain, Edge, Rng], None], ...] = (squared_error, masked_error)


def reached(graph: Graph, x: Ints) -> tuple[Ints, Ints]:
    """Smallest and largest value of each channel of the output over all inputs."""
    found = Emulator(graph).run(x)["y"]
    values = found.reshape(-1, found.shape[-1])
    return values.min(0), values.max(0)


def check_exact(build: Callable[[Chain, Edge, Rng], None], x: Edge, rng: Rng) -> None:
    """The ends are those over all inputs; the width holds them, and one bit less does not."""
    chain = Chain()
    build(chain, x, rng)
    graph = Graph.build("g", {"x": x}, chain.nodes, ["y"])
    lo, hi = reached(graph, everything(x))
    y = graph.edges["y"]
    assert np.array_equal(y.lo, lo) and np.array_equal(y.hi, hi)
    if y.format.width > 1:
        narrower = Format(y.format.width - 1, y.format.integer - 1, y.format.signed)
        assert not narrower.holds(int(lo.min()), int(hi.max()))


@pytest.mark.parametrize("build", EXACT, ids=lambda build: build.__name__)
@settings(max_examples=15)
@given(seed=seeds)
def test_the_width_is_the_smallest(build: Callable[..., None], seed: int) -> None:
    rng = np.random.default_rng(seed)
    check_exact(build, small_image(rng), rng)


@pytest.mark.parametrize("build", PAIRS, ids=lambda build: build.__name__)
@pytest.mark.parametrize(
    "fmt", [Format(1, 1, False), Format(1, 1, True), Format(2, 1, True)], ids=str
)
def test_errors_of_pixels_have_the_smallest_width(build: Callable[..., None], fmt: Format) -> None:
    for seed in range(5):
        check_exact(build, Edge.full((1, 2, 2), fmt), np.random.default_rng(seed))


@settings(max_examples=15)
@given(seeds)
def test_what_a_quantiser_drops_is_never_negative(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = small_image(rng)
    chain = Chain()
    what_a_quantiser_drops(chain, x, rng)
    graph = Graph.build("g", {"x": x}, chain.nodes, ["y"])
    lo, hi = reached(graph, everything(x))
    y, drop = graph.edges["y"], max(graph.edges["s"].fraction - graph.edges["q"].fraction, 0)
    assert y.lo.min() >= 0 and y.hi.max() < 1 << drop
    assert (lo >= y.lo).all() and (hi <= y.hi).all()


def random_expression(rng: Rng) -> Graph:
    """Eight operations on whatever came before, ending in a sum."""
    c = Chain()
    x = Edge.full((2, 2, 2), Format(1, int(rng.integers(0, 3)), bool(rng.integers(2))))
    edges = ["x"]
    for index in range(8):
        a, b = (edges[int(i)] for i in rng.integers(0, len(edges), 2))
        name = f"e{index}"
        match int(rng.integers(10)):
            case 0 | 1:
                c(Add, name, a, b)
            case 2 | 3:
                c(Sub, name, a, b)
            case 4:
                c(Mul, name, a, b)
            case 5:
                c(Scale, name, a, **scale_parameters(rng, 2))
            case 6:
                c(Conv, name, a, **conv_parameters(rng, int(rng.integers(1, 4)), 2, 2))
            case 7:
                low = int(rng.integers(-2, 6))
                fmt = Format(int(rng.integers(2, 12)), low, True)
                rounding = ("floor", "half_even")[rng.integers(2)]
                c(Quantise, name, a, format=fmt, rounding=rounding)
            case 8:
                c(LeakyRelu, name, a, slope=int(rng.integers(0, 5)), slope_fraction=2)
            case 9:
                c(Prelu, name, a, slopes=rng.integers(-5, 5, 2), slope_fraction=1)
        edges.append(name)
    c(Total, "y", edges[-1], channels=bool(rng.integers(2)))
    return Graph.build("g", {"x": x}, c.nodes, ["y"])


@settings(max_examples=40)
@given(seeds)
def test_no_value_of_a_random_expression_lies_outside(seed: int) -> None:
    graph = random_expression(np.random.default_rng(seed))
    found = Emulator(graph, tuple(graph.edges)).run(everything(graph.edges["x"]))
    for name, values in found.items():
        edge, flat = graph.edges[name], values.reshape(-1, values.shape[-1])
        assert (flat.min(0) >= edge.lo).all() and (flat.max(0) <= edge.hi).all(), name
        if edge.form is not None:
            lo, hi = edge.form.interval()
            shift = 2.0 ** (edge.form.fraction - edge.fraction)
            assert (flat.min(0) * shift >= lo).all() and (flat.max(0) * shift <= hi).all(), name


def loud(pixels: int, channels: int, low: int, high: int) -> Ints:
    """One pixel at one end and all others at the other: as far from the mean as it gets."""
    x = np.full((2, 1, pixels, channels), low, np.int64)
    x[0, 0, 0], x[1], x[1, 0, 0] = high, high, low
    return x


@settings(max_examples=25)
@given(seeds)
def test_instance_norm_reaches_its_ends_and_a_scale_behind_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, pixels = int(rng.integers(1, 9)), int(rng.integers(2, 400))
    x = Edge.full((1, pixels, 2), Format(width, int(rng.integers(-2, 5)), bool(rng.integers(2))))
    epsilon = int(rng.integers(1, 1 + pixels**2))
    c = Chain()
    c(InstanceNorm, "n", "x", epsilon=epsilon, format=Format(14, 7, True))
    c(Scale, "y", "n", **scale_parameters(rng, 2))
    graph = Graph.build("g", {"x": x}, c.nodes, ["y"])
    low, high = x.format.min_int, x.format.max_int
    found = Emulator(graph, ("n",)).run(loud(pixels, 2, low, high))
    for name in ("n", "y"):
        edge, flat = graph.edges[name], found[name].reshape(-1, 2)
        assert (flat.min(0) >= edge.lo).all() and (flat.max(0) <= edge.hi).all()
        # the root's table leaves one part in 450 open, flooring one step, times the factor
        open_steps = 2 if name == "n" else 2 * np.abs(vars(graph.nodes[1])["factor"]).max() * 64
        slack = (edge.hi - edge.lo) / 450 + open_steps
        assert (flat.max(0) >= edge.hi - slack).all() and (flat.min(0) <= edge.lo + slack).all()


@settings(max_examples=25)
@given(seeds)
def test_the_energy_of_normalised_pixels_is_bounded_by_their_number(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(2, 12, 2))
    x = Edge.full((height, width, 2), Format(6, 3, True))
    c = Chain()
    c(InstanceNorm, "n", "x", epsilon=1, format=Format(14, 7, True))
    c(Mul, "squares", "n", "n")
    c(Total, "y", "squares", channels=False)
    graph = Graph.build("g", {"x": x}, c.nodes, ["y"])
    values = rng.integers(-32, 32, (40, height, width, 2))
    values[0, ..., :] = -32 + 63 * (np.arange(height * width).reshape(height, width, 1) % 2)
    found = Emulator(graph).run(values)["y"]
    (hi,) = set(graph.edges["y"].hi.tolist())
    pixels = height * width
    # pixels that each reach their own end would give (N - 1) times as much
    assert found.max() <= hi < 1.1 * pixels * 2**14
    assert found.max() > 0.9 * hi - pixels * 2**8


@settings(max_examples=25)
@given(seeds)
def test_prototypes_on_the_sphere_are_bounded_by_their_length(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, count = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    x = Edge.full((size,), Format(12, 6, True))
    fmt = Format(12, 2, True)
    weight = rng.integers(-60, 61, (size, count))
    weight[0, weight.any(0) == 0] = 1
    c = Chain()
    c(Sphere, "n", "x", format=fmt)
    c(
        Dense, "y", "n", weight=weight, bias=rng.integers(-99, 99, count),
        weight_fraction=3, bias_fraction=4,
    )  # fmt: skip
    graph = Graph.build("g", {"x": x}, c.nodes, ["y"])
    along = np.rint(weight.T * (2000 / np.abs(weight).max(0))[:, None]).astype(np.int64)
    found = Emulator(graph).run(np.concatenate([along, -along]))["y"]
    y = graph.edges["y"]
    assert (found.max(0) <= y.hi).all() and (found.min(0) >= y.lo).all()
    # the vector along a prototype comes within the table's and the flooring's errors of the end
    slack = (y.hi - y.lo) / 300 + 2 * np.abs(weight).sum(0)
    assert (found.max(0) >= y.hi - slack).all() and (found.min(0) <= y.lo + slack).all()


def test_what_the_graph_does_not_tell_apart_is_not_taken_for_the_same() -> None:
    """Two inputs may be described by one object; they are still two inputs."""
    x = Edge.full((2,), Format(4, 4, True))
    graph = Graph.build(
        "g", {"a": x, "b": x}, [Sub(name="y", inputs=("a", "b"), output="y")], ["y"]
    )
    assert (int(graph.edges["y"].lo[0]), int(graph.edges["y"].hi[0])) == (-15, 15)


@pytest.mark.parametrize("between", [MaxPool, Nearest])
def test_what_moves_pixels_ends_a_form(between: type) -> None:
    x = Edge.full((2, 2, 1), Format(2, 2, True))
    c = Chain()
    geometry = {"kernel": (1, 1), "strides": (1, 1)} if between is MaxPool else {}
    c(between, "a", "x", **geometry)
    c(between, "b", "x", **geometry)
    c(Sub, "y", "a", "b")
    graph = Graph.build("g", {"x": x}, c.nodes, ["y"])
    assert (int(graph.edges["y"].lo[0]), int(graph.edges["y"].hi[0])) == (-3, 3)
