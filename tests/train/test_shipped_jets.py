"""The shipped jet samples: what they hold, their physics, and that the code makes them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from trigforge.train.generation.detector import TrackerConfig
from trigforge.train.generation.generate_jets import SHIPPED_JETS, SHIPPED_SEED
from trigforge.train.generation.jet_chunks import JetTask, make_jet_chunk
from trigforge.train.generation.jet_processes import get_jet_process
from trigforge.train.jets.jet_file import save_jets
from trigforge.train.jets.jets import VARIABLES
from trigforge.train.jets.sample import SHIPPED, JetSample, load_jets, load_shipped_jets
from trigforge.train.metrics import auc


@cache
def shipped(name: str) -> JetSample:
    return load_shipped_jets(name)


def test_all_samples_fit_into_ten_megabytes() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.values()) < 10e6


@pytest.mark.parametrize("name", SHIPPED)
def test_a_sample_holds_what_its_recipe_says(name: str) -> None:
    sample, recipe = shipped(name), SHIPPED_JETS[name]
    assert {part: len(jets) for part, jets in sample.parts.items()} == recipe.counts
    assert sample.selection == recipe.selection
    for part, jets in sample.parts.items():
        selection = get_jet_process(part.rpartition("/")[0]).selection
        rounding = 1 + 2.0**-11  # kinematics are float16
        assert jets.pt.min() >= selection.pt_min_gev / rounding
        assert np.abs(jets.eta).max() <= selection.eta_max * rounding
        assert (jets.constituents is not None) == recipe.constituents
        info = sample.info[part]
        assert info.n_accepted == len(jets) and info.cross_section_pb
    for label in sample.labels:
        kinematics = [
            set(zip(jets.pt.tolist(), jets.eta.tolist(), jets.mass.tolist(), strict=True))
            for jets in (sample.part(split, label) for split in sample.splits(label))
        ]
        union = set().union(*kinematics)
        assert len(union) > 0.99 * sum(map(len, kinematics)), "splits share jets"


def test_tops_weigh_what_tops_weigh_and_qcd_jets_do_not() -> None:
    sample = shipped("top_tagging")
    top, qcd = sample.part("test", "top"), sample.part("test", "qcd")
    counts, edges = np.histogram(top.mass, bins=np.arange(60.0, 260.0, 10.0))
    assert 155 <= edges[counts.argmax()] <= 180
    assert 0.85 < auc(top.mass, qcd.mass).value < 0.97
    assert abs(auc(top.pt, qcd.pt).value - 0.5) < 0.05, "the windows hold similar spectra"


def test_images_have_the_expected_prongs() -> None:
    """A top's average image has a second maximum above the first one, a QCD jet's has not."""
    sample = shipped("top_tagging")
    shares = {}
    for label in ("qcd", "top"):
        images = sample.images("validation", label)
        np.testing.assert_allclose(images.sum(axis=(1, 2, 3)), 1.0, rtol=1e-5)
        average = images[:, 0].mean(axis=0)
        assert average[:20, :20].sum() > average[20:, 20:].sum()
        shares[label] = average[25:].sum()
    assert shares["top"] > 1.8 * shares["qcd"]


def test_aachen_jets_are_sparse_and_heidelberg_jets_heavy() -> None:
    sample = shipped("dark")
    qcd, sparse, heavy = (
        sample.part("test", label) for label in ("qcd_low", "aachen", "heidelberg")
    )
    assert qcd.constituents is not None and sparse.constituents is not None
    assert auc(-sparse.constituents.counts, -qcd.constituents.counts).value > 0.7
    assert auc(heavy.mass, qcd.mass).value > 0.8


def test_semivisible_variables_are_sound() -> None:
    sample = shipped("semivisible")
    for label in sample.labels:
        values = sample.variables("test", label)
        assert np.isfinite(values).all() and (values >= 0).all()
        column = {name: values[:, i] for i, name in enumerate(VARIABLES)}
        assert (column["minor_axis"] <= column["major_axis"] + 1e-4).all()
        assert (column["pt_dispersion"] <= 1).all()
        assert (column["tau3"] <= column["tau2"] * 1.02 + 1e-4).mean() > 0.99
        groomed, mass = column["softdrop_mass_gev"], sample.part("test", label).mass
        assert (groomed <= 1.002 * mass + 0.1).mean() > 0.99


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "label", "split"),
    [
        ("top_tagging", "qcd", "validation"),
        ("top_tagging", "top", "validation"),
        ("semivisible", "svj_2000_30", "test"),
        ("dark", "aachen", "test"),
        ("dark", "heidelberg", "test"),
    ],
)
def test_the_code_makes_the_sample(name: str, label: str, split: str, tmp_path: Path) -> None:
    """First chunk of a stream, remade and packed; other processors may round a value over."""
    pytest.importorskip("pythia8mc", reason="jet generation needs pythia8mc")
    pytest.importorskip("fastjet", reason="jet generation needs fastjet")
    task = JetTask(
        label=label,
        split=split,
        index=0,
        seed=SHIPPED_SEED,
        process=get_jet_process(label),
        tracker=TrackerConfig(),
        path=Path("unused"),
    )
    made = make_jet_chunk(task).jets
    if not SHIPPED_JETS[name].constituents:
        made = replace(made, constituents=None)
    part = f"{label}/{split}"
    path = tmp_path / "made.npz"
    save_jets(path, {part: made}, info={}, selection="", seed=1, encoding="packed")
    got, want = load_jets(path).parts[part], shipped(name).parts[part]
    count = min(len(got), len(want))
    assert count > 100
    got, want = got.head(count), want.head(count)
    np.testing.assert_allclose(got.pt, want.pt, rtol=1e-3)
    np.testing.assert_allclose(got.mass, want.mass, rtol=2e-3, atol=0.01)
    if got.variables is not None and want.variables is not None:
        assert np.isclose(got.variables, want.variables, rtol=2e-3, atol=1e-3).mean() > 0.99
    if got.constituents is not None and want.constituents is not None:
        np.testing.assert_array_equal(got.constituents.counts, want.constituents.counts)
        assert np.mean(got.constituents.pt != want.constituents.pt) < 1e-3
        assert np.mean(got.constituents.eta != want.constituents.eta) < 1e-3
