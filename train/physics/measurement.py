"""From scores per event to the numbers of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trigforge.train.equal_baseline import auc_at_equal
from trigforge.train.events import EventDataset, Events
from trigforge.train.metrics import Scores, auc, background_efficiency
from trigforge.train.physics.event_scores import ScoreCache
from trigforge.train.physics.networks import Network
from trigforge.train.scores import choose_score, rank_correlation

BACKGROUND = "qcd"
BASELINES = ("mask_sum", "n_tracks")
NETWORK_SCORES = (
    *("dice", "sae", "sse", "bce"),
    *("latent_leading", "latent_other", "predicted_sum"),
)
MIN_SIGNAL = 100
SIGNAL_FRACTION = 10
"""Signal events are this many times fewer than background events, but at least 100."""
MIN_COMPARED = 20
"""An AUC at equal mask sum of fewer signal events (with partners) says little."""

Samples = Mapping[str, Mapping[str, Scores]]


@dataclass(frozen=True)
class Scored:
    """All scores of one network on one dataset.

    Attributes:
        samples: sample -> score -> (N,); latents are signed so that higher is more anomalous.
        latents: the raw latents that ``latent_leading`` and ``latent_other`` are, and their signs.
        mask_sum_correlation: rank correlation of every score with the mask sum on background.
    """

    network: Network
    samples: Samples
    latents: tuple[tuple[int, int], tuple[int, int]]
    mask_sum_correlation: dict[str, float]

    @property
    def background(self) -> Mapping[str, Scores]:
        """Scores of the background."""
        return self.samples[BACKGROUND]

    @property
    def signals(self) -> list[str]:
        """Names of the signals, in the order of the dataset."""
        return [name for name in self.samples if name != BACKGROUND]


def selected(dataset: EventDataset, events: int) -> dict[str, Events]:
    """The first ``events`` of the background and a tenth of that, at least 100, of each signal."""
    few = max(events // SIGNAL_FRACTION, MIN_SIGNAL)
    signals = {name: sample.head(few) for name, sample in dataset.signals.items()}
    return {BACKGROUND: dataset.test.head(events), **dict(sorted(signals.items(), key=_mass))}


def score(
    network: Network,
    dataset: EventDataset,
    samples: Mapping[str, Events],
    cache: Path,
    finished: Callable[[int], object],
) -> Scored:
    """Evaluate a network on samples of a dataset; ``finished`` hears of every chunk of events."""
    store = ScoreCache(cache, network.weights_sha256, dataset.sha256)
    raw = {
        name: store.scores(network.model, name, events.masks, finished)
        for name, events in samples.items()
    }
    background = raw[BACKGROUND]
    choice = choose_score(
        np.stack([background["latent_0"], background["latent_1"]], 1), background["bce"]
    )
    signs = [1 if correlation >= 0 else -1 for correlation in choice.correlations]
    order = (choice.latent, 1 - choice.latent)
    latents = ((order[0], signs[order[0]]), (order[1], signs[order[1]]))
    for name, values in raw.items():
        for key, (index, sign) in zip(("latent_leading", "latent_other"), latents, strict=True):
            values[key] = sign * values[f"latent_{index}"]
        values["n_tracks"] = samples[name].n_tracks.astype(np.float64)
    correlation = {
        key: rank_correlation(background[key], background["mask_sum"]) for key in NETWORK_SCORES
    }
    return Scored(network, raw, latents, correlation)


def measure(scored: Scored, keys: tuple[str, ...]) -> dict[str, dict[str, dict[str, Any]]]:
    """``{score: {signal: numbers}}`` with AUC, FPR40 and AUC at equal mask sum, with errors."""
    return {
        key: {
            name: _compare(scored.samples[name], scored.background, key) for name in scored.signals
        }
        for key in keys
    }


def quality(scored: Scored) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over background events of the reconstruction's SSE and SSIM."""
    return {
        key: {"mean": float(values.mean()), "std": float(values.std())}
        for key in ("sse", "ssim", "bce")
        for values in (scored.background[key],)
    }


def _compare(
    signal: Mapping[str, Scores], background: Mapping[str, Scores], key: str
) -> dict[str, Any]:
    area = auc(signal[key], background[key])
    efficiency = background_efficiency(signal[key], background[key], 0.4)
    equal = auc_at_equal(signal[key], background[key], signal["mask_sum"], background["mask_sum"])
    return {
        "auc": area.value,
        "auc_error": area.error,
        "fpr40": efficiency.value,
        "fpr40_error": efficiency.error,
        "fpr40_events": efficiency.events,
        "auc_at_equal": equal.value,
        "auc_at_equal_error": equal.error,
        "n_at_equal": equal.n_used,
        "n": len(signal[key]),
    }


def _mass(item: tuple[str, Events]) -> tuple[str, int]:
    family, _, mass = item[0].rpartition("_")
    return family, int(mass) if mass.isdigit() else 0
