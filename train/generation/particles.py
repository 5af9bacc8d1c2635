"""Final-state particles of a batch of events as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Particles:
    """P particles of N events.

    Attributes:
        n_events: N; events without particles are allowed.
        event: (P,) index of the event, 0..N-1, not necessarily sorted.
        pdg_id: (P,) PDG code.
        px, py, pz, energy: (P,) four-momentum in GeV.
    """

    n_events: int
    event: Int
    pdg_id: Int
    px: Float
    py: Float
    pz: Float
    energy: Float

    def __len__(self) -> int:
        return len(self.event)

    @property
    def pt(self) -> Float:
        """(P,) transverse momentum in GeV."""
        return np.hypot(self.px, self.py)

    @property
    def eta(self) -> Float:
        """(P,) pseudorapidity; infinite along the beam."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.arcsinh(self.pz / self.pt)

    @property
    def phi(self) -> Float:
        """(P,) azimuth in [-pi, pi]."""
        return np.arctan2(self.py, self.px)

    def take(self, index: Int | Bool) -> Particles:
        """The particles of a mask or an index array, same events."""
        return Particles(
            self.n_events,
            self.event[index],
            self.pdg_id[index],
            self.px[index],
            self.py[index],
            self.pz[index],
            self.energy[index],
        )

    def of_events(self, keep: Bool) -> Particles:
        """The particles of the events in a mask (N,), numbered anew."""
        number = np.cumsum(keep) - 1
        kept = self.take(keep[self.event])
        return replace(kept, n_events=int(keep.sum()), event=number[kept.event].astype(np.int64))

    def by_event(self) -> Particles:
        """The same particles grouped by event, order within an event kept."""
        return self.take(np.argsort(self.event, kind="stable"))

    def joined(self, other: Particles) -> Particles:
        """Particles of the same events from two sources, grouped by event."""
        if self.n_events != other.n_events:
            raise ValueError(f"{self.n_events} events joined with {other.n_events}")
        return Particles(
            self.n_events,
            np.concatenate([self.event, other.event]),
            np.concatenate([self.pdg_id, other.pdg_id]),
            np.concatenate([self.px, other.px]),
            np.concatenate([self.py, other.py]),
            np.concatenate([self.pz, other.pz]),
            np.concatenate([self.energy, other.energy]),
        ).by_event()
