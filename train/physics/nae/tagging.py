"""Direct and reverse tagging: energies of both networks beside what needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trigforge.train.jets.jets import Jets
from trigforge.train.jets.sample import JetSample
from trigforge.train.nae.network import ENERGY_BATCH, Autoencoder, energy_sums
from trigforge.train.nae.prototypes import fit_prototypes
from trigforge.train.physics.nae.networks import Training
from trigforge.train.physics.nae.separation import Scored, gain, separation

SIGNALS = {"qcd": "top", "top": "qcd"}
DIRECTIONS = {"qcd": "direct", "top": "reverse"}
TOP_ABOVE = {"mass": 1, "constituents": 1, "pt": 1, "squared_pixels": -1}
"""Baselines, and the sign with which top jets lie above QCD jets; reverse tagging turns it."""
EQUAL = "mass"
PROTOTYPES = 8
"""Of the latent score, as in the recipe ``nae_encoder``."""
SEED = 5


@dataclass(frozen=True)
class Sample:
    """Test jets of one label.

    Attributes:
        jets: with constituents; ``images``: (N, 1, 40, 40) of them.
    """

    label: str
    jets: Jets
    images: Tensor


@dataclass(frozen=True)
class Tagging:
    """One direction: what was trained, the test jets, and every score of them."""

    training: Training
    signal: Sample
    background: Sample
    scores: dict[str, Scored]

    @property
    def direction(self) -> str:
        """``direct`` or ``reverse``."""
        return DIRECTIONS[self.training.background]


def sample_of(sample: JetSample, label: str, training: Training, count: int) -> Sample:
    """The first test jets of a label with images as the training had them.

    Raises:
        InputError: no such jets, or they have no constituents.
    """
    jets = sample.part("test", label).head(count)
    images = sample.images("test", label, training.preprocessing)[:count]
    return Sample(label, jets, torch.from_numpy(images))


def tag(training: Training, sample: JetSample, count: int) -> Tagging:
    """Score the test jets of the training's background, QCD or top, and of the other class.

    Raises:
        InputError: a sample without such jets.
    """
    signal = sample_of(sample, SIGNALS[training.background], training, count)
    background = sample_of(sample, training.background, training, count)
    scores = energies(training, signal, background)
    if "train" in sample.splits(training.background):
        images = sample.images("train", training.background, training.preprocessing)
        scores |= latent_scores(training, torch.from_numpy(images), signal, background)
    turn = 1 if training.background == "qcd" else -1
    for name, sign in TOP_ABOVE.items():
        scores[name] = Scored(
            turn * sign * baseline(signal, name), turn * sign * baseline(background, name)
        )
    return Tagging(training, signal, background, scores)


def energies(training: Training, signal: Sample, background: Sample) -> dict[str, Scored]:
    """Energies, mean squared errors per pixel, of both networks."""
    return {
        name: Scored(
            mean_energies(network, signal.images), mean_energies(network, background.images)
        )
        for name, network in training.networks.items()
    }


def latent_scores(
    training: Training, learnt: Tensor, signal: Sample, background: Sample
) -> dict[str, Scored]:
    """Of both encoders alone: prototypes are fitted to latents of training jets (N, 1, H, W)."""
    found = {}
    for name, network in training.networks.items():
        prototypes = fit_prototypes(
            latents(network, learnt), PROTOTYPES, np.random.default_rng(SEED)
        )
        found[f"latent_{name}"] = Scored(
            prototypes.scores(latents(network, signal.images)),
            prototypes.scores(latents(network, background.images)),
        )
    return found


@torch.no_grad()
def latents(network: Autoencoder, inputs: Tensor) -> np.ndarray[Any, Any]:
    """Latents (N, Z) of inputs (N, ...), float64."""
    parts = [network.encode(part) for part in torch.split(inputs, ENERGY_BATCH)]
    return np.asarray(torch.cat(parts).double().numpy())


def mean_energies(network: Autoencoder, inputs: Tensor) -> np.ndarray[Any, Any]:
    """Mean squared error of each input (N, ...) over its pixels or variables, (N,) float64."""
    found: np.ndarray[Any, Any] = energy_sums(network, inputs).numpy() / inputs[0].numel()
    return found


def baseline(sample: Sample, name: str) -> np.ndarray[Any, Any]:
    """What a sceptic asks first of jets, (N,)."""
    jets = sample.jets
    if name == "constituents":
        assert jets.constituents is not None  # noqa: S101 images need them
        return jets.constituents.counts.astype(np.float64)
    if name == "squared_pixels":
        return sample.images.double().square().flatten(1).sum(1).numpy()
    values: np.ndarray[Any, Any] = getattr(jets, name).astype(np.float64)
    return values


def numbers(tagging: Tagging) -> dict[str, Any]:
    """Plain data for ``physics.json``: every score, and the gain of the normalisation."""
    equal = Scored(baseline(tagging.signal, EQUAL), baseline(tagging.background, EQUAL))
    found = gain(tagging.scores["nae"], tagging.scores["ae"])
    return {
        "direction": tagging.direction,
        "weights": tagging.training.name,
        "weights_sha256": tagging.training.weights_sha256,
        "background": tagging.background.label,
        "signal": tagging.signal.label,
        "scores": {name: separation(score, equal) for name, score in tagging.scores.items()},
        "gain": {"value": found.value, "low": found.low, "high": found.high},
    }
