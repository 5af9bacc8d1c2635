"""Average images of classes of jets, drawn side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LogNorm

from trigforge.train.jets.images import ETA_PIXEL, PHI_PIXEL, SIDE, Preprocessing, jet_images
from trigforge.train.jets.jets import Constituents
from trigforge.train.physics import style

DECADES = 4  # of the colour scale below the brightest pixel
PANEL_INCHES = (2.7, 3.2)


def average_image(
    constituents: Constituents, preprocessing: Preprocessing
) -> npt.NDArray[np.float64]:
    """(40, 40) mean of the preprocessed images."""
    images = jet_images(constituents, preprocessing)
    return np.asarray(images[:, 0].mean(axis=0, dtype=np.float64))


def draw_average_images(
    classes: Mapping[str, Constituents], preprocessing: Preprocessing, folder: Path, name: str
) -> None:
    """Write ``<name>.png`` and ``<name>.svg`` with one panel per class, all on one colour scale.

    Raises:
        ValueError: no classes.
        StorageError: a file cannot be written.
    """
    if not classes:
        raise ValueError("average images of no classes")
    averages = {label: average_image(jets, preprocessing) for label, jets in classes.items()}
    highest = max(float(average.max()) for average in averages.values())
    scale = LogNorm(highest * 10.0**-DECADES, highest, clip=True)
    half_eta, half_phi = SIDE / 2 * ETA_PIXEL, SIDE / 2 * PHI_PIXEL
    width, height = PANEL_INCHES
    with style.figure(width * len(averages) + 0.8, height) as drawing:
        panels = drawing.subplots(1, len(averages), squeeze=False)[0]
        for panel, (label, average) in zip(panels, averages.items(), strict=True):
            picture = panel.imshow(
                average,
                norm=scale,
                origin="lower",  # small phi below, so that 12 o'clock is up
                extent=(-half_eta, half_eta, -half_phi, half_phi),
                aspect="equal",
            )
            panel.set_title(f"{label} ({len(classes[label]):,} jets)")
            panel.set_xlabel("η after rotation")
        panels[0].set_ylabel("φ after rotation")
        drawing.colorbar(picture, ax=list(panels), label="mean share of pT per pixel")
        style.save(drawing, folder, name)
