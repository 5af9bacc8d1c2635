"""The jets of a recipe: loaded, preprocessed, cut to its limits."""

from __future__ import annotations

from pathlib import Path

from trigforge.hls.jet_recipe import ImageData, JetRecipe
from trigforge.train.jets.dataset import JetDataset, JetLimits, image_dataset, variable_dataset
from trigforge.train.jets.images import Preprocessing
from trigforge.train.jets.sample import load_jets, load_shipped_jets


def load_jet_dataset(recipe: JetRecipe, path: Path | None) -> JetDataset:
    """What a recipe is trained and judged on.

    Args:
        path: of a jet sample; the shipped one that the recipe names when None.

    Raises:
        InputError: a missing or damaged file, or one that lacks a part or what the network needs of
            it.
    """
    data = recipe.data
    sample = load_shipped_jets(data.sample) if path is None else load_jets(path)
    limits = JetLimits(
        train=data.limit_train,
        validation=data.limit_validation,
        test=data.limit_test,
        signal=data.limit_signal,
    )
    if not isinstance(data, ImageData):
        return variable_dataset(sample, data.background, data.signals, limits)
    preprocessing = Preprocessing(power=data.power, sigma_pixels=data.sigma_pixels)
    return image_dataset(sample, data.background, data.signals, preprocessing, limits)
