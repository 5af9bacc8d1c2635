"""Rates: strata, errors and the reach of a sample, against a plain Monte Carlo."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset, Events
from trigforge.train.generation.level1 import N_OBJECTS, Level1
from trigforge.train.generation.zero_bias import CROSSING_RATE_HZ, ZeroBias
from trigforge.train.level1.rates import level1_rates, rate_point, score_rates
from trigforge.train.level1.report import as_json, write_level1_rates
from trigforge.train.level1.scores import LEVEL1_SCORES

PROBABILITY = np.array([0.9, 0.09, 0.01])
HARDNESS = np.array([10.0, 20.0, 60.0])


def random_level1(rng: np.random.Generator, scale: npt.NDArray[np.float64]) -> Level1:
    count = len(scale)
    regions = np.minimum(rng.exponential(scale[:, None, None] / 10, (count, 18, 14)), 1023)
    objects = np.zeros((count, N_OBJECTS, 3), dtype=np.int16)
    objects[:, 0, 0] = rng.exponential(scale)
    objects[:, 9, 0] = rng.exponential(2 * scale)
    return Level1(regions.astype(np.uint16), objects)


def crossings(rng: np.random.Generator, counts: tuple[int, ...]) -> ZeroBias:
    stratum = np.repeat(np.arange(len(counts)), counts).astype(np.int8)
    return ZeroBias(random_level1(rng, HARDNESS[stratum]), stratum, PROBABILITY)


def dataset(rng: np.random.Generator) -> EventDataset:
    def events(count: int, scale: float) -> Events:
        return Events(
            np.zeros((count, 72, 58), np.uint8),
            np.zeros(count, np.int32),
            np.full(count, 600, np.float32),
            np.ones(count, np.float32),
            random_level1(rng, np.full(count, scale)),
        )

    return EventDataset(
        train=events(2, 60),
        validation=events(2, 60),
        test=events(300, 100),
        signals={"svj_2100": events(200, 300)},
        info={},
        source="generated",
        sha256="0" * 64,
        preselection="none",
        zero_bias={"test": crossings(rng, (4000, 2000, 2000))},
    )


def test_strata_give_the_rate_of_natural_crossings(rng: np.random.Generator) -> None:
    """With one stratified sample and one composed as in nature, and pulls of many small ones."""
    natural = crossings(rng, (180_000, 18_000, 2_000))
    stratified = crossings(rng, (3000, 2000, 1000))
    assert stratified.weight.sum() == pytest.approx(1.0)
    for threshold in (60, 100, 200):
        accepted = natural.level1.kind("jet")[:, 0, 0] >= threshold
        scores = stratified.level1.kind("jet")[:, 0, 0].astype(np.int64)
        point = rate_point(threshold, scores, stratified)
        want = CROSSING_RATE_HZ * accepted.mean()
        error = np.hypot(point.rate_err_hz, want / np.sqrt(accepted.sum()))
        assert abs(point.rate_hz - want) < 4 * error
        by_weight = CROSSING_RATE_HZ * stratified.weight[scores >= threshold].sum()
        assert point.rate_hz == pytest.approx(by_weight)


def test_errors_are_the_scatter_of_samples(rng: np.random.Generator) -> None:
    found = []
    for _ in range(150):
        sample = crossings(rng, (200, 100, 100))
        found.append(rate_point(80, sample.level1.kind("jet")[:, 0, 0].astype(np.int64), sample))
    spread = np.std([p.rate_hz for p in found])
    assert np.mean([p.rate_err_hz for p in found]) == pytest.approx(spread, rel=0.2)


def test_strata_without_accepted_crossings_are_not_taken_as_empty() -> None:
    rng = np.random.default_rng(0)
    sample = crossings(rng, (1000, 100, 100))
    scores = np.where(sample.stratum == 2, 5, 0).astype(np.int64)
    point = rate_point(5, scores, sample)
    assert point.rate_hz == pytest.approx(0.01 * CROSSING_RATE_HZ)
    assert point.rate_err_hz == 0
    assert point.unseen_hz == pytest.approx(CROSSING_RATE_HZ * np.hypot(0.9 / 1000, 0.09 / 100))
    assert point.within_reach
    # ten times fewer soft crossings, and 1 % of the rate can no longer be claimed
    few = crossings(rng, (100, 10, 100))
    assert not rate_point(5, np.where(few.stratum == 2, 5, 0), few).within_reach


def test_points_are_the_lowest_thresholds_and_end_where_the_sample_does(
    rng: np.random.Generator,
) -> None:
    sample = crossings(rng, (4000, 2000, 1000))
    scores = sample.level1.kind("jet")[:, 0, 0].astype(np.int64)
    rates = score_rates(scores, sample, {"self": scores}, targets_hz=(1e7, 1e6, 1e2))
    for target in (1e7, 1e6):
        point = rates.points[target]
        assert point is not None
        assert point.rate_hz <= target
        assert rate_point(point.threshold_int - 1, scores, sample).rate_hz > target
        assert point.efficiency["self"].value == pytest.approx(point.accepted / len(scores))
    assert rates.points[1e2] is None
    assert rates.reach_hz is not None
    assert 1e2 < rates.reach_hz < 1e6


def test_the_report_holds_every_score_and_sample(tmp_path: Path, rng: np.random.Generator) -> None:
    data = dataset(rng)
    rates = level1_rates(data)
    assert set(rates) == set(LEVEL1_SCORES)
    text = write_level1_rates(tmp_path, data, rates).read_text()
    for name in LEVEL1_SCORES:
        assert f"## {name}" in text
    assert "svj_2100" in text
    assert "beyond the sample's reach" in text
    stored = json.loads((tmp_path / "level1_rates.json").read_text())
    assert stored == json.loads(json.dumps(as_json(data, rates)))
    point = stored["scores"]["leading_jet"]["points"][0]
    assert point["efficiency"]["svj_2100"]["value"] > point["efficiency"]["qcd"]["value"]
    with pytest.raises(InputError, match="no zero-bias crossings"):
        level1_rates(dataclasses.replace(data, zero_bias={}))


def test_scores_are_what_their_names_say(rng: np.random.Generator) -> None:
    level1 = random_level1(rng, np.full(5, 50.0))
    for n in range(5):
        one = level1.take(slice(n, n + 1))
        total = sum(int(x) for x in one.regions.ravel())
        lit = sum(int(x) >= 10 for x in one.regions.ravel())
        assert LEVEL1_SCORES["total_region_et"].of(one).tolist() == [total]
        assert LEVEL1_SCORES["lit_regions"].of(one).tolist() == [lit]
        assert LEVEL1_SCORES["missing_et"].of(one)[0] == one.objects[0, 0, 0]
        assert LEVEL1_SCORES["leading_jet"].of(one)[0] == one.objects[0, 9, 0]
