"""Dark jets against QCD jets of the same pT spectrum, for every power of the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trigforge.train.jets.sample import JetSample
from trigforge.train.jets.spectrum import thinned_to_spectrum
from trigforge.train.physics.cells import Cell, Row
from trigforge.train.physics.nae import paper
from trigforge.train.physics.nae.discrepancy import discrepancy
from trigforge.train.physics.nae.names import LABELS, NETWORKS, baseline_label, jet_label
from trigforge.train.physics.nae.networks import Training
from trigforge.train.physics.nae.separation import (
    Scored,
    auc_cell,
    gain,
    rejection_cell,
    separation,
)
from trigforge.train.physics.nae.tagging import Sample, baseline, energies, latents, sample_of

BACKGROUND = "qcd_low"
SIGNALS = tuple(paper.DARK)
BASELINES: dict[str, dict[str, int]] = {
    "heidelberg": {"mass": 1, "constituents": 1, "pt": 1, "squared_pixels": -1},
    "aachen": {"mass": 1, "constituents": -1, "pt": 1, "squared_pixels": 1},
}
"""Signal -> baseline -> the sign with which dark jets lie above QCD jets: two decays to quarks are
heavy and broad, a shower of which most is invisible has few constituents."""
SEED = 3
COMPARED = 300
"""Jets of each kind for a discrepancy."""


def measure(training: Training, sample: JetSample, count: int) -> dict[str, Any]:
    """Plain numbers of one training: both signals, both networks, baselines, discrepancies.

    Per signal the background is thinned to the signal's pT spectrum inside their common range.

    Raises:
        InputError: the sample lacks jets, or spectra hardly overlap.
    """
    background = sample_of(sample, BACKGROUND, training, count)
    return {
        "weights": training.name,
        "weights_sha256": training.weights_sha256,
        "power": training.preprocessing.power,
        "signals": {
            name: _signal(training, sample_of(sample, name, training, count), background)
            for name in SIGNALS
        },
    }


def _signal(training: Training, signal: Sample, background: Sample) -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    kept = thinned_to_spectrum(background.jets.pt, signal.jets.pt, rng)
    background = _subset(background, kept)
    scores = energies(training, signal, background)
    for name, sign in BASELINES[signal.label].items():
        scores[name] = Scored(sign * baseline(signal, name), sign * baseline(background, name))
    found = gain(scores["nae"], scores["ae"])
    return {
        "scores": {name: separation(score) for name, score in scores.items()},
        "gain": {"value": found.value, "low": found.low, "high": found.high},
        "discrepancy": _discrepancies(training, signal, background),
    }


def _discrepancies(training: Training, signal: Sample, background: Sample) -> dict[str, Any]:
    """Squared MMD of signal and background in both spaces, as in the paper's figure 8."""
    network = training.normalised
    images = [sample.images[:COMPARED] for sample in (signal, background)]
    spaces = {
        "input": [part.flatten(1).double().numpy() for part in images],
        "latent": [latents(network, part) for part in images],
    }
    return {
        space: vars(discrepancy(first, second, np.random.default_rng(SEED)))
        for space, (first, second) in spaces.items()
    }


def _subset(sample: Sample, kept: np.ndarray[Any, Any]) -> Sample:
    index = np.flatnonzero(kept)
    return replace(sample, jets=sample.jets.take(index), images=sample.images[index])


def rows(entries: Sequence[dict[str, Any]], signal: str) -> list[Row]:
    """Of one signal: networks with the paper's beside them, then baselines; columns are powers."""
    found = []
    for name in ("nae", "ae"):
        cells: list[Cell] = []
        for entry in entries:
            scores = entry["signals"][signal]["scores"]
            cells += [
                auc_cell(scores[name], rival=scores["mass"]["auc"]),
                rejection_cell(scores[name]),
            ]
        found.append(Row(LABELS[name], NETWORKS[name], "network", cells))
    quoted: list[Cell] = []
    for entry in entries:
        theirs = paper.DARK[signal].get(entry["power"])
        quoted += (
            [Cell("–"), Cell("–")]
            if theirs is None
            else [
                Cell(f"{theirs.auc:g}", f"{theirs.auc_spread:g}"),
                Cell(f"{theirs.rejection:g}", f"{theirs.rejection_spread:g}"),
            ]
        )
    found.append(Row(LABELS["nae"], "paper's NAE", "paper", quoted))
    for name, sign in BASELINES[signal].items():
        cells = []
        for entry in entries:
            scores = entry["signals"][signal]["scores"]
            cells += [auc_cell(scores[name]), rejection_cell(scores[name])]
        found.append(Row(baseline_label(name, sign), "", "baseline", cells))
    return found


def discrepancy_rows(entries: Sequence[dict[str, Any]]) -> list[Row]:
    """Squared MMD of dark and QCD jets, columns are powers."""
    return [
        Row(
            f"{jet_label(signal)} jets",
            {"input": "images", "latent": "latents of the NAE"}[space],
            "network",
            [discrepancy_cell(entry["signals"][signal]["discrepancy"][space]) for entry in entries],
        )
        for signal in SIGNALS
        for space in ("input", "latent")
    ]


def discrepancy_cell(numbers: dict[str, Any]) -> Cell:
    """Squared MMD and, in brackets, what chance stays below."""
    return Cell(f"{numbers['value']:.4f} ({numbers['level']:.4f})")
