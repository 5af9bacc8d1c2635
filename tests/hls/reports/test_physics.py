"""The physics block: numbers against the metrics they are made of, curves against the AUC."""

from __future__ import annotations

import judged
import numpy as np
import pytest

from trigforge.hls.reports.physics import CURVE_POINTS, HISTOGRAM_BINS, assess, curves
from trigforge.train.errors import InputError
from trigforge.train.metrics import auc


def test_scores_stages_and_baselines_are_all_there() -> None:
    scores, sums = judged.events()
    found = judged.physics()
    stages = found.scores["z_m[0]"]
    for stage in ("float", "quantised", "firmware"):
        samples = scores["z_m[0]"][stage]
        for signal in judged.SIGNALS:
            measured = stages.stage(stage)[signal]
            assert measured.auc == auc(samples[signal], samples["qcd"]).value
            assert measured.n == 400
            assert measured.auc_at_equal["mask_sum"].n > 300
    own = found.baselines["mask_sum"]["suep_125"]
    assert own.auc == auc(sums["suep_125"], sums["qcd"]).value
    # quantised and firmware are the same numbers on another grid
    assert stages.quantised["svj_2100"] == stages.firmware["svj_2100"]


def test_differences_are_paired_and_small() -> None:
    found = judged.physics()
    assert [d.signal for d in found.differences] == list(judged.SIGNALS)
    for difference in found.differences:
        assert difference.low <= difference.value <= difference.high
        assert abs(difference.value) < 0.003
        error = found.scores["z_m[0]"].float[difference.signal].auc_err
        assert difference.high - difference.low < error


def test_rank_correlation_is_on_background() -> None:
    found = {(c.stage, c.baseline): c.value for c in judged.physics().rank_correlations}
    value = found["firmware", "mask_sum"]
    assert value is not None and 0.9 < value < 1.0


def test_thresholds_are_on_the_integer_grid_and_within_reach() -> None:
    scores, _ = judged.events()
    firmware = scores["z_m[0]"]["firmware"]
    found = judged.physics(max_rate_hz=1.0)
    assert found.input_rate_hz == pytest.approx(20.0)
    assert found.reach == pytest.approx(10 / 3000)
    assert len(found.thresholds) == 3  # 10 %, 5 % = 1 Hz, 1 %; 0.1 % would leave 3 events
    for point in found.thresholds:
        accepted = firmware["qcd"] >= point.threshold_int
        assert point.background_events == accepted.sum() >= 10
        assert point.rate_hz == pytest.approx(20.0 * accepted.mean())
    assert any(p.rate_hz is not None and 0.9 < p.rate_hz <= 1.0 for p in found.thresholds)


def test_without_a_cross_section_there_is_no_rate() -> None:
    found = judged.physics(cross_section_pb=None)
    assert found.input_rate_hz is None
    assert {p.rate_hz for p in found.thresholds} == {None}


def test_a_rate_that_is_known_without_a_cross_section_is_taken() -> None:
    scores, sums = judged.events()
    found = assess(
        scores,
        {"mask_sum": sums},
        background="qcd",
        signals=judged.SIGNALS,
        info=None,
        rng=np.random.default_rng(1),
        input_rate_hz=1000.0,
    )
    assert found.input_rate_hz == 1000.0
    for point in found.thresholds:
        assert point.rate_hz == pytest.approx(1000.0 * point.background_efficiency)


def test_what_does_not_fit_is_named() -> None:
    scores, sums = judged.events()
    arguments = {
        "background": "qcd",
        "signals": judged.SIGNALS,
        "info": None,
        "rng": np.random.default_rng(0),
    }
    stages = scores["z_m[0]"]
    short = {**stages, "firmware": {**stages["firmware"], "qcd": stages["firmware"]["qcd"][:5]}}
    with pytest.raises(InputError, match=r"z_m\[0\]/firmware has 5 events of qcd, expected 3000"):
        assess({"z_m[0]": short}, {"mask_sum": sums}, **arguments)  # type: ignore[arg-type]
    lacking = {**stages, "float": {"qcd": stages["float"]["qcd"]}}
    with pytest.raises(InputError, match="lacks sample 'suep_125'"):
        assess({"z_m[0]": lacking}, {"mask_sum": sums}, **arguments)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="stage 'flaot'"):
        assess({"z": {"flaot": sums}}, {"mask_sum": sums}, **arguments)  # type: ignore[arg-type]
    floats = {"firmware": stages["float"]}
    with pytest.raises(InputError, match="expected integers"):
        assess({"z": floats}, {"mask_sum": sums}, **arguments)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no baseline"):
        assess(scores, {}, **arguments)  # type: ignore[arg-type]


def test_curves_keep_the_area_and_histograms_every_event() -> None:
    scores, sums = judged.events()
    found = curves(scores, {"mask_sum": sums}, background="qcd", signals=judged.SIGNALS)
    b, s = found["roc/z_m[0]/float/suep_125"]
    assert len(b) <= CURVE_POINTS
    exact = auc(scores["z_m[0]"]["float"]["suep_125"], scores["z_m[0]"]["float"]["qcd"]).value
    assert np.trapezoid(s, b) == pytest.approx(exact, abs=2e-3)
    edges = found["histogram/z_m[0]/edges"]
    assert len(edges) <= HISTOGRAM_BINS + 1
    assert set(edges % 1) == {0.5}
    assert found["histogram/z_m[0]/qcd"].sum() == 3000
    assert found["roc/mask_sum/svj_2100"][:, -1].tolist() == [1.0, 1.0]
