"""Maximum mean discrepancy of two samples, and whether it is more than chance.

Gretton et al., JMLR 13 (2012) 723: the unbiased estimate (equation 3) of the squared distance
between the means of two distributions in the space of a Gaussian kernel. Its width is the median
distance between points of both samples. What chance gives is found by exchanging the samples'
labels at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

Float = npt.NDArray[np.float64]
PERMUTATIONS = 300
LEVEL = 0.95


@dataclass(frozen=True)
class Discrepancy:
    """Squared MMD of two samples.

    Attributes:
        value: unbiased, so it can be below zero.
        level: what 95 % of random exchanges stay below.
        width: of the kernel, in the units of the points.
    """

    value: float
    level: float
    width: float


def discrepancy(
    first: Float, second: Float, rng: np.random.Generator, permutations: int = PERMUTATIONS
) -> Discrepancy:
    """Of points (N, D) and (M, D), N and M at least 2.

    Args:
        rng: decides the exchanges.
    """
    points = np.concatenate([first, second]).astype(np.float64)
    squared = cdist(points, points, "sqeuclidean")
    width = float(np.sqrt(np.median(squared[np.triu_indices(len(points), 1)])))
    # most points may be identical, jets in a collapsed latent space for one
    kernel = np.exp(-squared / (2 * width**2)) if width > 0 else (squared == 0).astype(np.float64)
    np.fill_diagonal(kernel, 0.0)
    belongs = np.arange(len(points)) < len(first)
    value = _unbiased(kernel, belongs)
    exchanged = [_unbiased(kernel, rng.permutation(belongs)) for _ in range(permutations)]
    return Discrepancy(value, float(np.quantile(exchanged, LEVEL)), width)


def _unbiased(kernel: Float, belongs: npt.NDArray[np.bool_]) -> float:
    """From a kernel (N + M, N + M) with zeros on the diagonal and who is in the first sample."""
    inside = belongs.astype(np.float64)
    n, m = inside.sum(), (1 - inside).sum()
    across = kernel @ inside
    within_first = inside @ across
    between = (1 - inside) @ across
    within_second = kernel.sum() - within_first - 2 * between
    return float(
        within_first / (n * (n - 1)) + within_second / (m * (m - 1)) - 2 * between / (n * m)
    )
