"""Calorimeter regions as images on a coarse integer grid, and the small network that scores them.

Level 1 has 18 x 14 regions of 10 bits. The network sees each shifted right and saturated, as
:class:`trigforge.train.config.RegionNetwork` says: wires and adders cost in proportion to the bits,
and a coarse step takes most of the pileup away. Training and background are zero-bias crossings:
what the trigger rejects, not what a preselection has left.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from trigforge.train.config import RegionNetwork
from trigforge.train.events import EventDataset
from trigforge.train.generation.level1 import REGION_LSB_GEV
from trigforge.train.layers import LayerFactory
from trigforge.train.level1.background import zero_bias_dataset

Images = npt.NDArray[np.uint8]


def coarse(regions: npt.NDArray[np.uint16], network: RegionNetwork) -> Images:
    """Regions (N, 18, 14) on the network's grid: shifted right, saturated."""
    return np.asarray(np.minimum(regions >> network.shift, network.largest), np.uint8)


def region_dataset(dataset: EventDataset, network: RegionNetwork) -> EventDataset:
    """The same events with coarse regions where masks were, and zero bias as the background.

    Raises:
        InputError: a sample has no level-1 inputs, or there are no zero-bias crossings.
    """
    step = REGION_LSB_GEV * 2**network.shift
    return zero_bias_dataset(
        dataset,
        lambda level1: coarse(level1.regions, network),
        f"regions in steps of {step:g} GeV up to {step * network.largest:g} GeV",
    )


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

    def __init__(self, network: RegionNetwork, layers: LayerFactory) -> None:
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
