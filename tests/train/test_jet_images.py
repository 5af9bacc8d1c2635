"""Jet images: hand-made jets, the plain loops as oracle, conserved pT."""

from __future__ import annotations

import numpy as np
import pytest
from jet_samples import jets_of, random_jets

from trigforge.train.jets.images import (
    ETA_PIXEL,
    PHI_PIXEL,
    SIDE,
    Preprocessing,
    align,
    filter_matrix,
    jet_images,
    pixelate,
)
from trigforge.train.jets.jets import Constituents
from trigforge.train.jets.plain_image import plain_image

CENTRE = SIDE // 2
SHARP = Preprocessing(sigma_pixels=0.0)


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(),
        SHARP,
        Preprocessing(rotate=False),
        Preprocessing(flip=False, sigma_pixels=2.0),
        Preprocessing(power=0.2),
        Preprocessing(power=0.01, sigma_pixels=0.5),
    ],
)
def test_images_equal_the_plain_loops(preprocessing: Preprocessing) -> None:
    constituents = random_jets(60).constituents
    assert constituents is not None
    images = jet_images(constituents, preprocessing)
    assert images.shape == (60, 1, SIDE, SIDE)
    first = 0
    for image, count in zip(images[:, 0], constituents.counts, strict=True):
        block = slice(first, first + int(count))
        lists = [
            [float(v) for v in values[block]]
            for values in (constituents.pt, constituents.eta, constituents.phi)
        ]
        expected = plain_image(lists[0], lists[1], lists[2], preprocessing)
        np.testing.assert_allclose(image, expected, atol=2e-7)
        first += int(count)


def test_a_second_prong_lands_straight_above_the_first() -> None:
    """Two prongs of 3 : 1, turned anyhow: the harder one below the centre, the softer one above."""
    for angle in np.linspace(-np.pi, np.pi, 17):
        eta, phi = 0.4 * np.cos(angle), 0.4 * np.sin(angle)
        jet = jets_of([(300.0, 0.05, -0.1), (100.0, 0.05 + eta, -0.1 + phi)])
        moved = align(jet, SHARP)
        np.testing.assert_allclose(moved.eta, 0.0, atol=1e-12)
        np.testing.assert_allclose(moved.phi, [-0.1, 0.3], atol=1e-12)


def test_the_hardest_quadrant_comes_to_the_lower_left() -> None:
    """A fixed off-axis satellite, mirrored four ways, gives one and the same image."""
    base = [(50.0, 0.0, 0.31), (60.0, 0.0, -0.30), (25.0, -0.11, -0.21), (3.0, 0.2, 0.1)]
    jets = [
        [(pt, sign_eta * eta, sign_phi * phi) for pt, eta, phi in base]
        for sign_eta in (1, -1)
        for sign_phi in (1, -1)
    ]
    images = jet_images(jets_of(*jets), SHARP)[:, 0]
    for image in images[1:]:
        np.testing.assert_array_equal(image, images[0])
    quadrants = images[0].reshape(2, CENTRE, 2, CENTRE).sum(axis=(1, 3))
    assert quadrants.argmax() == 0


def test_without_rotation_a_pixel_is_where_eta_and_phi_say() -> None:
    jet = jets_of(
        [(1.0, 3.5 * ETA_PIXEL, -7.5 * PHI_PIXEL), (1.0, -3.5 * ETA_PIXEL, 7.5 * PHI_PIXEL)]
    )
    image = jet_images(jet, Preprocessing(rotate=False, flip=False, sigma_pixels=0.0))[0, 0]
    expected = np.zeros((SIDE, SIDE))
    expected[CENTRE - 8, CENTRE + 3] = expected[CENTRE + 7, CENTRE - 4] = 0.5
    np.testing.assert_array_equal(image, expected)


def test_total_pt_is_conserved_inside_and_lost_outside() -> None:
    constituents = random_jets(200, seed=3).constituents
    assert constituents is not None
    moved = align(constituents, SHARP)
    inside = (np.abs(moved.eta) < CENTRE * ETA_PIXEL) & (np.abs(moved.phi) < CENTRE * PHI_PIXEL)
    assert 0.5 < inside.mean() < 1.0, "the sample reaches beyond the image"
    expected = np.bincount(moved.jet[inside], weights=moved.pt[inside], minlength=200)
    np.testing.assert_allclose(pixelate(moved).sum(axis=(1, 2)), expected, rtol=1e-12)
    np.testing.assert_allclose(jet_images(constituents).sum(axis=(1, 2, 3)), 1.0, rtol=1e-5)


def test_the_image_does_not_depend_on_where_the_jet_points() -> None:
    constituents = random_jets(50, seed=5).constituents
    assert constituents is not None
    shifted = Constituents(
        constituents.counts, constituents.pt, constituents.eta + 0.125, constituents.phi - 0.25
    )
    smooth = Preprocessing(sigma_pixels=1.0)
    difference = np.abs(jet_images(constituents, smooth) - jet_images(shifted, smooth))
    # a constituent on a pixel's edge may fall on the other side
    assert (difference.max(axis=(1, 2, 3)) < 1e-6).mean() > 0.9


def test_reweighting_compares_pixels_by_powers() -> None:
    jet = jets_of([(16.0, 0.0, 0.2), (1.0, 0.0, -0.5), (1.0, 0.0, 0.41)])
    image = jet_images(jet, Preprocessing(power=0.5, sigma_pixels=0.0))[0, 0]
    values = np.sort(image[image > 0])
    np.testing.assert_allclose(values, [1 / 6, 1 / 6, 4 / 6], rtol=1e-6)


def test_the_filter_keeps_sums_and_has_its_width() -> None:
    matrix = filter_matrix(1.5).astype(np.float64)
    np.testing.assert_allclose(matrix.sum(axis=0), 1.0, atol=1e-6)
    offset = np.arange(SIDE) - CENTRE
    assert (matrix[:, CENTRE] * offset**2).sum() == pytest.approx(1.5**2, rel=5e-3)


def test_subsets_hold_their_own_constituents() -> None:
    jets = random_jets(30, seed=7)
    assert jets.constituents is not None
    images = jet_images(jets.constituents)
    chosen = np.array([4, 17, 2])
    taken = jets.take(chosen).constituents
    assert taken is not None
    np.testing.assert_array_equal(jet_images(taken), images[chosen])


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [("power", 0.0, "power is 0"), ("power", 1.5, "at most 1"), ("sigma_pixels", -1.0, "pixels")],
)
def test_nonsense_settings_are_refused(keyword: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Preprocessing(**{keyword: value})
