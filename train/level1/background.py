"""Zero-bias crossings as what level-1 networks are trained on and judged against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset, Events, SampleInfo
from trigforge.train.generation.level1 import Level1
from trigforge.train.generation.zero_bias import CROSSING_RATE_HZ, ZeroBias

BACKGROUND = "zero_bias"
VALIDATION_SHARE = 5
"""Every fifth natural crossing compares epochs, the others train."""
THINNING_SEED = 18

Seen = npt.NDArray[np.uint8]
View = Callable[[Level1], Seen]


def zero_bias_dataset(dataset: EventDataset, view: View, grid: str) -> EventDataset:
    """The same events with what a network sees where masks were, and zero bias as the background.

    The natural zero-bias crossings train and validate; the stratified ones, thinned to their
    natural composition, are the test background.

    Args:
        view: level-1 inputs of N events to (N, H, W).
        grid: what that is, for reports.

    Raises:
        InputError: a sample has no level-1 inputs, or there are no zero-bias crossings.
    """
    if not {"train", "test"} <= dataset.zero_bias.keys():
        raise InputError(
            f"{dataset.source} events have no zero-bias crossings, on which level-1 networks are "
            "trained and judged; use the shipped sample or generate events with detail"
        )
    natural = crossing_events(dataset.zero_bias["train"].level1, view)
    held_out = np.arange(len(natural)) % VALIDATION_SHARE == 0
    test = crossing_events(natural_composition(dataset.zero_bias["test"]).level1, view)
    info = SampleInfo(BACKGROUND, None, None, None, None, len(test), "pileup alone")
    return replace(
        dataset,
        train=natural.take(~held_out),
        validation=natural.take(held_out),
        test=test,
        signals={name: _seen(name, events, view) for name, events in dataset.signals.items()},
        info={**dataset.info, BACKGROUND: info},
        preselection=(
            f"signals: {dataset.preselection}; background: none, zero-bias crossings at "
            f"{CROSSING_RATE_HZ / 1e6:.1f} MHz; {grid}"
        ),
    )


def natural_composition(crossings: ZeroBias) -> ZeroBias:
    """As many stratified crossings as there are of all strata in natural proportion, shuffled."""
    counts, probability = crossings.counts, crossings.probability
    total = int(np.min(counts[probability > 0] / probability[probability > 0]))
    kept = [
        np.flatnonzero(crossings.stratum == stratum)[: round(share * total)]
        for stratum, share in enumerate(probability)
    ]
    rng = np.random.default_rng(THINNING_SEED)
    return crossings.take(rng.permutation(np.concatenate(kept)))


def crossing_events(level1: Level1, view: View) -> Events:
    """Crossings as events; what zero bias does not have is empty."""
    count = len(level1)
    return Events(
        view(level1),
        np.zeros(count, np.int32),
        np.full(count, np.nan, np.float32),
        np.ones(count, np.float32),
        level1,
    )


def _seen(name: str, events: Events, view: View) -> Events:
    if events.level1 is None:
        raise InputError(
            f"{name}: the events have no level-1 inputs; use the shipped sample or generate events "
            "with detail"
        )
    return replace(events, masks=view(events.level1))
