"""Inputs for networks without events: random integers of the input's grid, and extremes."""

from __future__ import annotations

import numpy as np

from trigforge.hls.graph import Edge, Graph, Ints
from trigforge.hls.ops import Dense

# Outputs of the first dense layer that are driven to both ends.
DRIVEN = 24


def random_inputs(rng: np.random.Generator, count: int, edge: Edge) -> Ints:
    """(count, ...) integers: half uniform, a quarter small, a quarter sparse.

    Real data rarely fill their range: sums of small or sparse inputs meet the quantisers between
    their ends, uniform ones mostly beyond.
    """
    shape = (count, *edge.shape)
    x = rng.integers(edge.lo, edge.hi + 1, shape)
    kind = np.arange(count) % 4
    rest = (count, *([1] * len(edge.shape)))
    spread = np.exp2(rng.uniform(0, np.log2(max(edge.magnitude, 1) + 1), rest))
    small = np.rint(rng.normal(0, 1, shape) * spread).astype(np.int64)
    x = np.where((kind == 2).reshape(rest), small, x)
    sparse = rng.random(shape) < rng.uniform(0, 0.2, rest)
    x = np.where((kind == 3).reshape(rest) & ~sparse, 0, x)
    return np.clip(x, edge.lo, edge.hi)


def extreme_inputs(graph: Graph) -> Ints:
    """(N, ...) integers: both ends, zero, alternating ends, single entries, worst cases.

    The worst cases drive outputs of the first dense layer to the ends of their proven range, which
    saturates what comes behind it.
    """
    (edge,) = graph.inputs.values()
    lo, hi = (np.broadcast_to(end, edge.shape) for end in (edge.lo, edge.hi))
    zero = np.clip(0, lo, hi)
    parity = np.indices(edge.shape).sum(0) % 2 == 0
    patterns = [lo, hi, zero, np.where(parity, lo, hi), np.where(parity, hi, lo)]
    size = lo.size
    for position in sorted({0, size // 3, size // 2, size - 1}):
        for end in (lo, hi):
            single = zero.copy().ravel()
            single[position] = end.ravel()[position]
            patterns.append(single.reshape(edge.shape))
    first = next((node for node in graph.nodes if isinstance(node, Dense)), None)
    if first is not None and len(first.weight) == size:
        for column in first.weight.T[:DRIVEN]:
            rising = (column > 0).reshape(edge.shape)
            patterns += [np.where(rising, hi, lo), np.where(rising, lo, hi)]
    return np.stack(patterns).astype(np.int64)
