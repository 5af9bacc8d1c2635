"""Jets in memory: kinematics, constituents relative to the jet axis, substructure variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Real = npt.NDArray[np.floating[Any]]
Int64 = npt.NDArray[np.int64]

VARIABLES = (
    "major_axis",
    "minor_axis",
    "efp1",
    "c2_05",
    "pt_dispersion",
    "softdrop_mass_gev",
    "tau2",
    "tau3",
)
"""Columns of ``Jets.variables``; definitions in :mod:`trigforge.train.jets.variables`."""


@dataclass(frozen=True)
class Constituents:
    """C massless constituents of N jets, jet after jet, by falling pT within a jet.

    Attributes:
        counts: (N,) constituents per jet; the sum is C.
        pt: (C,) in GeV.
        eta, phi: (C,) relative to the jet axis, phi in [-pi, pi).
    """

    counts: Int64
    pt: Real
    eta: Real
    phi: Real

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def jet(self) -> Int64:
        """(C,) index of the jet of each constituent."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def starts(self) -> Int64:
        """(N,) index of the first constituent of each jet."""
        return np.cumsum(self.counts) - self.counts

    def take(self, index: slice | npt.NDArray[Any]) -> Constituents:
        """The constituents of a subset of the jets, by slice, index array or boolean mask."""
        chosen = np.arange(len(self.counts))[index]
        counts = self.counts[chosen]
        ends = np.cumsum(counts)
        within = np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)
        places = np.repeat(self.starts[chosen], counts) + within
        return Constituents(counts, self.pt[places], self.eta[places], self.phi[places])


@dataclass(frozen=True)
class Jets:
    """N jets.

    Attributes:
        pt: (N,) in GeV.
        eta: (N,) pseudorapidity of the axis.
        mass: (N,) in GeV, of the sum of massless constituents.
        constituents: None where the source does not keep them.
        variables: (N, 8) in the order of :data:`VARIABLES`; None likewise.
    """

    pt: Float32
    eta: Float32
    mass: Float32
    constituents: Constituents | None = None
    variables: Float32 | None = None

    def __len__(self) -> int:
        return len(self.pt)

    def head(self, count: int) -> Jets:
        """The first ``count`` jets."""
        return self.take(slice(count))

    def take(self, index: slice | npt.NDArray[Any]) -> Jets:
        """A subset by slice, index array or boolean mask."""
        return Jets(
            self.pt[index],
            self.eta[index],
            self.mass[index],
            None if self.constituents is None else self.constituents.take(index),
            None if self.variables is None else self.variables[index],
        )

    @staticmethod
    def concatenate(parts: Sequence[Jets]) -> Jets:
        """Jets of several samples one after the other; what one of them lacks, the result lacks."""
        inside = [p.constituents for p in parts if p.constituents is not None]
        variables = [p.variables for p in parts if p.variables is not None]
        constituents = None
        if len(inside) == len(parts):
            constituents = Constituents(
                np.concatenate([c.counts for c in inside]),
                np.concatenate([c.pt for c in inside]),
                np.concatenate([c.eta for c in inside]),
                np.concatenate([c.phi for c in inside]),
            )
        return Jets(
            np.concatenate([p.pt for p in parts]),
            np.concatenate([p.eta for p in parts]),
            np.concatenate([p.mass for p in parts]),
            constituents,
            np.concatenate(variables) if len(variables) == len(parts) else None,
        )
