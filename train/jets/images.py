"""Jet images of 40 x 40 pixels, vectorised over jets.

The steps and their order are those of arXiv:2206.14225, section 2.3: centre on the pT-weighted
centroid, rotate the principal axis to 12 o'clock, flip the hardest quadrant to the lower left, sum
pT in pixels of 0.029 x 0.035 in (eta, phi), raise pixels to the power n (its equation 14),
normalise the sum to one, smear with a Gaussian. :mod:`trigforge.train.jets.plain_image` does the
same for one jet in plain loops.

Axes: rows are phi and grow with it, columns are eta. "Up", 12 o'clock, is growing phi; the
lower left quadrant has small rows and small columns, and a picture is drawn with row 0 below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from trigforge.train.jets.jets import Constituents, Float32

SIDE = 40
ETA_PIXEL, PHI_PIXEL = 0.029, 0.035
DIGITS = 9  # of coordinates: what lies on the axis, which is a pixel edge, stays on one side of it
BLOCK_JETS = 250  # images in float64 at once: what fits a processor's cache

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What turns constituents into an image.

    Attributes:
        rotate: principal axis to 12 o'clock.
        flip: hardest quadrant to the lower left.
        power: n of pT -> pT^n per pixel, above 0 and at most 1; 1 leaves the pixels alone.
        sigma_pixels: width of the Gaussian filter in pixels; 0 for none.
    """

    rotate: bool = True
    flip: bool = True
    power: float = 1.0
    sigma_pixels: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.power <= 1.0:
            raise ValueError(f"power is {self.power:g}, expected above 0 and at most 1")
        if not 0.0 <= self.sigma_pixels <= SIDE / 4:
            raise ValueError(
                f"sigma_pixels is {self.sigma_pixels:g}, expected 0 to {SIDE // 4} pixels"
            )


def jet_images(constituents: Constituents, preprocessing: Preprocessing | None = None) -> Float32:
    """(N, 1, 40, 40) images; each sums to one, or to zero where no constituent lies inside."""
    preprocessing = preprocessing or Preprocessing()
    images = np.empty((len(constituents), 1, SIDE, SIDE), dtype=np.float32)
    for first in range(0, len(constituents), BLOCK_JETS):
        block = slice(first, min(first + BLOCK_JETS, len(constituents)))
        pixels = pixelate(align(constituents.take(block), preprocessing))
        images[block, 0] = finish(pixels, preprocessing)
    return images


def align(constituents: Constituents, preprocessing: Preprocessing) -> Constituents:
    """The same constituents centred, rotated and flipped; coordinates in float64."""
    moved = centred(constituents)
    if preprocessing.rotate:
        moved = rotated(moved)
    return flipped(moved) if preprocessing.flip else moved


def centred(constituents: Constituents) -> Constituents:
    """Coordinates relative to the pT-weighted centroid of each jet."""
    pt = constituents.pt.astype(np.float64)
    total = _sums(constituents, pt)
    eta, phi = constituents.eta.astype(np.float64), constituents.phi.astype(np.float64)
    # phi is relative to the jet axis already, so it does not wrap inside a jet
    eta = eta - np.repeat(_sums(constituents, pt * eta) / total, constituents.counts)
    phi = phi - np.repeat(_sums(constituents, pt * phi) / total, constituents.counts)
    return replace(constituents, eta=eta.round(DIGITS), phi=phi.round(DIGITS))


def rotated(constituents: Constituents) -> Constituents:
    """Principal axis (of the pT-weighted covariance of a centred jet) on the phi axis.

    Its end of larger eta turns up; flips decide later which end is harder.
    """
    pt, eta, phi = constituents.pt, constituents.eta, constituents.phi
    eta_eta = _sums(constituents, pt * eta * eta)
    phi_phi = _sums(constituents, pt * phi * phi)
    mixed = _sums(constituents, pt * eta * phi)
    axis = 0.5 * np.arctan2(2.0 * mixed, eta_eta - phi_phi)  # from the eta axis
    turn = 0.5 * np.pi - axis
    cosine = np.repeat(np.cos(turn), constituents.counts)
    sine = np.repeat(np.sin(turn), constituents.counts)
    across, along = cosine * eta - sine * phi, sine * eta + cosine * phi
    return replace(constituents, eta=across.round(DIGITS), phi=along.round(DIGITS))


def flipped(constituents: Constituents) -> Constituents:
    """Mirrored in eta, phi or both, so that the quadrant with most pT has both negative."""
    quadrant = 2 * (constituents.phi >= 0) + (constituents.eta >= 0)
    flat = 4 * constituents.jet + quadrant
    sums = np.bincount(flat, weights=constituents.pt, minlength=4 * len(constituents))
    hardest = sums.reshape(-1, 4).argmax(axis=1)
    eta_sign = np.where(hardest % 2 == 1, -1.0, 1.0)
    phi_sign = np.where(hardest >= 2, -1.0, 1.0)
    return replace(
        constituents,
        eta=constituents.eta * np.repeat(eta_sign, constituents.counts),
        phi=constituents.phi * np.repeat(phi_sign, constituents.counts),
    )


def pixelate(constituents: Constituents) -> Float:
    """(N, 40, 40) sums of pT in GeV; what lies outside the image is lost."""
    column = np.floor(constituents.eta / ETA_PIXEL).astype(np.int64) + SIDE // 2
    row = np.floor(constituents.phi / PHI_PIXEL).astype(np.int64) + SIDE // 2
    inside = (row >= 0) & (row < SIDE) & (column >= 0) & (column < SIDE)
    flat = (constituents.jet * SIDE + row) * SIDE + column
    pt, size = constituents.pt.astype(np.float64), len(constituents) * SIDE * SIDE
    pixels = np.bincount(flat[inside], weights=pt[inside], minlength=size)
    return np.asarray(pixels.reshape(-1, SIDE, SIDE), dtype=np.float64)


def finish(pixels: Float, preprocessing: Preprocessing) -> Float32:
    """Reweighting, normalisation and filter of (N, 40, 40) pixels."""
    if preprocessing.power != 1.0:
        lit = np.flatnonzero(pixels)
        reweighted = np.zeros_like(pixels)
        reweighted.ravel()[lit] = pixels.ravel()[lit] ** preprocessing.power
        pixels = reweighted
    total = pixels.sum(axis=(1, 2))
    images: Float32 = (pixels / np.where(total > 0, total, 1.0)[:, None, None]).astype(np.float32)
    if preprocessing.sigma_pixels == 0:
        return images
    kernel = filter_matrix(preprocessing.sigma_pixels)
    # one product over all rows is faster than one per image
    smeared = (images.reshape(-1, SIDE) @ kernel.T).reshape(images.shape)
    return np.asarray(kernel @ smeared)


def filter_matrix(sigma_pixels: float) -> Float32:
    """(40, 40) matrix of the Gaussian filter along one axis: four sigma wide, edges reflected.

    It keeps the sum of what it acts on.
    """
    identity = np.eye(SIDE)
    matrix: Float32 = gaussian_filter1d(identity, sigma_pixels, axis=0).astype(np.float32)
    return matrix


def _sums(constituents: Constituents, values: npt.NDArray[np.floating]) -> Float:
    """(N,) sums over the constituents of each jet."""
    weights = values.astype(np.float64)
    sums = np.bincount(constituents.jet, weights=weights, minlength=len(constituents))
    return np.asarray(sums, dtype=np.float64)
