"""Tables of functions: nearest entries, stated errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Lookup, reciprocal_root
from trigforge.hls.tables import tabulate
from trigforge.quantize.tables import FUNCTIONS
from trigforge.train.errors import InputError, UnsupportedError

SCALAR = {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "tanh": math.tanh,
    "reciprocal_root": lambda x: 1 / math.sqrt(x) if x > 0 else math.inf,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("source", "target"),
    [
        (Format(8, 4, True), Format(8, 0, False)),
        (Format(6, 2, False), Format(10, 3, True)),
        (Format(10, 5, True), Format(6, 4, False)),
    ],
)
def test_every_entry_is_the_nearest_integer(name: str, source: Format, target: Format) -> None:
    table = tabulate(name, source, target)
    assert len(table.entries) == 1 << source.width
    assert table.bits == (1 << source.width) * target.width
    step, worst, outside = 2.0**-target.fraction, 0.0, 0
    for index, entry in enumerate(table.entries.tolist()):
        exact = SCALAR[name]((source.min_int + index) * 2.0**-source.fraction)
        if exact / step >= target.max_int + 0.5:
            assert entry == target.max_int
            outside += 1
        elif exact / step < target.min_int - 0.5:
            assert entry == target.min_int
            outside += 1
        else:
            assert abs(entry * step - exact) <= step / 2 + 1e-12
            worst = max(worst, abs(entry * step - exact))
    assert table.max_error == pytest.approx(worst, abs=1e-12)
    assert table.max_error <= step / 2 + 1e-12
    assert table.saturated == outside


def test_the_entry_of_each_integer_comes_out() -> None:
    table = tabulate("sigmoid", Format(5, 3, True), Format(6, 0, False))
    x = Edge((1,), Format(5, 3, True), lo=np.array([-4], np.int64), hi=np.array([3], np.int64))
    node = Lookup(name="s", inputs=("x",), output="y", **table.parameters())
    y = Graph.build("g", {"x": x}, [node], ["y"]).edges["y"]
    # sigmoid(-1) = 0.269, sigmoid(0.75) = 0.679, in steps of 1/64
    assert (int(y.lo[0]), int(y.hi[0])) == (17, 43)


def test_what_is_too_large_or_unknown_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="at most 14 bits"):
        tabulate("sigmoid", Format(15, 5, True), Format(6, 0, False))
    with pytest.raises(InputError, match="did you mean 'sigmoid'"):
        tabulate("sigmiod", Format(5, 5, True), Format(6, 0, False))
    wide = Edge.full((1,), Format(15, 15, True))
    entries = np.zeros(32, np.int64)
    for x, values, sentence in [
        (wide, entries, "input has 15 bits"),
        (Edge.full((1,), Format(4, 4, True)), entries, "32 entries for 4 bits"),
        (Edge.full((1,), Format(5, 5, True)), entries + 9, r"do not fit fixed<4,4>"),
    ]:
        node = Lookup(
            name="s", inputs=("x",), output="y", entries=values, format=Format(4, 4, True)
        )
        with pytest.raises(UnsupportedError, match=sentence):
            node.infer(x)


def test_the_root_table_is_within_its_stated_error() -> None:
    mantissas = np.arange(reciprocal_root.FIRST, reciprocal_root.LAST + 1)
    roots = reciprocal_root.TABLE * 2.0**-reciprocal_root.PRECISION
    worst = max(np.abs(roots * np.sqrt(mantissas + part) - 1).max() for part in (0, 1 - 1e-12))
    assert 1 / 950 < worst < reciprocal_root.RELATIVE_ERROR
    assert int(reciprocal_root.TABLE.max()).bit_length() == 12
    assert len(reciprocal_root.TABLE) == 768
