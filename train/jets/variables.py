"""The eight substructure variables of the CMS normalised autoencoder, vectorised over jets.

z_i = pT_i / sum pT and r_ij^2 = (eta_i - eta_j)^2 + (phi_i - phi_j)^2 of the constituents:

- ``major_axis``, ``minor_axis``: square roots of the eigenvalues of the covariance of (eta, phi)
  about the centroid, weighted with pT^2 (arXiv:1304.5150, as in the CMS quark-gluon tagger).
- ``efp1``: first energy-flow polynomial, sum over i, j of z_i z_j r_ij (arXiv:1712.07124).
- ``c2_05``: e3 / e2^2 with beta = 0.5; e2 sums z_i z_j r_ij^beta over pairs, e3 the product of
  three such angles over triples (arXiv:1305.0007).
- ``pt_dispersion``: sqrt(sum pT^2) / sum pT.
- ``softdrop_mass_gev``: mass after soft drop, z_cut = 0.1, beta = 0 (arXiv:1402.2657).
- ``tau2``, ``tau3``: N-subjettiness with beta = 1, divided by R0 sum pT; exclusive-kT axes improved
  by one minimisation (arXiv:1108.2701).

The last three are computed by FastJet and its contributed code; slow obvious forms of all eight are
in :mod:`trigforge.train.jets.plain_variables`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trigforge.train.jets.jets import VARIABLES, Constituents, Float32

C2_BETA = 0.5
SOFTDROP_ZCUT, SOFTDROP_BETA = 0.1, 0.0
BLOCK_JETS = 200  # pair matrices in memory at once
WHOLE_JET = 100.0  # clustering radius that takes everything

Float = npt.NDArray[np.float64]


def substructure(constituents: Constituents, radius: float) -> Float32:
    """(N, 8) variables of jets found with the given radius, in the order of ``VARIABLES``.

    A jet of one constituent has zeros but for a dispersion of one.
    """
    values = np.zeros((len(constituents), len(VARIABLES)))
    if not len(constituents):
        return values.astype(np.float32)
    values[:, 0], values[:, 1] = axes(constituents)
    values[:, 2], values[:, 3] = correlations(constituents)
    values[:, 4] = dispersion(constituents)
    values[:, 5], values[:, 6:8] = declustered(constituents, radius)
    return values.astype(np.float32)


def axes(constituents: Constituents) -> tuple[Float, Float]:
    """(N,) major and minor axis."""
    weight = constituents.pt.astype(np.float64) ** 2
    total = _sums(constituents, weight)
    eta, phi = constituents.eta.astype(np.float64), constituents.phi.astype(np.float64)
    eta = eta - np.repeat(_sums(constituents, weight * eta) / total, constituents.counts)
    phi = phi - np.repeat(_sums(constituents, weight * phi) / total, constituents.counts)
    eta_eta = _sums(constituents, weight * eta * eta) / total
    phi_phi = _sums(constituents, weight * phi * phi) / total
    mixed = _sums(constituents, weight * eta * phi) / total
    middle = 0.5 * (eta_eta + phi_phi)
    half = np.sqrt((0.5 * (eta_eta - phi_phi)) ** 2 + mixed**2)
    return np.sqrt(middle + half), np.sqrt(np.maximum(middle - half, 0.0))


def dispersion(constituents: Constituents) -> Float:
    """(N,) transverse momentum dispersion."""
    pt = constituents.pt.astype(np.float64)
    return np.asarray(np.sqrt(_sums(constituents, pt**2)) / _sums(constituents, pt))


def correlations(constituents: Constituents) -> tuple[Float, Float]:
    """(N,) first energy-flow polynomial and C2."""
    count = len(constituents)
    efp, c2 = np.zeros(count), np.zeros(count)
    order = np.argsort(constituents.counts, kind="stable")  # blocks of similar size
    for first in range(0, count, BLOCK_JETS):
        chosen = order[first : first + BLOCK_JETS]
        z, eta, phi = padded(constituents.take(chosen))
        z /= z.sum(axis=1, keepdims=True)
        angle = np.hypot(eta[:, :, None] - eta[:, None, :], phi[:, :, None] - phi[:, None, :])
        pairs = z[:, :, None] * z[:, None, :]
        efp[chosen] = (pairs * angle).sum(axis=(1, 2))
        power = angle**C2_BETA  # zero on the diagonal, so that only true pairs and triples count
        e2 = 0.5 * (pairs * power).sum(axis=(1, 2))
        through = (power * z[:, None, :]) @ power
        e3 = (pairs * power * through).sum(axis=(1, 2)) / 6.0
        c2[chosen] = np.divide(e3, e2**2, out=np.zeros_like(e3), where=e2 > 0)
    return efp, c2


def padded(constituents: Constituents) -> tuple[Float, Float, Float]:
    """(N, K) pT, eta and phi with K the largest count; pT 0 behind the last constituent."""
    shape = (len(constituents), int(constituents.counts.max(initial=0)))
    inside = np.arange(shape[1]) < constituents.counts[:, None]
    pt, eta, phi = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    pt[inside], eta[inside], phi[inside] = constituents.pt, constituents.eta, constituents.phi
    return pt, eta, phi


def declustered(constituents: Constituents, radius: float) -> tuple[Float, Float]:
    """(N,) soft-drop mass in GeV, (N, 2) tau2 and tau3."""
    import awkward as ak
    import fastjet

    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, WHOLE_JET)
    clusters = fastjet.ClusterSequence(_vectors(constituents), definition)
    groomed = clusters.exclusive_jets_softdrop_grooming(
        njets=1, beta=SOFTDROP_BETA, symmetry_cut=SOFTDROP_ZCUT, R0=radius
    )
    taus = clusters.njettiness(njets=[2, 3], beta=1.0, R0=radius)
    mass = np.asarray(ak.to_numpy(groomed.msoftdrop), dtype=np.float64)
    return np.maximum(mass, 0.0), np.maximum(np.asarray(ak.to_numpy(taus), dtype=np.float64), 0.0)


def _vectors(constituents: Constituents) -> Any:
    """Awkward array of massless four-momenta, one list per jet."""
    import awkward as ak

    pt = constituents.pt.astype(np.float64)
    eta, phi = constituents.eta.astype(np.float64), constituents.phi.astype(np.float64)
    fields = {
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": pt * np.sinh(eta),
        "E": pt * np.cosh(eta),
    }
    return ak.unflatten(ak.zip(fields, with_name="Momentum4D"), constituents.counts)


def _sums(constituents: Constituents, values: Float) -> Float:
    sums = np.bincount(constituents.jet, weights=values, minlength=len(constituents))
    return np.asarray(sums, dtype=np.float64)
