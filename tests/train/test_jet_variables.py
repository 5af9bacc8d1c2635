"""Substructure variables against plain loops, and on jets whose values are known."""

from __future__ import annotations

import numpy as np
import pytest
from jet_samples import jets_of, random_jets

pytest.importorskip("fastjet", reason="substructure variables need fastjet")

from trigforge.train.jets.jets import VARIABLES
from trigforge.train.jets.plain_variables import (
    Point,
    plain_axes,
    plain_c2,
    plain_dispersion,
    plain_efp1,
    plain_softdrop_mass,
    plain_tau,
)
from trigforge.train.jets.variables import substructure

RADIUS = 0.8


def points(count: int, seed: int) -> list[list[Point]]:
    constituents = random_jets(count, seed=seed).constituents
    assert constituents is not None
    flat = list(
        zip(
            *(map(float, v) for v in (constituents.pt, constituents.eta, constituents.phi)),
            strict=True,
        )
    )
    return [
        flat[start : start + size]
        for start, size in zip(constituents.starts, constituents.counts, strict=True)
    ]


def column(values: np.ndarray, name: str) -> np.ndarray:
    return values[:, VARIABLES.index(name)]


def test_every_variable_equals_its_plain_definition() -> None:
    jets = points(16, seed=11)
    values = substructure(jets_of(*jets), RADIUS)
    assert values.dtype == np.float32
    expected = {
        "major_axis": [plain_axes(jet)[0] for jet in jets],
        "minor_axis": [plain_axes(jet)[1] for jet in jets],
        "efp1": [plain_efp1(jet) for jet in jets],
        "c2_05": [plain_c2(jet, 0.5) for jet in jets],
        "pt_dispersion": [plain_dispersion(jet) for jet in jets],
        "softdrop_mass_gev": [plain_softdrop_mass(jet, 0.1) for jet in jets],
    }
    for name, wanted in expected.items():
        np.testing.assert_allclose(column(values, name), wanted, rtol=2e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("n", [2, 3])
def test_subjettiness_is_the_minimum_the_plain_search_finds(n: int) -> None:
    """Both descend from the same axes; FastJet stops after its accuracy of 1e-4 in the axes."""
    jets = points(8, seed=13)
    values = column(substructure(jets_of(*jets), RADIUS), f"tau{n}")
    for value, jet in zip(values, jets, strict=True):
        wanted = plain_tau(jet, n, RADIUS)
        assert value == pytest.approx(wanted, rel=5e-3, abs=1e-5)


def test_values_of_simple_jets() -> None:
    one = [(100.0, 0.1, 0.2)]
    two = [(60.0, 0.0, 0.0), (40.0, 0.3, 0.4)]
    three = [(50.0, 0.0, 0.0), (30.0, 0.4, 0.0), (20.0, 0.0, 0.3)]
    values = substructure(jets_of(one, two, three), RADIUS)
    np.testing.assert_allclose(values[0], [0, 0, 0, 0, 1, 0, 0, 0], atol=1e-5)
    # two prongs 0.5 apart: 2 z1 z2 r; the lighter prong is above z_cut, so the whole mass stays
    mass = np.sqrt(2 * 60 * 40 * (np.cosh(0.3) - np.cos(0.4)))
    assert column(values, "efp1")[1] == pytest.approx(2 * 0.6 * 0.4 * 0.5, rel=1e-5)
    assert column(values, "softdrop_mass_gev")[1] == pytest.approx(mass, rel=1e-5)
    assert column(values, "c2_05")[1] == 0.0
    assert column(values, "tau2")[1] == pytest.approx(0.0, abs=1e-6)
    assert column(values, "tau3")[2] == pytest.approx(0.0, abs=1e-6)
    # two axes for three prongs: the cheapest merge is the 20 and the 50, at the place of the 50
    assert column(values, "tau2")[2] == pytest.approx(0.2 * 0.3 / RADIUS, rel=1e-3)


def test_soft_drop_drops_a_soft_wide_prong() -> None:
    hard = [(60.0, 0.0, 0.0), (40.0, 0.05, 0.0)]
    values = substructure(jets_of([*hard, (5.0, 0.6, 0.3)], hard), RADIUS)
    masses = column(values, "softdrop_mass_gev")
    assert masses[0] == pytest.approx(masses[1], rel=1e-5)


def test_the_order_of_jets_does_not_matter() -> None:
    jets = points(40, seed=17)
    values = substructure(jets_of(*jets), RADIUS)
    np.testing.assert_allclose(substructure(jets_of(*jets[::-1]), RADIUS)[::-1], values, rtol=1e-6)


def test_no_jets_give_no_values() -> None:
    constituents = jets_of([(1.0, 0.0, 0.0)]).take(slice(0))
    assert substructure(constituents, RADIUS).shape == (0, len(VARIABLES))
