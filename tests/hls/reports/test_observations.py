"""Provenance decides which number counts."""

from __future__ import annotations

import pytest

from trigforge.hls.reports.observations import (
    CHAIN,
    MEANING,
    PROVENANCES,
    accepted,
    observe,
    strongest,
    weakest_provenance,
)


def lut(value: float, provenance: str) -> object:
    return observe("lut", value, provenance=provenance, tool="t", version="1")


def test_the_strongest_provenance_counts_whatever_its_value() -> None:
    found = [
        observe("lut", value, provenance=provenance, tool="t", version="1")
        for value, provenance in ((188_486, "csynth"), (23_917, "placed"), (25_423, "vivado-synth"))
    ]
    best = strongest(found, "lut")
    assert best is not None and (best.value, best.provenance) == (23_917, "placed")
    assert strongest(found, "dsp") is None
    twice = [observe("dsp", v, provenance="csynth", tool="t", version="1") for v in (3, 5)]
    again = strongest(twice, "dsp")
    assert again is not None and again.value == 5


def test_an_impossible_observation_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="provenance of lut is 'rtl-sim'"):
        lut(1, "rtl-sim")
    with pytest.raises(ValueError, match="whole number"):
        lut(3.5, "placed")
    with pytest.raises(ValueError, match="positive"):
        observe("clock_period_ns", 0.0, provenance="routed", tool="t", version="1")


def test_the_weakest_link_spans_the_classes() -> None:
    assert weakest_provenance(["rtl-sim", "csynth", "estimated"]) == "estimated"
    assert weakest_provenance(["placed", "assumed"]) == "assumed"
    assert weakest_provenance([]) is None
    every = {p for order in PROVENANCES.values() for p in order}
    assert every == set(CHAIN) == set(MEANING)
    for order in PROVENANCES.values():
        assert list(order) == sorted(order, key=CHAIN.index)


def test_budgets_accept_from_the_weakest_up() -> None:
    assert accepted("resources", "placed", "logic-synthesis")
    assert not accepted("resources", "csynth", "logic-synthesis")
    assert accepted("cycles", "estimated", "estimated")
