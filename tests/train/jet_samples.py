"""Small made-up jets for tests."""

from __future__ import annotations

import numpy as np

from trigforge.train.jets.jets import VARIABLES, Constituents, Jets


def random_jets(count: int, seed: int = 1, *, variables: bool = True) -> Jets:
    """Jets of a few random prongs with 1 to 60 constituents inside R = 0.8."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 61, count)
    pt_parts, eta_parts, phi_parts = [], [], []
    for n in counts:
        prongs = rng.normal(0.0, 0.25, (3, 2))
        place = prongs[rng.integers(0, 3, n)] + rng.normal(0.0, 0.08, (n, 2))
        pt_parts.append(np.sort(0.5 + rng.exponential(12.0, n))[::-1])
        eta_parts.append(place[:, 0].clip(-0.8, 0.8))
        phi_parts.append(place[:, 1].clip(-0.8, 0.8))
    pt, eta, phi = (
        np.concatenate(part).astype(np.float32) for part in (pt_parts, eta_parts, phi_parts)
    )
    constituents = Constituents(counts, pt, eta, phi)
    return Jets(
        pt=np.bincount(constituents.jet, weights=pt, minlength=count).astype(np.float32),
        eta=rng.uniform(-2, 2, count).astype(np.float32),
        mass=rng.uniform(10, 200, count).astype(np.float32),
        constituents=constituents,
        variables=rng.random((count, len(VARIABLES)), dtype=np.float32) if variables else None,
    )


def jets_of(*jets: list[tuple[float, float, float]]) -> Constituents:
    """Constituents from lists of (pT, eta, phi) per jet."""
    flat = [point for jet in jets for point in jet]
    pt, eta, phi = (np.array(column, dtype=np.float64) for column in zip(*flat, strict=True))
    return Constituents(np.array([len(jet) for jet in jets]), pt, eta, phi)
