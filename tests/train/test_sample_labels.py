"""Names of samples as pages write them."""

from __future__ import annotations

import pytest

from trigforge.train.html import sample_label


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("qcd", "QCD"),
        ("suep_125", "SUEP 125 GeV"),
        ("svj_2100", "SVJ 2.1 TeV"),
        ("svj_2000_30", "SVJ 2 TeV, r_inv 0.3"),
        ("top", "top"),
        ("qcd_low", "QCD"),
        ("svj_x", "SVJ_X"),
    ],
)
def test_names_are_written_as_people_do(name: str, written: str) -> None:
    assert sample_label(name) == written
