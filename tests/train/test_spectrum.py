"""Samples thinned to a reference's pT spectrum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from trigforge.train.errors import InputError
from trigforge.train.jets.spectrum import thinned_to_spectrum
from trigforge.train.metrics import auc


def test_what_is_kept_has_the_references_spectrum() -> None:
    rng = np.random.default_rng(1)
    reference = 150 + rng.exponential(40.0, 5_000).clip(max=149)
    hard = 150 + 150 * rng.beta(1.5, 1.2, 20_000)
    assert auc(hard, reference).value > 0.75
    keep = thinned_to_spectrum(hard, reference, np.random.default_rng(2), bins=20)
    assert keep.dtype == np.bool_ and 500 < keep.sum() < len(hard)
    assert auc(hard[keep], reference).value == pytest.approx(0.5, abs=0.02)
    assert ks_2samp(hard[keep], reference).statistic < 0.05


def test_a_sample_with_the_same_spectrum_keeps_most_jets() -> None:
    rng = np.random.default_rng(3)
    pt = rng.uniform(550, 650, 20_000).astype(np.float32)
    keep = thinned_to_spectrum(pt, pt, rng)
    assert keep.mean() > 0.99


def test_jets_outside_the_reference_are_dropped() -> None:
    rng = np.random.default_rng(4)
    pt = rng.uniform(100, 400, 5_000)
    keep = thinned_to_spectrum(pt, rng.uniform(200, 300, 5_000), rng)
    assert pt[keep].min() > 200 and pt[keep].max() < 300


def test_spectra_that_hardly_overlap_are_refused() -> None:
    rng = np.random.default_rng(5)
    with pytest.raises(InputError, match="hardly overlap: 0 jets between"):
        thinned_to_spectrum(rng.uniform(300, 400, 900), rng.uniform(200, 310, 900), rng)
