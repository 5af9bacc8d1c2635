"""Noticing that chains no longer sample the model (arXiv:2206.14225, section 3).

Two things announce it: the energy of the samples runs away from that of the jets, or the samples
become one and the same image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from trigforge.train.errors import CollapseError

WAY_OUT = "lower the learning rate or the step sizes of the chains, or raise gamma"


@dataclass(frozen=True, kw_only=True)
class CollapseConfig:
    """What counts as a collapse.

    Attributes:
        energy_ratio: largest mean energy of samples over the mean energy of jets before training.
        spread_ratio: smallest spread of samples over that of jets.
        patience: so many batches in a row.
    """

    energy_ratio: float = 20.0
    spread_ratio: float = 0.05
    patience: int = 20


def spread(x: Tensor) -> float:
    """Root mean square distance of inputs (B, ...) from their mean."""
    return float((x - x.mean(0)).flatten(1).square().sum(1).mean().sqrt())


class CollapseWatch:
    """Looks at every batch of an epoch.

    Args:
        energy: mean energy of jets before the training.
        jet_spread: :func:`spread` of jets.
    """

    def __init__(self, config: CollapseConfig, energy: float, jet_spread: float) -> None:
        self._config = config
        self._energy_limit = config.energy_ratio * energy
        self._spread_limit = config.spread_ratio * jet_spread
        self._high = self._alike = 0

    def start_epoch(self) -> None:
        """Forget the batches before."""
        self._high = self._alike = 0

    def check(self, samples: Tensor, energy: float) -> None:
        """Look at samples (B, ...) and their mean energy.

        Raises:
            CollapseError: they have diverged or become alike.
        """
        if not math.isfinite(energy):
            raise CollapseError(f"the samples' energy is {energy}; {WAY_OUT}")
        found = spread(samples)
        self._high = self._high + 1 if energy > self._energy_limit else 0
        self._alike = self._alike + 1 if found < self._spread_limit else 0
        patience = self._config.patience
        if self._high >= patience:
            raise CollapseError(
                f"the samples' energy has been above {self._energy_limit:.3g} for {patience} "
                f"batches, the last {energy:.3g}; {WAY_OUT}"
            )
        if self._alike >= patience:
            raise CollapseError(
                f"the samples have been alike for {patience} batches: their spread is "
                f"{found:.3g}, expected at least {self._spread_limit:.3g}; {WAY_OUT}"
            )
