"""Score heads: their proven range is what all inputs together reach."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from chains import Chain
from test_correlated_ranges import everything

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import (
    Dense,
    Flatten,
    Highest,
    Lookup,
    Mul,
    Prelu,
    Scale,
    Split,
    Sub,
    Total,
)
from trigforge.hls.tables import tabulate

MASK = Format(1, 1, False)
LOGIT = Format(3, 2, True)
# two pixels with a channel for the mask and one for the logit
INPUT = Edge.full((1, 2, 2), LOGIT)


def pixels(c: Chain) -> None:
    """Edges ``mask`` of 0 and 1, and ``logit``."""
    c(Split, "first", "x", start=0, stop=1)
    c.quantise("mask", "first", MASK)
    c(Split, "logit", "x", start=1, stop=2)


def residual(c: Chain) -> None:
    """Edge ``d``: mask less the sigmoid of the logit."""
    pixels(c)
    sigmoid = tabulate("sigmoid", LOGIT, Format(5, 0, False))
    c(Lookup, "reconstruction", "logit", **sigmoid.parameters())
    c(Sub, "d", "mask", "reconstruction")


def squared_error(c: Chain) -> None:
    residual(c)
    c(Mul, "squares", "d", "d")
    c(Total, "y", "squares")


def absolute_error(c: Chain) -> None:
    residual(c)
    c(Prelu, "absolute", "d", slopes=np.array([-1]), slope_fraction=0)
    c(Total, "y", "absolute")


def cross_entropy(c: Chain) -> None:
    pixels(c)
    one, two = np.array([1]), np.array([-2])
    c(Scale, "sign", "mask", factor=two, offset=one, factor_fraction=0, offset_fraction=0)
    c(Mul, "product", "logit", "sign")
    fmt = Format(4, 3, True)
    c.quantise("signed", "product", fmt)
    c(Lookup, "entropy", "signed", **tabulate("softplus", fmt, Format(7, 3, False)).parameters())
    c(Total, "y", "entropy")


def latents(c: Chain, outputs: int) -> None:
    """Edge ``z``: a dense layer on everything."""
    rng = np.random.default_rng(5)
    c(Flatten, "flat", "x")
    c(
        Dense, "z", "flat", weight=rng.integers(-9, 10, (4, outputs)),
        bias=rng.integers(-20, 20, outputs), weight_fraction=2, bias_fraction=4,
    )  # fmt: skip


def latent_component(c: Chain) -> None:
    latents(c, 3)
    c(Split, "y", "z", start=1, stop=2)


def prototypes(c: Chain) -> None:
    latents(c, 3)
    c(Highest, "y", "z")


def built(head: Callable[[Chain], None]) -> Graph:
    chain = Chain()
    head(chain)
    return Graph.build("head", {"x": INPUT}, chain.nodes, ["y"])


def smallest_error(graph: Graph) -> int:
    """Sum over pixels of the smallest error that one pixel can have, by looking at its entries."""
    lookup = next(node for node in graph.nodes if isinstance(node, Lookup))
    step = 1 << graph.edges["reconstruction"].fraction
    errors = np.abs(np.stack([lookup.entries, step - lookup.entries]))
    least = int(errors.min())
    return 2 * (least**2 if any(isinstance(node, Mul) for node in graph.nodes) else least)


@pytest.mark.parametrize("head", [cross_entropy, latent_component], ids=lambda head: head.__name__)
def test_both_ends_are_reached(head: Callable[[Chain], None]) -> None:
    graph = built(head)
    found = Emulator(graph).run(everything(INPUT))["y"]
    y = graph.edges["y"]
    assert (int(found.min()), int(found.max())) == (int(y.lo[0]), int(y.hi[0]))


@pytest.mark.parametrize("head", [squared_error, absolute_error], ids=lambda head: head.__name__)
def test_errors_reach_their_upper_end_and_are_never_negative(
    head: Callable[[Chain], None],
) -> None:
    graph = built(head)
    found = Emulator(graph).run(everything(INPUT))["y"]
    y = graph.edges["y"]
    assert int(found.max()) == int(y.hi[0])
    # a difference of either sign may be zero for all that its range says; the width is the same
    assert int(y.lo[0]) == 0 <= int(found.min()) == smallest_error(graph)
    assert not y.format.signed
    assert not Format(y.format.width - 1, y.format.integer - 1, False).holds(0, int(found.max()))


def test_the_best_prototype_reaches_its_upper_end() -> None:
    graph = built(prototypes)
    found = Emulator(graph, ("z",)).run(everything(INPUT))
    y = graph.edges["y"]
    assert int(found["y"].max()) == int(y.hi[0])
    # below, no prototype can be worse than its own worst
    assert int(found["y"].min()) >= int(y.lo[0]) == int(found["z"].min(0).max())
