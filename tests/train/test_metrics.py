"""Metrics against slow oracles, closed forms and the published numbers."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr

from trigforge.train.bootstrap import auc_difference
from trigforge.train.equal_baseline import auc_at_equal
from trigforge.train.errors import InputError
from trigforge.train.metrics import auc, background_efficiency, roc, spearman
from trigforge.train.rates import input_rate_hz, reach, threshold_at, working_points

EVENTS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "codae_events" / "test"

scores = st.lists(st.integers(-4, 4), min_size=1, max_size=25).map(np.array)


def slow_auc(signal: np.ndarray, background: np.ndarray) -> float:
    wins = 0.0
    for s in signal:
        for b in background:
            wins += 1.0 if s > b else 0.5 if s == b else 0.0
    return wins / (len(signal) * len(background))


def slow_equal(
    s: np.ndarray, b: np.ndarray, base_s: np.ndarray, base_b: np.ndarray
) -> tuple[float | None, int]:
    values = []
    for score, base in zip(s, base_s, strict=True):
        partners = [
            x for x, y in zip(b, base_b, strict=True) if abs(y - base) <= max(1.0, 0.05 * abs(base))
        ]
        if len(partners) >= 5:
            values.append(np.mean([1.0 if score > x else 0.5 * (score == x) for x in partners]))
    return (float(np.mean(values)) if values else None), len(s) - len(values)


@given(scores, scores)
def test_auc_counts_pairs_with_ties_half(signal: np.ndarray, background: np.ndarray) -> None:
    assert auc(signal, background).value == pytest.approx(slow_auc(signal, background), abs=1e-12)


def test_auc_and_its_error_on_gaussians() -> None:
    """Two unit Gaussians one apart: AUC = Phi(1 / sqrt 2); pulls over toys have unit width."""
    rng = np.random.default_rng(5)
    expected = norm.cdf(1 / np.sqrt(2))
    pulls = []
    for _ in range(300):
        found = auc(rng.normal(1, 1, 80), rng.normal(0, 1, 200))
        pulls.append((found.value - expected) / found.error)
    assert abs(np.mean(pulls)) < 0.2
    assert 0.85 < np.std(pulls) < 1.15


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="1 of 2 are not finite"):
        auc(np.array([1.0, np.nan]), np.array([0.0]))
    with pytest.raises(InputError, match="shape"):
        auc(np.array([]), np.array([0.0]))


def test_background_efficiency_interpolates_along_the_roc() -> None:
    signal, background = np.array([1, 2, 3, 4, 5]), np.arange(10)
    # score >= 4 accepts 2 of 5 signal events and 6 of 10 background events
    found = background_efficiency(signal, background, 0.4)
    assert found.value == pytest.approx(0.6)
    assert found.inverse is None  # 6 events do not support an inverse efficiency
    flat = background_efficiency(np.array([0, 9]), np.array([3, 4, 5, 8]), 0.5)
    assert flat.value == 0.0  # the cut >= 9 keeps half the signal and no background
    # half way between the cuts >= 4 (0.4, 0.6) and >= 3 (0.6, 0.7)
    assert background_efficiency(signal, background, 0.5).value == pytest.approx(0.65)


def test_background_efficiency_error_covers_toys() -> None:
    rng = np.random.default_rng(8)
    expected = norm.sf(norm.isf(0.4) + 1.0)
    pulls = []
    for _ in range(200):
        found = background_efficiency(rng.normal(1, 1, 300), rng.normal(0, 1, 3000), 0.4)
        pulls.append((found.value - expected) / found.error)
    assert 0.8 < np.std(pulls) < 1.2


def test_inverse_efficiency_is_absent_beyond_the_reach() -> None:
    background = np.arange(1000)
    assert background_efficiency(np.array([995] * 9), background, 0.2).inverse is None
    found = background_efficiency(np.array([900] * 9), background, 0.2)
    # one tie: a straight segment from (0, 0.099) to (1, 0.1)
    assert found.inverse == pytest.approx(1 / (0.099 + 0.2 * 0.001))
    assert background_efficiency(np.array([2000.0] * 9), background, 0.4).error >= 1e-3


@given(scores, scores)
def test_roc_area_is_the_auc(signal: np.ndarray, background: np.ndarray) -> None:
    b, s, _ = roc(signal, background)
    assert np.trapezoid(s, b) == pytest.approx(auc(signal, background).value, abs=1e-12)
    assert (np.diff(b) >= 0).all() and (np.diff(s) >= 0).all()


@given(st.data())
@settings(max_examples=60)
def test_equal_baseline_matches_the_slow_form(data: st.DataObject) -> None:
    ints = st.integers(0, 60)
    n, m = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 40))
    s, base_s = (np.array(data.draw(st.lists(ints, min_size=n, max_size=n))) for _ in "ab")
    b, base_b = (np.array(data.draw(st.lists(ints, min_size=m, max_size=m))) for _ in "ab")
    found = auc_at_equal(s, b, base_s, base_b)
    value, left_out = slow_equal(s, b, base_s, base_b)
    assert found.n_left_out == left_out
    assert found.value == (None if value is None else pytest.approx(value, abs=1e-12))


def test_equal_baseline_error_covers_toys() -> None:
    """A score independent of signal and background given the baseline: 0.5 within the error."""
    rng = np.random.default_rng(3)
    pulls = []
    for _ in range(120):
        base_b, base_s = rng.poisson(60, 600), rng.poisson(70, 80)
        found = auc_at_equal(rng.normal(size=80), rng.normal(size=600), base_s, base_b)
        assert found.value is not None and found.error is not None
        pulls.append((found.value - 0.5) / found.error)
    assert abs(np.mean(pulls)) < 0.3
    assert 0.8 < np.std(pulls) < 1.2


def test_equal_baseline_is_fast_and_bounded() -> None:
    rng = np.random.default_rng(1)
    base_s, base_b = rng.poisson(90, 1000), rng.poisson(80, 10_000)
    started = time.perf_counter()
    found = auc_at_equal(rng.normal(size=1000), rng.normal(size=10_000), base_s, base_b)
    assert time.perf_counter() - started < 2.0
    assert found.n_used > 900
    constant = auc_at_equal(
        rng.normal(size=1000), rng.normal(size=10_000), *(np.full(n, 7) for n in (1000, 10_000))
    )
    assert constant.n_used == 1000


def test_paired_difference_is_narrower_than_unpaired_and_reproducible() -> None:
    rng = np.random.default_rng(2)
    signal, background = rng.normal(1, 1, 400), rng.normal(0, 1, 2000)
    noisy = signal + rng.normal(0, 0.1, 400), background + rng.normal(0, 0.1, 2000)
    found = auc_difference((signal, background), noisy, np.random.default_rng(7))
    again = auc_difference((signal, background), noisy, np.random.default_rng(7))
    assert found == again
    assert found.low < found.value < found.high
    unpaired = auc(signal, background).error * np.sqrt(2) * 2 * 1.96
    assert found.high - found.low < 0.4 * unpaired
    same = auc_difference((signal, background), (signal, background), np.random.default_rng(7))
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_resampled_auc_equals_the_auc_of_repeated_events() -> None:
    from trigforge.train.bootstrap import _Resampled

    rng = np.random.default_rng(4)
    signal, background = rng.integers(0, 6, 15), rng.integers(0, 6, 20)
    s, b = rng.integers(0, 4, 15), rng.integers(0, 4, 20)
    fast = _Resampled(signal, background).auc(s.astype(float), b.astype(float))
    assert fast == pytest.approx(slow_auc(np.repeat(signal, s), np.repeat(background, b)))


def test_paired_difference_refuses_other_events() -> None:
    a = np.arange(5.0), np.arange(9.0)
    with pytest.raises(InputError, match="same events"):
        auc_difference(a, (np.arange(5.0), np.arange(8.0)), np.random.default_rng(0))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=30))
def test_spearman_matches_scipy(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs).T
    found = spearman(a, b)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_thresholds_and_rates() -> None:
    background = np.arange(10_000) // 2
    signals = {"suep": np.array([4999, 10, 4980, 4990])}
    rate = input_rate_hz(1e5, 0.01, 2e34)
    assert rate == pytest.approx(20.0)  # 1e5 pb x 2e34 /cm2/s = 2,000 Hz, of which 1 %
    points = working_points(background, signals, (0.1, 0.01, 0.0001), rate)
    assert [p.threshold_int for p in points] == [4500, 4950]  # 1e-4 would leave one event
    assert points[1].rate_hz == pytest.approx(0.2)
    assert points[1].rate_err_hz == pytest.approx(0.02, rel=0.01)
    assert points[1].signal_efficiency == {"suep": 0.75}
    assert reach(len(background)) == 1e-3


def test_a_coarse_grid_never_exceeds_the_asked_efficiency() -> None:
    background = np.repeat([0, 1, 2], [700, 250, 50])
    points = working_points(background, {}, (0.3, 0.2, 0.1))
    assert [(p.threshold_int, p.background_efficiency) for p in points] == [(1, 0.3), (2, 0.05)]


def test_no_cross_section_no_rate_and_floats_are_refused() -> None:
    point = threshold_at(3, np.arange(100), {})
    assert point.rate_hz is None and point.rate_err_hz is None
    with pytest.raises(InputError, match="expected integers"):
        threshold_at(3, np.arange(100.0), {})
    with pytest.raises(InputError, match="cross section"):
        input_rate_hz(0.0, 1.0)


@pytest.mark.skipif(not EVENTS.is_dir(), reason=f"published CoDAE events not at {EVENTS}")
def test_mask_sum_on_the_published_events() -> None:
    """AUC of the popcount on the events of arXiv:2306.12955, and its AUC at its own value."""

    def popcount(pattern: str) -> np.ndarray:
        images = [np.load(path)["images"][..., 0] for path in sorted(EVENTS.glob(pattern))]
        return np.concatenate([(image > 0).sum((1, 2)) for image in images])

    background = popcount("qcd_*")
    assert len(background) == 682
    expected = {
        "suep_gensim_h125_*": 78.3,
        "suep_gensim_h200_*": 92.7,
        "suep_gensim_h300_*": 98.4,
        "suep_gensim_h400_*": 99.8,
        "svj_2100_*": 83.3,
        "svj_3100_*": 88.4,
        "svj_4100_*": 88.3,
    }
    for pattern, percent in expected.items():
        signal = popcount(pattern)
        assert 100 * auc(signal, background).value == pytest.approx(percent, abs=0.06)
        # The 5 % window is not a point: QCD falls across it, which favours the larger popcount.
        equal = auc_at_equal(signal, background, signal, background)
        assert equal.value is not None and 0.5 < equal.value < 0.59
