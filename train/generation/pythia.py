"""Pythia 8 as a source of final-state particles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from trigforge.train.artifacts import versions
from trigforge.train.errors import ToolError
from trigforge.train.generation.particles import Particles
from trigforge.train.generation.processes import COMMON_SETTINGS, PartonFilter, Process

SCALAR = 25
HARD_OUTGOING = 23  # status code
MB_TO_PB = 1e9
SEED_MAX = 900_000_000  # Pythia takes 1 .. 900,000,000


class Generator:
    """One initialised Pythia.

    Args:
        process: what to generate.
        seed: 1 .. 900,000,000; the events depend on it and on nothing else.

    Raises:
        ToolError: a setting is unknown to this Pythia version, or initialisation fails.
    """

    def __init__(self, process: Process, seed: int) -> None:
        import pythia8mc

        self._pythia = pythia8mc.Pythia("", False)
        self._n_completed = 0
        seeding = ("Random:setSeed = on", f"Random:seed = {seed}")
        for setting in (*COMMON_SETTINGS, *seeding, *process.settings):
            # pythia8mc 8.317: an unknown key returns False, it does not raise
            if not self._pythia.readString(setting):
                version = versions("pythia8mc")["pythia8mc"]
                raise ToolError(f"pythia8mc {version} refuses the setting {setting!r}")
        self._veto = _parton_veto(process.parton_filter) if process.parton_filter else None
        if self._veto is not None:
            self._pythia.setUserHooksPtr(self._veto)
        if not self._pythia.init():
            raise ToolError(f"Pythia does not start with the settings {process.settings}")

    def next(self, count: int, *, keep: Callable[[Any], Any] | None = None) -> Particles:
        """Final-state particles of the next ``count`` events that pass the parton filter.

        Args:
            keep: of a batch with full event records, (count,) which events to keep; all if None.
        """
        batch = self._pythia.nextBatch(count)
        self._n_completed += count
        return _final_particles(batch if keep is None else batch[keep(batch)])

    def next_with_partons(self, count: int) -> tuple[Particles, Particles]:
        """Final-state particles of the next ``count`` events, and the hard process' partons.

        The partons are those that leave the hard process and its resonance decays (status 23):
        of a top quark its bottom quark and the two quarks from the W.
        """
        batch = self._pythia.nextBatch(count)
        self._n_completed += count
        return _final_particles(batch), _flat(batch.prt[abs(batch.prt.status) == HARD_OUTGOING])

    @property
    def n_generated(self) -> int:
        """Events tried so far, vetoed ones included."""
        return self._n_completed if self._veto is None else int(self._veto.n_seen)

    def cross_section_pb(self) -> tuple[float, float]:
        """Cross section of the process before the parton filter, and its error."""
        info = self._pythia.infoPython()
        # what Pythia quotes is after the veto
        scale = MB_TO_PB * self.n_generated / self._n_completed
        return info.sigmaGen() * scale, info.sigmaErr() * scale


def _parton_veto(config: PartonFilter) -> Any:
    import pythia8mc

    class PartonVeto(pythia8mc.UserHooks):  # type: ignore[misc]
        """Vetoes events whose partons are too soft; counts every event it sees."""

        def __init__(self) -> None:
            super().__init__()
            self.n_seen = 0

        def canVetoPT(self) -> bool:
            return True

        def scaleVetoPT(self) -> float:
            return config.scale_gev

        def doVetoPT(self, _position: int, event: Any) -> bool:
            self.n_seen += 1
            total = 0.0
            for i in range(event.size()):
                parton = event[i]
                if parton.isFinal() and abs(parton.eta()) < config.eta_max:
                    total += parton.mT()
            return total < config.ht_min_gev

    return PartonVeto()


def _final_particles(batch: Any) -> Particles:
    """Flat final-state particles of a Pythia batch."""
    return _flat(batch.prt[batch.prt.status > 0])


def _flat(chosen: Any) -> Particles:
    """Flat arrays of the particles chosen from each event."""
    import awkward as ak

    counts = ak.to_numpy(ak.num(chosen.id, axis=1))

    def flat(field: Any, kind: type) -> np.ndarray[Any, Any]:
        return np.asarray(ak.to_numpy(ak.flatten(field, axis=1)), dtype=kind)

    return Particles(
        len(counts),
        np.repeat(np.arange(len(counts)), counts),
        flat(chosen.id, np.int64),
        flat(chosen.p.px, np.float64),
        flat(chosen.p.py, np.float64),
        flat(chosen.p.pz, np.float64),
        flat(chosen.p.e, np.float64),
    )
