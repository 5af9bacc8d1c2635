"""Samples thinned to one another's pT spectrum, so that a score cannot win by pT alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trigforge.train.errors import InputError
from trigforge.train.jets.jets import Real

MIN_JETS_PER_BIN = 10


def thinned_to_spectrum(
    pt: Real, reference_pt: Real, rng: np.random.Generator, bins: int = 10
) -> npt.NDArray[np.bool_]:
    """Which jets to keep so that their pT is distributed as the reference's.

    The bins hold equal numbers of reference jets; in each one the same share of jets is kept at
    random, as large as the scarcest bin allows. Jets outside the reference's range are dropped.

    Args:
        pt: (N,) in GeV of the sample to be thinned.
        reference_pt: (M,) in GeV.

    Returns:
        (N,) mask.

    Raises:
        InputError: a bin with fewer than ten jets: the spectra hardly overlap.
    """
    edges = np.quantile(reference_pt.astype(np.float64), np.linspace(0.0, 1.0, bins + 1))
    place = np.searchsorted(edges, pt, side="right") - 1
    place[pt == edges[-1]] = bins - 1
    inside = (place >= 0) & (place < bins)
    counts = np.bincount(place[inside], minlength=bins)
    scarcest = int(counts.argmin())
    if counts[scarcest] < MIN_JETS_PER_BIN:
        raise InputError(
            f"spectra hardly overlap: {counts[scarcest]} jets between {edges[scarcest]:.4g} and "
            f"{edges[scarcest + 1]:.4g} GeV, expected at least {MIN_JETS_PER_BIN}; "
            "take more jets, fewer bins or a narrower window"
        )
    keep = np.zeros(len(pt), dtype=np.bool_)
    for index in range(bins):
        members = np.flatnonzero(place == index)
        keep[rng.choice(members, counts[scarcest], replace=False)] = True
    return keep
