"""Rounding and saturation against exact fractions and against QONNX's own quantiser."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.custom_op.general.quant import quant

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Ints
from trigforge.hls.ops import Quantise
from trigforge.hls.ops.quantise import Rounding

formats = st.builds(Format, st.integers(1, 14), st.integers(-4, 12), st.booleans())
roundings = st.sampled_from(["floor", "half_even"])
integers = st.lists(st.integers(-(1 << 20), 1 << 20), min_size=1, max_size=30)
fractions = st.integers(-3, 16)


def node(fmt: Format, rounding: Rounding, narrow: bool = False) -> Quantise:
    """A quantiser of one edge."""
    return Quantise(
        name="y", inputs=("x",), output="y", format=fmt, rounding=rounding, narrow=narrow
    )


def exact(x: int, fraction: int, quantiser: Quantise) -> int:
    """The definition, on a fraction: round(half) is Python's own half to even."""
    value = Fraction(x) / Fraction(2) ** (fraction - quantiser.format.fraction)
    rounded = math.floor(value) if quantiser.rounding == "floor" else round(value)
    low, high = quantiser.bounds
    return min(max(rounded, low), high)


@settings(max_examples=40)
@given(integers, fractions, formats, roundings, st.booleans())
def test_quantisers_round_and_saturate_as_fractions_do(
    values: list[int], fraction: int, fmt: Format, rounding: Rounding, narrow: bool
) -> None:
    quantiser = node(fmt, rounding, narrow and fmt.width > 1)
    expected = [exact(x, fraction, quantiser) for x in values]
    assert quantiser.apply(np.array(values), fraction).tolist() == expected
    x = Edge.full((1,), Format(22, 22 - fraction, True))
    graph = Graph.build("g", {"x": x}, [quantiser], ["y"])
    found: Ints = Emulator(graph).run(np.array(values)[:, None])["y"][:, 0]
    assert found.tolist() == expected


@settings(max_examples=40)
@given(integers, st.integers(0, 12), formats, roundings)
def test_qonnx_gives_the_same_values(
    values: list[int], fraction: int, fmt: Format, rounding: Rounding
) -> None:
    quantiser = node(fmt, rounding)
    x = np.array(values, np.float64) * 2.0**-fraction
    mode = {"floor": "FLOOR", "half_even": "ROUND"}[rounding]
    step = np.float64(2.0**-fmt.fraction)
    # QONNX has no signed type of one bit
    if fmt.width == 1 and fmt.signed:
        return
    theirs = quant(x, step, np.float64(0), np.float64(fmt.width), fmt.signed, False, mode)
    assert np.array_equal(theirs / step, quantiser.apply(np.array(values), fraction))


@settings(max_examples=40)
@given(integers, fractions, formats, roundings)
def test_quantising_twice_is_quantising_once(
    values: list[int], fraction: int, fmt: Format, rounding: Rounding
) -> None:
    quantiser = node(fmt, rounding)
    once = quantiser.apply(np.array(values), fraction)
    assert np.array_equal(quantiser.apply(once, fmt.fraction), once)
    assert fmt.holds(int(once.min()), int(once.max()))


@settings(max_examples=40)
@given(st.lists(st.integers(-(1 << 20), 1 << 20), min_size=2, max_size=30), fractions, formats)
def test_order_is_kept(values: list[int], fraction: int, fmt: Format) -> None:
    for rounding in ("floor", "half_even"):
        quantised = node(fmt, rounding).apply(np.array(sorted(values)), fraction)  # type: ignore[arg-type]
        assert (np.diff(quantised) >= 0).all()


@settings(max_examples=40)
@given(integers, st.integers(1, 10))
def test_half_a_step_in_the_bias_rounds_half_up(values: list[int], drop: int) -> None:
    quantiser = node(Format(40, 40, True), "floor")
    shifted = quantiser.apply(np.array(values) + (1 << (drop - 1)), drop)
    half_up = [math.floor(Fraction(x, 1 << drop) + Fraction(1, 2)) for x in values]
    assert shifted.tolist() == half_up
