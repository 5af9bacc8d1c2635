"""How far samples of a model are from jets: the energy mover's distance.

Here it is the optimal transport cost between two sets of equally weighted inputs with the Euclidean
distance between inputs, as in the CMS note (EPS-HEP 2023): not the distance within one jet.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor


def movers_distance(first: Tensor, second: Tensor) -> float:
    """Optimal transport cost between inputs (N, ...) and (M, ...), in units of the inputs."""
    import ot

    a, b = (points.detach().cpu().double().flatten(1).numpy() for points in (first, second))
    weights = [np.full(len(points), 1 / len(points)) for points in (a, b)]
    return float(ot.emd2(*weights, ot.dist(a, b, metric="euclidean"), numItermax=10_000_000))


def has_risen(distances: Sequence[float], tolerance: float, patience: int) -> bool:
    """Whether the last ``patience`` distances all exceed the smallest by a fraction ``tolerance``.

    The epoch to keep is then that of the smallest: the last one before the rise.
    """
    if len(distances) <= patience:
        return False
    limit = (1 + tolerance) * min(distances)
    return all(distance > limit for distance in distances[-patience:])
