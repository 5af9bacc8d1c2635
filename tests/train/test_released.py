"""The weights that come with the package are what their manifest says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from trigforge.hls.recipe import load_recipe
from trigforge.train.codae import CoDAE
from trigforge.train.events import load_shipped
from trigforge.train.scores import choose_score, evaluate_latents, evaluate_scores
from trigforge.train.train_codae import (
    codae_from_state,
    load_released_codae,
    reconstruction_quality,
    weights_config,
)
from trigforge.train.weights import RELEASED, load_released

ROOT = Path(__file__).resolve().parents[2]
NAME = "codae_v2"


def test_released_weights_are_for_the_shipped_sample_and_the_recipe() -> None:
    recipe = load_recipe("codae_mask_encoder", ROOT / "firmware_projects")
    network = recipe.network
    manifest = load_released(
        RELEASED, NAME, CoDAE(network).state_dict(), weights_config(network)
    ).manifest
    assert manifest["dataset"]["masks_sha256"] == load_shipped().masks_sha256
    assert recipe.train.released == NAME
    for key, value in manifest["training"].items():
        assert json.loads(json.dumps(getattr(recipe.train, key))) == value, key
    assert manifest["metrics"]["score_latent"] == network.score_latent
    assert manifest["metrics"]["score_sign"] == network.score_sign


@pytest.mark.slow
@pytest.mark.parametrize("name", ["codae_v2", "codae_instance_v1"])
def test_the_metrics_of_the_manifest_come_out_again(name: str) -> None:
    """On a quarter of the validation events, so within their scatter."""
    network = load_recipe("codae_mask_encoder", ROOT / "firmware_projects").network
    if name == "codae_instance_v1":
        network = replace(network, normalization="instance", negative_slope=0.2)
    released = load_released_codae(network, name)
    model = codae_from_state(network, released.state)
    masks = load_shipped().validation.masks[:500]
    quality = reconstruction_quality(model, masks)
    for key, tolerance in (("ssim", 0.02), ("bce", 0.1), ("sse", 0.1)):
        assert quality[key] == pytest.approx(released.metrics[key], rel=tolerance)
    latents = evaluate_latents(model.mask_encoder, masks)
    choice = choose_score(latents, evaluate_scores(model, masks)["bce"])
    assert choice.latent == released.metrics["score_latent"]
    assert choice.sign == released.metrics["score_sign"]
