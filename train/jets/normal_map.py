"""Variables mapped one by one to the normal distribution that the background then has.

The CMS autoencoders see their eight variables this way (EPS-HEP 2023). The map of a variable is a
rising line through quantiles of the background: the quantile that a normal variable has at z goes
to z. It is upstream of the firmware, which receives numbers between -``limit`` and ``limit``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from trigforge.train.errors import InputError
from trigforge.train.jets.jets import Float32

KNOTS = 61
REACH = 3.0  # standard deviations covered by knots, beyond which lines go on


@dataclass(frozen=True)
class NormalMap:
    """Knots of V maps.

    Attributes:
        values: (V, K) quantiles of the background, not falling along K.
        targets: (K,) where they go, in standard deviations.
        limit: largest absolute value that comes out.
    """

    values: npt.NDArray[np.float64]
    targets: npt.NDArray[np.float64]
    limit: float = 4.0

    def __call__(self, variables: Float32) -> Float32:
        """(N, V) mapped variables."""
        columns = [
            _through(values, self.targets, column.astype(np.float64))
            for values, column in zip(self.values, variables.T, strict=True)
        ]
        mapped = np.stack(columns, axis=1).clip(-self.limit, self.limit)
        return mapped.astype(np.float32)


def fit_normal_map(background: Float32, limit: float = 4.0) -> NormalMap:
    """The maps of (N, V) background variables.

    Raises:
        InputError: too few jets, or a variable that is constant.
    """
    targets = np.linspace(-REACH, REACH, KNOTS)
    if len(background) < 1_000:
        raise InputError(
            f"a normal map of {len(background)} jets, expected at least 1000: the outermost knots "
            "are quantiles of one in 740"
        )
    values = np.quantile(background.astype(np.float64), ndtr(targets), axis=0).T
    for index, knots in enumerate(values):
        if knots[0] == knots[-1]:
            raise InputError(f"variable {index} of the background is always {knots[0]:g}")
    return NormalMap(values, targets, limit)


def _through(
    values: npt.NDArray[np.float64],
    targets: npt.NDArray[np.float64],
    column: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Piecewise linear through the knots, straight on beyond them."""
    # equal quantiles (soft-drop masses of zero, say) become one knot at their mean target
    knots, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    heights = np.bincount(place, weights=targets) / counts
    mapped = np.interp(column, knots, heights)
    for end, inner, beyond in ((0, 1, column < knots[0]), (-1, -2, column > knots[-1])):
        slope = (heights[end] - heights[inner]) / (knots[end] - knots[inner])
        mapped[beyond] = heights[end] + slope * (column[beyond] - knots[end])
    return mapped
