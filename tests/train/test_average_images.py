"""Average images: the mean of the images, and files that are pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from jet_samples import random_jets

from trigforge.train.jets.average_images import average_image, draw_average_images
from trigforge.train.jets.images import Preprocessing, jet_images


def test_the_average_is_the_mean_of_the_images() -> None:
    constituents = random_jets(37).constituents
    assert constituents is not None
    preprocessing = Preprocessing(sigma_pixels=0.0)
    expected = sum(image[0] for image in jet_images(constituents, preprocessing)) / 37
    np.testing.assert_allclose(average_image(constituents, preprocessing), expected, atol=1e-7)


def test_panels_are_drawn_to_both_kinds_of_file(tmp_path: Path) -> None:
    first, second = random_jets(20).constituents, random_jets(30, seed=2).constituents
    assert first is not None and second is not None
    classes = {"one": first, "two": second}
    draw_average_images(classes, Preprocessing(), tmp_path, "averages")
    assert (tmp_path / "averages.png").read_bytes()[:4] == b"\x89PNG"
    svg = (tmp_path / "averages.svg").read_text(encoding="utf-8")
    assert "</svg>" in svg
    with pytest.raises(ValueError, match="no classes"):
        draw_average_images({}, Preprocessing(), tmp_path, "none")
