"""Jets of a batch of events: anti-kT clustering, cuts, and the match with hard partons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trigforge.train.generation.particles import Bool, Float, Int, Particles
from trigforge.train.jets.jets import Constituents, Jets

MAX_CONSTITUENTS = 200
Match = Literal["any", "top", "gluino", "dark_quark"]
TOP_DAUGHTERS = (5, 2, 4, -1, -3)
"""Quarks from a hadronic top decay; those of an antitop have the opposite signs."""
GLUINO_DAUGHTERS = (1, 2, 3, -1, -2, -3)
DARK_QUARK = 4_900_101


@dataclass(frozen=True, kw_only=True)
class JetSelection:
    """Which jets are kept; ``pt_max_gev`` None for no upper end."""

    radius: float
    pt_min_gev: float
    pt_max_gev: float | None
    eta_max: float

    @property
    def text(self) -> str:
        """One line for metadata and reports."""
        upper = "" if self.pt_max_gev is None else f" < {self.pt_max_gev:g}"
        return (
            f"anti-kT R={self.radius:g} jets of smeared tracks and cells, "
            f"{self.pt_min_gev:g} < pT{upper} GeV, |eta| < {self.eta_max:g}"
        )


def find_jets(candidates: Particles, selection: JetSelection) -> tuple[Jets, Int, Float]:
    """Selected jets of all events.

    Args:
        candidates: massless, grouped by event.

    Returns:
        J jets, each with its 200 hardest constituents; (J,) their events; (J,) phi of their axes.
        Kinematics are those of the whole jet.
    """
    import awkward as ak
    import fastjet

    counts = np.bincount(candidates.event, minlength=candidates.n_events)
    fields = {
        "px": candidates.px,
        "py": candidates.py,
        "pz": candidates.pz,
        "E": candidates.energy,
    }
    vectors = ak.unflatten(ak.zip(fields, with_name="Momentum4D"), counts)
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, selection.radius)
    clusters = fastjet.ClusterSequence(vectors, definition)
    found = clusters.inclusive_jets(min_pt=selection.pt_min_gev)
    members = clusters.constituent_index(min_pt=selection.pt_min_gev)

    per_event = ak.to_numpy(ak.num(found.px, axis=1))
    event = np.repeat(np.arange(candidates.n_events), per_event)
    px, py, pz, energy = (
        np.asarray(ak.to_numpy(ak.flatten(found[key])), dtype=np.float64)
        for key in ("px", "py", "pz", "E")
    )
    pt, phi = np.hypot(px, py), np.arctan2(py, px)
    eta = np.arcsinh(pz / pt)
    mass = np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0.0))
    inner = ak.flatten(members, axis=1)
    size = np.asarray(ak.to_numpy(ak.num(inner, axis=1)), dtype=np.int64)
    jet = np.repeat(np.arange(len(pt)), size)
    first = np.cumsum(counts) - counts
    place = np.asarray(ak.to_numpy(ak.flatten(inner)), dtype=np.int64) + first[event[jet]]

    member = candidates.take(place)
    order = np.lexsort((-member.pt, jet))  # by jet, then by falling pT
    member, jet = member.take(order), jet[order]
    rank = np.arange(len(jet)) - (np.cumsum(size) - size)[jet]
    keep = (np.abs(eta) < selection.eta_max) & (pt > selection.pt_min_gev)
    if selection.pt_max_gev is not None:
        keep &= pt < selection.pt_max_gev
    kept = keep[jet] & (rank < MAX_CONSTITUENTS)
    member, jet = member.take(kept), jet[kept]
    inside = Constituents(
        np.minimum(size, MAX_CONSTITUENTS)[keep],
        member.pt.astype(np.float32),
        (member.eta - eta[jet]).astype(np.float32),
        difference(member.phi, phi[jet]).astype(np.float32),
    )
    pt32, eta32, mass32 = (values[keep].astype(np.float32) for values in (pt, eta, mass))
    return Jets(pt32, eta32, mass32, inside), event[keep], phi[keep]


def matched(
    jets: Jets, event: Int, phi: Float, partons: Particles, match: Match, radius: float
) -> Bool:
    """(J,) whether each jet is what the sample is about.

    ``top``: all three quarks of one hadronic top decay lie within the radius of the axis;
    ``gluino``: three light quarks of the hard process do, which for a pair of gluinos back to back
    are those of one; ``dark_quark``: a dark quark does; ``any``: always.
    """
    if match == "any":
        return np.ones(len(jets), dtype=np.bool_)
    if match == "dark_quark":
        return _inside(jets, event, phi, partons, (DARK_QUARK, -DARK_QUARK), radius) > 0
    if match == "gluino":
        return _inside(jets, event, phi, partons, GLUINO_DAUGHTERS, radius) >= 3
    opposite = tuple(-code for code in TOP_DAUGHTERS)
    result = np.zeros(len(jets), dtype=np.bool_)
    for codes in (TOP_DAUGHTERS, opposite):
        result |= _inside(jets, event, phi, partons, codes, radius) == 3
    return result


def difference(first: Float, second: Float) -> Float:
    """``first - second`` as angles, in [-pi, pi)."""
    return np.mod(first - second + np.pi, 2.0 * np.pi) - np.pi


def _inside(
    jets: Jets,
    event: Int,
    phi: Float,
    partons: Particles,
    codes: tuple[int, ...],
    radius: float,
) -> Int:
    """(J,) how many partons with one of the codes lie within the radius of each jet."""
    chosen = partons.take(np.isin(partons.pdg_id, codes))
    jet, parton = np.nonzero(event[:, None] == chosen.event[None, :])
    near = (
        np.hypot(
            jets.eta.astype(np.float64)[jet] - chosen.eta[parton],
            difference(phi[jet], chosen.phi[parton]),
        )
        < radius
    )
    return np.bincount(jet[near], minlength=len(jets)).astype(np.int64)
