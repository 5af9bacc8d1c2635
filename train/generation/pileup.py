"""Crossings: Poisson numbers of minimum-bias collisions laid over events, or on their own.

Every collision drawn from the pool is turned by a whole number of fine cells in phi and mirrored in
eta or not, both at random, so that a small pool gives many different crossings.

Zero-bias crossings come in two kinds. *Natural* ones are composed as in the accelerator.
*Stratified* ones are drawn so that the stratum of the hardest collision (the highest one that
occurs) appears as often as wanted, with weights that undo it: the hardest stratum of a crossing is
k with the probability (1 - exp(-mean_k)) prod_{j > k} exp(-mean_j), for the softest
stratum prod_{j > 0} exp(-mean_j).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trigforge.train.generation.calorimeter import FINE_ETA, Hits, Towers, respond
from trigforge.train.generation.detector import PHI_CELLS
from trigforge.train.generation.level1 import Level1, level1_inputs
from trigforge.train.generation.minimum_bias import Pool
from trigforge.train.generation.particles import Int

FINE_LAST = FINE_ETA - 1


@dataclass(frozen=True)
class Crossing:
    """The calorimeters and the level-1 inputs of N events with their pileup."""

    level1: Level1
    towers: Towers


class Overlay:
    """Pileup and detector response, with random streams of their own.

    Args:
        pool: of minimum-bias collisions.
        seeds: three streams are derived: draws from the pool, calorimeters, muons.
    """

    def __init__(self, pool: Pool, seeds: np.random.SeedSequence) -> None:
        self.pool = pool
        self._draws, self._cells, self._muons = map(np.random.default_rng, seeds.spawn(3))

    def observe(self, hits: Hits) -> Crossing:
        """Events with natural pileup added."""
        counts = self._draws.poisson(self.pool.mean, (hits.n_events, len(self.pool.mean)))
        pileup = self._collisions(counts)
        return self._respond(Hits.concatenate([hits, pileup], same_events=True))

    def natural(self, count: int) -> tuple[Level1, npt.NDArray[np.int8]]:
        """``count`` zero-bias crossings and the stratum of the hardest collision of each."""
        counts = self._draws.poisson(self.pool.mean, (count, len(self.pool.mean)))
        occurs = counts > 0
        hardest = np.where(
            occurs.any(axis=1), counts.shape[1] - 1 - np.argmax(occurs[:, ::-1], axis=1), 0
        )
        return self._respond(self._collisions(counts)).level1, hardest.astype(np.int8)

    def stratified(self, stratum: int, first: int, count: int) -> Level1:
        """Zero-bias crossings ``first``, ... of the many whose hardest stratum is given.

        Their first collision of that stratum is taken from the pool in turn, so that as many
        different ones as possible occur.
        """
        from scipy import stats  # seconds that workers without zero bias need not spend

        mean = self.pool.mean.copy()
        mean[stratum + 1 :] = 0.0
        counts = self._draws.poisson(mean, (count, len(mean)))
        if stratum == 0:
            return self._respond(self._collisions(counts)).level1
        uniform = self._draws.uniform(np.exp(-mean[stratum]), 1.0, count)
        at_least_one = stats.poisson.ppf(uniform, mean[stratum]).astype(np.int64)
        counts[:, stratum] = np.maximum(at_least_one, 1) - 1
        begin, end = self.pool.first[stratum : stratum + 2]
        in_turn = begin + (first + np.arange(count)) % (end - begin)
        together = [
            self._placed(np.arange(count), in_turn, count),
            self._collisions(counts),
        ]
        return self._respond(Hits.concatenate(together, same_events=True)).level1

    def _collisions(self, counts: Int) -> Hits:
        """Hits of random collisions, (N, strata) of them."""
        event, stratum = (
            np.repeat(part.ravel(), counts.ravel()) for part in np.indices(counts.shape)
        )
        begin, end = self.pool.first[stratum], self.pool.first[stratum + 1]
        return self._placed(event, self._draws.integers(begin, end), len(counts))

    def _placed(self, event: Int, collision: Int, n_events: int) -> Hits:
        """Hits of chosen collisions in their events, each turned and mirrored at random."""
        turn = self._draws.integers(0, PHI_CELLS, len(collision))
        mirror = self._draws.integers(0, 2, len(collision)).astype(np.bool_)
        pool = self.pool
        lengths = pool.start[collision + 1] - pool.start[collision]
        offset = np.cumsum(lengths) - lengths
        hit = np.arange(lengths.sum()) - np.repeat(offset - pool.start[collision], lengths)
        column = pool.hits.column[hit]
        row = pool.hits.row[hit] + np.repeat(turn, lengths)
        return Hits(
            n_events,
            np.repeat(event, lengths),
            (row % PHI_CELLS).astype(np.int16),
            np.where(np.repeat(mirror, lengths), FINE_LAST - column, column).astype(np.int16),
            pool.hits.ecal_gev[hit],
            pool.hits.hcal_gev[hit],
            pool.hits.muon_pt_gev[hit],
        )

    def _respond(self, hits: Hits) -> Crossing:
        towers = respond(hits, self._cells)
        return Crossing(level1_inputs(towers, hits, self._muons), towers)


def stratum_probabilities(mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(S,) probability that a stratum is the hardest of a crossing; they sum to 1."""
    above = np.concatenate([np.cumsum(mean[::-1])[::-1][1:], [0.0]])
    occurs = -np.expm1(-mean)
    occurs[0] = 1.0
    return np.asarray(occurs * np.exp(-above))
