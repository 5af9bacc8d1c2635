"""What pages of normalised autoencoders say of their numbers, and what they quote."""

from __future__ import annotations

import numpy as np
import pytest

from trigforge.train.bootstrap import auc_spread
from trigforge.train.metrics import auc
from trigforge.train.physics.nae import paper, words
from trigforge.train.physics.nae.separation import Scored, rejection_cell, separation


def test_without_dark_jets_the_section_says_so() -> None:
    absent = "There is no sample of dark jets."
    weights = "No weights of a training on QCD jets of 150 to 300 GeV are released."
    assert words.dark_paragraphs([], False, absent) == [absent, weights]
    assert words.dark_paragraphs([], True, absent) == [absent]
    assert words.dark_paragraphs([], False, "") == [weights]


def test_the_bootstrap_error_is_near_delongs(rng: np.random.Generator) -> None:
    signal, background = rng.normal(1, 1, 400), rng.normal(0, 1, 600)
    spread = auc_spread(signal, background, rng)
    assert spread == pytest.approx(auc(signal, background).error, rel=0.15)


def test_few_background_jets_are_in_brackets() -> None:
    apart = separation(Scored(np.arange(100.0) + 200, np.arange(100.0)))
    assert rejection_cell(apart).text == "(> 100)"
    few = separation(Scored(np.arange(100.0), np.arange(100.0) - 16))
    assert rejection_cell(few).text == "(25)" and few["rejection_jets"] < 10
    many = separation(Scored(np.arange(1000.0), np.arange(1000.0)))
    assert rejection_cell(many).text == "5" and rejection_cell(many).error != ""


def test_the_verdict_says_what_is_better() -> None:
    number = {"auc": 0.8, "auc_error": 0.01, "auc_at_equal": 0.6, "auc_at_equal_error": 0.01}
    scores = {name: number for name in ("nae", "ae", "constituents", "pt", "squared_pixels")}
    scores["mass"] = {**number, "auc": 0.9, "auc_at_equal": 0.5}
    entry = {
        "direction": "direct",
        "background": "qcd",
        "signal": "top",
        "scores": scores,
        "gain": {"value": -0.01, "low": -0.02, "high": -0.005},
    }
    said = words.verdict(entry)
    assert "below the paper's 0.91, and loses by -0.010" in said
    assert "Better without a network: jet mass (0.900)." in said
    assert "it knows more than the mass" in said
    scores["nae"] = {**number, "auc": 0.95}
    said = words.verdict({**entry, "gain": {"value": 0.01, "low": 0.0, "high": 0.02}})
    assert "above the paper's 0.91, and changes, but not significantly," in said
    assert "No baseline separates as well." in said


def test_samples_are_told_apart_by_what_chance_gives() -> None:
    def both(value: float) -> dict[str, dict[str, float]]:
        return {space: {"value": value, "level": 0.01} for space in ("input", "latent")}

    far = {"weights": "w", "networks": {"ae": both(0.2), "nae": both(0.05), "longer": both(0.08)}}
    said = " ".join(words.discrepancy_paragraphs([far]))
    assert "in images from 0.200 to 0.050" in said and "still told apart" in said
    assert "they run on, further from the jets" in said
    near = {**far, "networks": {"ae": both(0.2), "nae": both(0.005), "longer": both(0.01)}}
    said = " ".join(words.discrepancy_paragraphs([near]))
    assert "no longer told apart" in said and "come no further from the jets" in said


def test_the_paper_has_a_number_for_every_power() -> None:
    powers = [0.5, 0.3, 0.2, 0.1, 0.01]
    assert all(list(row) == powers for row in paper.DARK.values())
    assert paper.TAGGING["reverse"]["ae"] == paper.Quoted(0.579, 12)
    assert {key: row["nae"].auc for key, row in paper.TAGGING.items()} == paper.TARGETS
