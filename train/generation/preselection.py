"""The HT preselection of all samples (arXiv:2306.12955, appendix A.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trigforge.train.generation.particles import Particles


@dataclass(frozen=True, kw_only=True)
class Preselection:
    """HT is the scalar sum of pT of anti-kT jets of all visible particles, leptons included."""

    ht_min_gev: float = 500.0
    jet_radius: float = 0.4
    jet_pt_min_gev: float = 20.0
    jet_eta_max: float = 2.5
    particle_eta_max: float = 5.0

    @property
    def text(self) -> str:
        """One line for metadata and reports."""
        return (
            f"HT > {self.ht_min_gev:g} GeV, HT = scalar sum of pT of particle-level anti-kT "
            f"R={self.jet_radius:g} jets (pT > {self.jet_pt_min_gev:g} GeV, "
            f"|eta| < {self.jet_eta_max:g})"
        )


def scalar_ht(visible: Particles, preselection: Preselection) -> npt.NDArray[np.float32]:
    """(N,) HT in GeV; the particles must be grouped by event."""
    import awkward as ak
    import fastjet

    used = visible.take(np.abs(visible.eta) < preselection.particle_eta_max)
    counts = np.bincount(used.event, minlength=used.n_events)
    fields = {"px": used.px, "py": used.py, "pz": used.pz, "E": used.energy}
    vectors = ak.unflatten(ak.zip(fields, with_name="Momentum4D"), counts)
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, preselection.jet_radius)
    jets = fastjet.ClusterSequence(vectors, definition).inclusive_jets(
        min_pt=preselection.jet_pt_min_gev
    )
    pt = np.hypot(jets.px, jets.py)
    central = abs(np.arcsinh(jets.pz / pt)) < preselection.jet_eta_max
    ht: npt.NDArray[np.float32] = ak.to_numpy(ak.sum(pt[central], axis=1)).astype(np.float32)
    return ht
