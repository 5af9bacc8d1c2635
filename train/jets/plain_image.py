"""The image of one jet in plain loops: the oracle of the fast code."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from trigforge.train.jets.images import DIGITS, ETA_PIXEL, PHI_PIXEL, SIDE, Preprocessing


def plain_image(
    pt: Sequence[float],
    eta: Sequence[float],
    phi: Sequence[float],
    preprocessing: Preprocessing,
) -> npt.NDArray[np.float64]:
    """(40, 40) image of one jet, step after step as arXiv:2206.14225, section 2.3, has them."""
    total = sum(pt)
    eta_mean = sum(p * e for p, e in zip(pt, eta, strict=True)) / total
    phi_mean = sum(p * f for p, f in zip(pt, phi, strict=True)) / total
    points = [
        (p, round(e - eta_mean, DIGITS), round(f - phi_mean, DIGITS))
        for p, e, f in zip(pt, eta, phi, strict=True)
    ]
    if preprocessing.rotate:
        covariance = np.zeros((2, 2))
        for p, e, f in points:
            covariance += p * np.outer([e, f], [e, f])
        axis = np.linalg.eigh(covariance)[1][:, -1]  # of the largest eigenvalue
        if axis[0] < 0:  # its end of larger eta turns up
            axis = -axis
        # the part along the axis becomes phi, the part along its right-hand normal eta
        points = [
            (
                p,
                round(e * axis[1] - f * axis[0], DIGITS),
                round(e * axis[0] + f * axis[1], DIGITS),
            )
            for p, e, f in points
        ]
    if preprocessing.flip:
        quadrants = {(False, False): 0.0, (False, True): 0.0, (True, False): 0.0, (True, True): 0.0}
        for p, e, f in points:
            quadrants[(f >= 0, e >= 0)] += p
        up, right = max(quadrants, key=lambda key: quadrants[key])
        points = [(p, -e if right else e, -f if up else f) for p, e, f in points]
    image = np.zeros((SIDE, SIDE))
    for p, e, f in points:
        row, column = math.floor(f / PHI_PIXEL) + 20, math.floor(e / ETA_PIXEL) + 20
        if 0 <= row < SIDE and 0 <= column < SIDE:
            image[row, column] += p
    image[image > 0] **= preprocessing.power
    if image.sum() > 0:
        image /= image.sum()
    if preprocessing.sigma_pixels > 0:
        image = gaussian_filter(image, preprocessing.sigma_pixels)
    return image
