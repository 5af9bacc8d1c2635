"""The quantised weights that come with the package, at full width."""

from pathlib import Path

import numpy as np
import pytest

from trigforge.hls.recipe import Recipe, load_recipe
from trigforge.quantize.equality import FLOAT32_STEPS, run_brevitas, run_qonnx, sum_bounds
from trigforge.quantize.export import export_qonnx
from trigforge.quantize.qat import (
    background_fidelity,
    load_released_encoder,
    twin_from_state,
)
from trigforge.train.codae import MaskEncoder
from trigforge.train.events import load_shipped
from trigforge.train.train_codae import codae_from_state, load_released_codae

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("codae_mask_encoder", ROOT / "firmware_projects")


@pytest.fixture(scope="module")
def twin(recipe: Recipe) -> MaskEncoder:
    assert recipe.quantize.released is not None
    released = load_released_encoder(recipe.network, recipe.quantize, recipe.quantize.released)
    return twin_from_state(recipe.network, recipe.quantize, released.state)


def test_released_convolutions_stay_exact_in_float32(twin: MaskEncoder) -> None:
    *convolutions, dense = sum_bounds(twin)
    assert max(convolutions) < FLOAT32_STEPS
    assert dense < 2**53


@pytest.mark.slow
def test_the_released_twin_equals_its_export(
    tmp_path: Path, recipe: Recipe, twin: MaskEncoder
) -> None:
    height, width = recipe.network.height, recipe.network.width
    rng = np.random.default_rng(3)
    random = (rng.random((60, height, width)) < rng.random((60, 1, 1))).astype(np.uint8)
    flat = np.stack([np.zeros((height, width), np.uint8), np.ones((height, width), np.uint8)])
    images = np.concatenate([load_shipped().test.masks[:100], random, flat])
    path = tmp_path / "model.onnx"
    export_qonnx(twin, path, height, width)
    assert np.count_nonzero(run_brevitas(twin, images) != run_qonnx(path, images)) == 0


@pytest.mark.slow
def test_the_released_twin_follows_the_released_float_encoder(
    recipe: Recipe, twin: MaskEncoder
) -> None:
    assert recipe.train.released is not None and recipe.quantize.released is not None
    state = load_released_codae(recipe.network, recipe.train.released).state
    encoder = codae_from_state(recipe.network, state).mask_encoder
    images = load_shipped().validation.masks[:500]
    found = background_fidelity(twin, encoder, images)
    released = load_released_encoder(recipe.network, recipe.quantize, recipe.quantize.released)
    for key, value in found.items():
        assert value == pytest.approx(released.metrics[key], abs=0.01)
        assert value > 0.95
