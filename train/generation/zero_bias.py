"""Zero-bias crossings: what the level-1 trigger sees when nothing but pileup happened.

The accelerator delivers crossings of filled bunches at :data:`CROSSING_RATE_HZ`; a level-1
algorithm that accepts a fraction f of zero-bias crossings has a rate of f times that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trigforge.train.generation.level1 import Level1

REVOLUTION_HZ = 11_245.5
COLLIDING_BUNCHES = 2_544  # of 3,564 places; LHC 2018
CROSSING_RATE_HZ = COLLIDING_BUNCHES * REVOLUTION_HZ  # 28.6 MHz
INELASTIC_CM2 = 78.0e-27  # in Pythia 8.317 at 13 TeV
CROSSING_LUMINOSITY_PER_CM2_S = 50 * CROSSING_RATE_HZ / INELASTIC_CM2  # 1.83e34


@dataclass(frozen=True)
class ZeroBias:
    """N crossings.

    Attributes:
        level1: their level-1 inputs.
        stratum: (N,) int8, the stratum of the hardest collision, see
            :mod:`trigforge.train.generation.minimum_bias`.
        probability: (S,) that the hardest collision of a crossing lies in a stratum.
    """

    level1: Level1
    stratum: npt.NDArray[np.int8]
    probability: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.stratum)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """(S,) crossings of each stratum."""
        return np.bincount(self.stratum, minlength=len(self.probability))

    @property
    def weight(self) -> npt.NDArray[np.float64]:
        """(N,) probability that each crossing stands for; they sum to 1.

        Natural samples may lack the rarest strata; their crossings then stand for all others in
        proportion.
        """
        counts = self.counts
        share = np.where(counts > 0, self.probability, 0.0)
        each = share / share.sum() / np.maximum(counts, 1)
        return np.asarray(each[self.stratum])

    def take(self, index: slice | npt.NDArray[np.generic]) -> ZeroBias:
        """A subset by slice, index array or boolean mask."""
        return ZeroBias(self.level1.take(index), self.stratum[index], self.probability)

    @staticmethod
    def concatenate(parts: Sequence[ZeroBias]) -> ZeroBias:
        """Crossings of several parts one after the other; at least one part."""
        return ZeroBias(
            Level1.concatenate([p.level1 for p in parts]),
            np.concatenate([p.stratum for p in parts]),
            parts[0].probability,
        )
