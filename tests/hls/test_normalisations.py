"""InstanceNorm and the sphere against floating point, within the stated error of the root."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import random_values

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import (
    Highest,
    InstanceNorm,
    Lookup,
    Mul,
    Prelu,
    Sphere,
    Split,
    Sub,
    Total,
)
from trigforge.hls.ops.reciprocal_root import RELATIVE_ERROR
from trigforge.hls.tables import tabulate
from trigforge.train.errors import UnsupportedError

OUT = Format(16, 5, True)
STEP = 2.0**-OUT.fraction


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_instance_norm_is_torchs_within_the_tables_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = Edge.full((5, 7, 3), Format(8, 8 - int(rng.integers(0, 6)), bool(seed % 2)))
    epsilon = float(rng.choice([1e-3, 1e-5, 0.5]))
    integer = InstanceNorm.integer_epsilon(epsilon, x)
    node = InstanceNorm(name="n", inputs=("x",), output="y", epsilon=integer, format=OUT)
    values = random_values(rng, x, 6)
    values[2] = rng.integers(0, 2, x.shape)  # nearly constant
    got = Emulator(Graph.build("g", {"x": x}, [node], ["y"])).run(values)["y"] * STEP
    unit = 2.0**-x.fraction
    images = torch.from_numpy(values.transpose(0, 3, 1, 2) * unit)
    exact_epsilon = integer / (35**2) * unit**2
    expected = torch.nn.functional.instance_norm(images, eps=exact_epsilon).numpy()
    expected = expected.transpose(0, 2, 3, 1)
    assert (np.abs(got - expected) <= STEP + RELATIVE_ERROR * np.abs(expected)).all()
    assert integer == 1 or exact_epsilon == pytest.approx(epsilon, rel=0.5 / integer + 1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_vectors_land_on_the_sphere_within_the_tables_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = Edge.full((3,), Format(int(rng.integers(2, 20)), 3, True))
    node = Sphere(name="s", inputs=("x",), output="y", format=OUT)
    values = random_values(rng, x, 20)
    values[3] = 0
    got = Emulator(Graph.build("g", {"x": x}, [node], ["y"])).run(values)["y"] * STEP
    length = np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1)
    assert (np.abs(got - values / length) <= STEP + RELATIVE_ERROR).all()
    assert not got[3].any()


def test_one_pixel_far_away_reaches_the_proven_end() -> None:
    x = Edge.full((4, 4, 1), Format(8, 8, True))
    fmt = Format(12, 4, True)
    node = InstanceNorm(name="n", inputs=("x",), output="y", epsilon=1, format=fmt)
    graph = Graph.build("g", {"x": x}, [node], ["y"])
    values = np.full((1, 4, 4, 1), -128)
    values[0, 2, 1, 0] = 127
    reached = Emulator(graph).run(values)["y"].max() / 2**fmt.fraction
    assert reached == pytest.approx(math.sqrt(15), rel=2 * RELATIVE_ERROR)
    assert reached * 2**fmt.fraction <= graph.edges["y"].hi[0] <= 1.005 * math.sqrt(15) * 2**8 + 2


@pytest.mark.parametrize(
    ("epsilon", "out", "width", "sentence"),
    [
        (0, Format(8, 3, True), 8, "epsilon is 0, expected a positive"),
        (1, Format(8, 3, False), 8, "expected signed"),
        (1, Format(16, 3, True), 8, "at most 12 fraction bits"),
        (1, Format(8, 3, True), 25, "at most 53 are carried"),
    ],
)
def test_what_the_normalisation_cannot_hold_is_refused(
    epsilon: int, out: Format, width: int, sentence: str
) -> None:
    x = Edge.full((5, 7, 3), Format(width, width, True))
    node = InstanceNorm(name="n", inputs=("x",), output="y", epsilon=epsilon, format=out)
    with pytest.raises(UnsupportedError, match=sentence):
        node.infer(x)


def test_images_and_vectors_are_not_mixed_up() -> None:
    image, vector = Edge.full((2, 3, 2), OUT), Edge.full((2,), OUT)
    for node, x, sentence in [
        (Sphere(name="n", inputs=("x",), output="y", format=OUT), image, r"expected \(C,\)"),
        (Highest(name="n", inputs=("x",), output="y"), image, r"expected \(C,\)"),
        (Total(name="n", inputs=("x",), output="y", channels=False), vector, "no pixels"),
        (
            InstanceNorm(name="n", inputs=("x",), output="y", epsilon=1, format=OUT),
            vector,
            r"expected \(H, W, C\)",
        ),
    ]:
        with pytest.raises(UnsupportedError, match=sentence):
            node.infer(x)
    for out, width, sentence in [
        (Format(8, 3, False), 8, "expected signed"),
        (OUT, 28, "at most 53 are carried"),
    ]:
        wide = Edge.full((3,), Format(width, width, True))
        with pytest.raises(UnsupportedError, match=sentence):
            Sphere(name="n", inputs=("x",), output="y", format=out).infer(wide)


def test_the_highest_entry_has_the_highest_ends() -> None:
    x = Edge((3,), Format(6, 6, True), np.array([-9, -3, -20]), np.array([2, 1, 5]))
    y = Highest(name="n", inputs=("x",), output="y").infer(x)
    assert (int(y.lo[0]), int(y.hi[0])) == (-3, 5)


def test_sums_of_large_images_are_carried_in_float64() -> None:
    """8-bit squares of 1,600 pixels exceed 2^24, where float32 sums go wrong."""
    x = Edge.full((40, 40, 1), Format(16, 16, False))
    graph = Graph.build("g", {"x": x}, [Total(name="t", inputs=("x",), output="y")], ["y"])
    values = np.random.default_rng(0).integers(0, 65026, (3, 40, 40, 1))
    assert np.array_equal(Emulator(graph).run(values)["y"][:, 0], values.sum((1, 2, 3)))


def test_score_heads_are_what_they_are_called() -> None:
    """Squared and absolute errors and the cross-entropy of a mask, against plain numpy."""
    x = Edge.full((3, 4, 2), Format(6, 3, True))
    logit = Format(6, 3, True)
    softplus = tabulate("softplus", logit, Format(10, 4, False))
    nodes = [
        Split(name="a", inputs=("x",), output="a", start=0, stop=1),
        Split(name="b", inputs=("x",), output="b", start=1, stop=2),
        Sub(name="d", inputs=("a", "b"), output="d"),
        Mul(name="d2", inputs=("d", "d"), output="d2"),
        Total(name="sse", inputs=("d2",), output="sse"),
        Prelu(name="abs", inputs=("d",), output="abs", slopes=np.array([-1]), slope_fraction=0),
        Total(name="sae", inputs=("abs",), output="sae"),
        Lookup(name="bits", inputs=("b",), output="bits", **softplus.parameters()),
        Total(name="bce", inputs=("bits",), output="bce"),
    ]
    graph = Graph.build("scores", {"x": x}, nodes, ["sse", "sae", "bce"])
    values = random_values(np.random.default_rng(4), x, 30)
    got = Emulator(graph).run(values)
    a, b = (values[..., k] / 8 for k in (0, 1))
    assert np.array_equal(got["sse"][:, 0] / 64, ((a - b) ** 2).sum((1, 2)))
    assert np.array_equal(got["sae"][:, 0] / 8, np.abs(a - b).sum((1, 2)))
    entropy = np.logaddexp(0, b).sum((1, 2))
    assert np.allclose(got["bce"][:, 0] / 64, entropy, rtol=0, atol=12 * softplus.max_error)
