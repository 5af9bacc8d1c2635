"""What a report says of a normalisation: numbers, sentences, and which of them may move."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import judged
import numpy as np
import pages
import pytest

from trigforge.hls.reports.markdown import to_markdown
from trigforge.hls.reports.normalisation import (
    normalisation_gain,
    normalisation_rows,
    normalisation_statements,
)
from trigforge.hls.reports.page.model_page import model_page
from trigforge.hls.reports.page.source import load_source
from trigforge.hls.reports.report import NormalisationGain, Report, dump_report, load_report
from trigforge.hls.reports.review.moves import compare
from trigforge.train.errors import InputError

RNG = np.random.default_rng(3)
TOP, QCD = RNG.normal(0, 1, 2000), RNG.normal(0, 1, 2000)


def gain(shift: float, recipe: str = "nae_reverse") -> NormalisationGain:
    """Of a normalisation that shifts the signal; AUC 0.760 for 1, 0.5 for 0, 0.240 for -1."""
    before, after = {"top": TOP, "qcd": QCD}, {"top": TOP, "qcd": QCD + shift}
    rng = np.random.default_rng(1)
    return normalisation_gain(recipe, before, after, trained_on="top", signal="qcd", rng=rng)


def with_gains(*gains: NormalisationGain) -> Report:
    """A report with these."""
    return replace(judged.report(), normalisation=gains)


@pytest.mark.parametrize(
    ("shift", "auc", "said"),
    [(1.0, 0.76, "improves it"), (0.0, 0.5, "no change by"), (-1.0, 0.24, "makes it worse")],
)
def test_a_gain_is_said_with_its_sign(shift: float, auc: float, said: str) -> None:
    found = gain(shift)
    assert abs(found.after - auc) < 0.03 and abs(found.before - 0.5) < 0.03
    assert found.gain_low <= found.gain <= found.gain_high
    (sentence,) = normalisation_statements([found], "nae")
    assert "Reverse tagging (nae_reverse, trained on top jets, qcd the anomaly)" in sentence
    assert said in sentence and f"{found.gain:+.4f}" in sentence


def test_own_signals_share_a_sentence() -> None:
    (sentence,) = normalisation_statements([gain(1.0, "nae"), gain(-1.0, "nae")], "nae")
    assert "Reverse" not in sentence and sentence.count("95 % interval") == 2
    assert "improves it; qcd" in sentence and sentence.endswith("makes it worse.")
    (alike,) = normalisation_statements([gain(1.0, "nae"), gain(1.0, "nae")], "nae")
    assert alike.count("improves it") == 1 and alike.endswith(": the normalisation improves it.")
    assert normalisation_statements([], "nae") == []


def test_samples_must_be_of_the_same_jets() -> None:
    before, after = {"top": TOP, "qcd": QCD[:-1]}, {"top": TOP, "qcd": QCD}
    with pytest.raises(InputError, match="expected the same events"):
        normalisation_gain("nae", before, after, trained_on="top", signal="qcd", rng=RNG)


def test_markdown_has_a_row_for_each(tmp_path: Path) -> None:
    report = with_gains(gain(1.0, "nae"), gain(1.0))
    text = to_markdown(report)
    header, rows = normalisation_rows(report.normalisation)
    assert "## The normalisation" in text and len(rows) == 2
    assert all(len(row) == len(header) for row in rows)
    assert all(cell in text for row in rows for cell in row)
    assert "## The normalisation" not in to_markdown(judged.report())
    (tmp_path / "r.json").write_text(dump_report(report))
    assert load_report(tmp_path / "r.json") == report


def test_a_lost_gain_is_a_regression_and_an_error_is_none() -> None:
    reviewed, found = gain(1.0), gain(1.0)
    half = (found.gain_high - found.gain_low) / 2
    moved = {
        "allowed": replace(found, gain=found.gain - 0.9 * half, after=found.after - 1e-4),
        "regression": replace(found, gain=found.gain - 1.1 * half),
    }
    old = json.loads(dump_report(with_gains(reviewed)))
    for status, fresh in moved.items():
        (first, *_) = compare(old, json.loads(dump_report(with_gains(fresh))))
        assert first.status == status and first.metric.startswith("normalisation/nae_reverse,qcd/")
    (gone, *_) = compare(old, json.loads(dump_report(judged.report())))
    assert gone.status == "regression" and gone.new is None
    without = json.loads(dump_report(judged.report()))
    older = {key: value for key, value in without.items() if key != "normalisation"}
    assert compare(older, without) == []


def test_the_page_shows_the_same_rows(tmp_path: Path) -> None:
    where = pages.places(tmp_path)
    for found, rows in ((with_gains(gain(1.0, "nae"), gain(1.0)), 2), (judged.report(), 0)):
        source = load_source("toy_model", pages.save(found, where, "demo"), where)
        page = pages.Parsed(model_page(source))
        assert len(page.row("nae")) + len(page.row("nae_reverse")) == rows
        assert ("The normalisation" in page.text) == bool(rows)
        for row in page.row("nae_reverse"):
            assert row[1:3] == ["top", "QCD"] and f"{gain(1.0).after:.4f}" in row[4]
