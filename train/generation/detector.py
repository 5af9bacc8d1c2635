"""A fast tracker: from final-state particles to binary 72 x 58 images.

Charged particles are carried along their helix to the outer surface of the tracker (a cylinder of
1.29 m radius and 3 m half-length in 3.8 T, the dimensions of the CMS card of Delphes) and found
with an efficiency that depends on pT, |eta| and the kind of particle; their smeared pT is deposited
in 360 x 286 cells of (phi, eta) over |eta| < 2.5. 5 x 5 cells are summed ("same" padding as in
TensorFlow: 286 columns get two empty ones on either side) to 72 x 58; the mask is 1 where anything
was deposited. Pileup tracks are taken as removed, as in the paper (arXiv:2306.12955, appendix A.1),
so none are added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trigforge.train.generation.particles import Bool, Float, Int, Particles

PHI_CELLS, ETA_CELLS = 360, 286
BLOCK = 5
PHI_ROWS = 72
ETA_COLUMNS = 58
ETA_PAD_BEFORE = 2  # (58 * 5 - 286) / 2

NEUTRINOS = (12, 14, 16)
DARK_STABLE = (51, 52, 53)
HIDDEN_VALLEY_FIRST, HIDDEN_VALLEY_LAST = 4_900_001, 4_900_999
CHARGE = {11: -1, 13: -1, 211: 1, 321: 1, 2212: 1, 3112: -1, 3222: 1, 3312: -1, 3334: -1}
NEUTRAL = (22, 130, 310, 2112, 3122, 3322)
_CHARGED_CODES = np.array(sorted(CHARGE))
_CHARGES = np.array([CHARGE[code] for code in sorted(CHARGE)])


@dataclass(frozen=True, kw_only=True)
class TrackerConfig:
    """Geometry and response.

    ``efficiency`` maps a kind of particle to its efficiencies for [|eta| <= 1.5, 1.5 < |eta|] x
    [below 1 GeV, above 1 GeV].
    """

    radius_m: float = 1.29
    half_length_m: float = 3.0
    field_t: float = 3.8
    pt_min_gev: float = 0.3
    eta_max: float = 2.5
    resolution: float = 0.01
    efficiency: tuple[tuple[str, tuple[tuple[float, float], tuple[float, float]]], ...] = (
        ("hadron", ((0.70, 0.95), (0.60, 0.85))),
        ("electron", ((0.73, 0.95), (0.50, 0.83))),
        ("muon", ((0.75, 0.99), (0.70, 0.98))),
    )


@dataclass(frozen=True)
class Tracks:
    """T reconstructed tracks: event (T,), outer position phi in [-pi, pi) and eta, pT in GeV."""

    n_events: int
    event: Int
    phi: Float
    eta: Float
    pt: Float


def is_visible(pdg_id: Int) -> Bool:
    """True for what a detector sees: no neutrinos, no dark or Hidden-Valley states."""
    code = np.abs(pdg_id)
    hidden = (code >= HIDDEN_VALLEY_FIRST) & (code <= HIDDEN_VALLEY_LAST)
    return ~(hidden | np.isin(code, (*NEUTRINOS, *DARK_STABLE)))


def charge_of(pdg_id: Int) -> Int:
    """(P,) electric charge of particles that live long enough to reach the detector.

    Raises:
        ValueError: a code that is in neither list, so that nothing is mistaken for neutral.
    """
    code = np.abs(pdg_id)
    place = np.minimum(np.searchsorted(_CHARGED_CODES, code), len(_CHARGED_CODES) - 1)
    charged = _CHARGED_CODES[place] == code
    unknown = ~charged & ~np.isin(code, NEUTRAL) & is_visible(pdg_id)
    if unknown.any():
        raise ValueError(f"no charge known for PDG codes {np.unique(pdg_id[unknown]).tolist()}")
    return np.where(charged, _CHARGES[place] * np.sign(pdg_id), 0)


def reconstruct(particles: Particles, config: TrackerConfig, rng: np.random.Generator) -> Tracks:
    """Tracks of the charged particles inside the acceptance (momentum |eta| and pT)."""
    charge = charge_of(particles.pdg_id)
    inside = (
        (charge != 0)
        & (particles.pt > config.pt_min_gev)
        & (np.abs(particles.eta) < config.eta_max)
    )
    charged, charge = particles.take(inside), charge[inside]
    found = rng.random(len(charged)) < efficiency(charged, config)
    charged, charge = charged.take(found), charge[found]
    phi, eta = helix_exit(charged, charge, config)
    pt = charged.pt * np.maximum(0.0, 1.0 + config.resolution * rng.standard_normal(len(charged)))
    return Tracks(particles.n_events, charged.event, phi, eta, pt)


def efficiency(charged: Particles, config: TrackerConfig) -> Float:
    """(P,) probability that each charged particle becomes a track."""
    table = dict(config.efficiency)
    forward = (np.abs(charged.eta) > 1.5).astype(np.int64)
    hard = (charged.pt > 1.0).astype(np.int64)
    code = np.abs(charged.pdg_id)
    probability = np.array(table["hadron"])[forward, hard]
    for kind, pdg in (("electron", 11), ("muon", 13)):
        probability = np.where(code == pdg, np.array(table[kind])[forward, hard], probability)
    return probability


def helix_exit(charged: Particles, charge: Int, config: TrackerConfig) -> tuple[Float, Float]:
    """(phi, eta) of the point where each helix from the origin leaves the tracker volume.

    In a field B a track of pT [GeV] bends with radius R = pT / (0.3 B) [m]; after turning by ``t``
    it is at distance 2 R |sin(t/2)| from the axis and at azimuth phi -+ t/2. It reaches the barrel
    at t/2 = arcsin(radius / 2R), that is arcsin(0.735 / pT) for CMS, unless it meets the endcap
    before; below 0.735 GeV it always ends on an endcap.
    """
    pt, pz = charged.pt, charged.pz
    bend_m = pt / (0.3 * config.field_t)
    ratio = config.radius_m / (2.0 * bend_m)
    with np.errstate(divide="ignore"):
        to_endcap = 0.5 * config.half_length_m * pt / (np.abs(pz) * bend_m)
    to_barrel = np.where(ratio <= 1.0, np.arcsin(np.minimum(ratio, 1.0)), np.inf)
    half_turn = np.minimum(to_barrel, to_endcap)
    # a particle that loops for ever in the transverse plane stays where its circle is widest
    half_turn = np.where(np.isfinite(half_turn), half_turn, 0.5 * np.pi)
    chord = np.sin(half_turn)
    phi = charged.phi - charge * half_turn + np.where(chord < 0, np.pi, 0.0)
    z_m = pz / pt * bend_m * 2.0 * half_turn
    eta = np.arcsinh(z_m / np.maximum(2.0 * bend_m * np.abs(chord), 1e-9))
    return np.mod(phi + np.pi, 2.0 * np.pi) - np.pi, eta


def cell_indices(tracks: Tracks, config: TrackerConfig) -> tuple[Int, Int, Bool]:
    """Fine cell (phi row, eta column) of each track and whether it lies inside the image."""
    row = np.floor((tracks.phi + np.pi) / (2.0 * np.pi) * PHI_CELLS).astype(np.int64) % PHI_CELLS
    inside = np.abs(tracks.eta) < config.eta_max
    eta = np.where(inside, tracks.eta, 0.0)
    column = np.floor((eta + config.eta_max) / (2.0 * config.eta_max) * ETA_CELLS).astype(np.int64)
    return row, np.minimum(column, ETA_CELLS - 1), inside


def deposit_images(tracks: Tracks, config: TrackerConfig) -> npt.NDArray[np.float32]:
    """(N, 72, 58) sums of track pT in GeV over 5 x 5 fine cells."""
    row, column, inside = cell_indices(tracks, config)
    coarse = (row // BLOCK) * ETA_COLUMNS + (column + ETA_PAD_BEFORE) // BLOCK
    flat = tracks.event * (PHI_ROWS * ETA_COLUMNS) + coarse
    size = tracks.n_events * PHI_ROWS * ETA_COLUMNS
    sums = np.bincount(flat[inside], weights=tracks.pt[inside], minlength=size)
    return sums.reshape(tracks.n_events, PHI_ROWS, ETA_COLUMNS).astype(np.float32)


def track_counts(tracks: Tracks) -> npt.NDArray[np.int32]:
    """(N,) reconstructed tracks per event."""
    return np.bincount(tracks.event, minlength=tracks.n_events).astype(np.int32)
