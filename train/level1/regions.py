"""Calorimeter regions as images on a coarse integer grid, and the small network that scores them.

Level 1 has 18 x 14 regions of 10 bits. The network sees each shifted right and saturated, as
:class:`trigforge.train.config.Level1Network` says: wires and adders cost in proportion to the bits,
and a coarse step takes most of the pileup away. Training and background are zero-bias crossings:
what the trigger rejects, not what a preselection has left.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from trigforge.train.config import Level1Network
from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset, Events, SampleInfo
from trigforge.train.generation.level1 import REGION_LSB_GEV, Level1
from trigforge.train.generation.zero_bias import CROSSING_RATE_HZ, ZeroBias
from trigforge.train.layers import LayerFactory

BACKGROUND = "zero_bias"
VALIDATION_SHARE = 5
"""Every fifth natural crossing compares epochs, the others train."""
THINNING_SEED = 18

Images = npt.NDArray[np.uint8]


def coarse(regions: npt.NDArray[np.uint16], network: Level1Network) -> Images:
    """Regions (N, 18, 14) on the network's grid: shifted right, saturated."""
    return np.asarray(np.minimum(regions >> network.shift, network.largest), np.uint8)


def region_dataset(dataset: EventDataset, network: Level1Network) -> EventDataset:
    """The same events with coarse regions where masks were, and zero bias as the background.

    The natural zero-bias crossings train and validate; the stratified ones, thinned to their
    natural composition, are the test background.

    Raises:
        InputError: a sample has no level-1 inputs, or there are no zero-bias crossings.
    """
    if not {"train", "test"} <= dataset.zero_bias.keys():
        raise InputError(
            f"{dataset.source} events have no zero-bias crossings, on which level-1 networks are "
            "trained and judged; use the shipped sample or generate events with detail"
        )
    natural = crossing_events(dataset.zero_bias["train"].level1, network)
    held_out = np.arange(len(natural)) % VALIDATION_SHARE == 0
    test = crossing_events(natural_composition(dataset.zero_bias["test"]).level1, network)
    step = REGION_LSB_GEV * 2**network.shift
    info = SampleInfo(BACKGROUND, None, None, None, None, len(test), "pileup alone")
    return replace(
        dataset,
        train=natural.take(~held_out),
        validation=natural.take(held_out),
        test=test,
        signals={name: _imaged(name, events, network) for name, events in dataset.signals.items()},
        info={**dataset.info, BACKGROUND: info},
        preselection=(
            f"signals: {dataset.preselection}; background: none, zero-bias crossings at "
            f"{CROSSING_RATE_HZ / 1e6:.1f} MHz; regions in steps of "
            f"{step:g} GeV up to {step * network.largest:g} GeV"
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


def crossing_events(level1: Level1, network: Level1Network) -> Events:
    """Crossings as events; what zero bias does not have is empty."""
    count = len(level1)
    return Events(
        coarse(level1.regions, network),
        np.zeros(count, np.int32),
        np.full(count, np.nan, np.float32),
        np.ones(count, np.float32),
        level1,
    )


def _imaged(name: str, events: Events, network: Level1Network) -> Events:
    if events.level1 is None:
        raise InputError(
            f"{name}: the events have no level-1 inputs; use the shipped sample or generate events "
            "with detail"
        )
    return replace(events, masks=coarse(events.level1.regions, network))


class DenseBlock(nn.Module):
    """Dense layer and LeakyReLU."""

    def __init__(self, inputs: int, outputs: int, slope: float, layers: LayerFactory) -> None:
        super().__init__()
        self.linear = layers.linear(inputs, outputs)
        self.activation = layers.activation(slope)

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs) to (B, outputs)."""
        activated: Tensor = self.activation(self.linear(features))
        return activated


class RegionScore(nn.Module):
    """Coarse regions (B, 1, 18, 14) to one score (B, 1): dense layers of ``filters`` units."""

    def __init__(self, network: Level1Network, layers: LayerFactory) -> None:
        super().__init__()
        sizes = [network.height * network.width, *network.filters]
        self.blocks = nn.ModuleList(
            DenseBlock(before, after, network.negative_slope, layers)
            for before, after in pairwise(sizes)
        )
        self.dense = layers.linear(sizes[-1], 1)

    def forward(self, regions: Tensor) -> Tensor:
        """Scores (B, 1), higher is more anomalous."""
        features = torch.flatten(regions, 1)
        for block in self.blocks:
            features = block(features)
        score: Tensor = self.dense(features)
        return score
