"""Simple level-1 scores: what a sceptic would try before any network. Higher is more anomalous.

Each is an integer per event on a grid that firmware has at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trigforge.train.generation.level1 import LSB_GEV, REGION_LSB_GEV, Level1

LIT_REGION_GEV = 10.0
EXCESS_GEV = (8, 9, 8, 7, 6, 5, 6)
EXCESS_WEIGHT = (12, 10, 10, 13, 13, 15, 15)
"""Of the seven rings of |eta|, outermost first: mean plus two standard deviations of a region in
natural zero-bias crossings, in GeV, and 32 over the standard deviation, both rounded."""
EXCESS_STEP = 1 / 32


@dataclass(frozen=True, kw_only=True)
class Level1Score:
    """``of`` maps N events to (N,) integers; ``step`` times ``unit`` is one of them."""

    of: Callable[[Level1], npt.NDArray[np.int64]]
    step: float
    unit: str
    about: str


def total_region_et(level1: Level1) -> npt.NDArray[np.int64]:
    """(N,) sum of all regions."""
    return np.asarray(level1.regions.sum(axis=(1, 2), dtype=np.int64))


def lit_regions(level1: Level1) -> npt.NDArray[np.int64]:
    """(N,) regions of at least 10 GeV: the mask sum of the region image."""
    lit = level1.regions >= LIT_REGION_GEV / REGION_LSB_GEV
    return np.asarray(lit.sum(axis=(1, 2), dtype=np.int64))


def region_excess(level1: Level1) -> npt.NDArray[np.int64]:
    """(N,) sum over regions of what exceeds the ring's threshold, in 1/32 of its spread."""
    threshold = np.array(EXCESS_GEV + EXCESS_GEV[::-1])
    weight = np.array(EXCESS_WEIGHT + EXCESS_WEIGHT[::-1])
    above = np.maximum(level1.regions.astype(np.int64) - threshold, 0)
    return np.asarray((above * weight).sum(axis=(1, 2)))


def object_ht(level1: Level1) -> npt.NDArray[np.int64]:
    """(N,) sum of the pT of all jets."""
    return np.asarray(level1.kind("jet")[:, :, 0].sum(axis=1, dtype=np.int64))


def missing_et(level1: Level1) -> npt.NDArray[np.int64]:
    """(N,) missing transverse energy."""
    return level1.kind("missing_et")[:, 0, 0].astype(np.int64)


def leading_jet(level1: Level1) -> npt.NDArray[np.int64]:
    """(N,) pT of the hardest jet."""
    return level1.kind("jet")[:, 0, 0].astype(np.int64)


LEVEL1_SCORES: Mapping[str, Level1Score] = {
    "total_region_et": Level1Score(
        of=total_region_et, step=REGION_LSB_GEV, unit="GeV", about="sum of all regions"
    ),
    "lit_regions": Level1Score(
        of=lit_regions,
        step=1,
        unit="regions",
        about=f"regions of at least {LIT_REGION_GEV:g} GeV (mask sum of the region image)",
    ),
    "region_excess": Level1Score(
        of=region_excess,
        step=EXCESS_STEP,
        unit="sigma",
        about="sum of what regions have above mean + 2 sigma of natural crossings, in sigma",
    ),
    "object_ht": Level1Score(of=object_ht, step=LSB_GEV, unit="GeV", about="sum of all jets"),
    "missing_et": Level1Score(
        of=missing_et, step=LSB_GEV, unit="GeV", about="missing transverse energy"
    ),
    "leading_jet": Level1Score(of=leading_jet, step=LSB_GEV, unit="GeV", about="hardest jet"),
}
