from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trigforge.train.codae import CoDAE, build_codae
from trigforge.train.config import NetworkConfig
from trigforge.train.errors import ToolError
from trigforge.train.events import EventDataset, Events
from trigforge.train.release import git_commit, release, score_aucs
from trigforge.train.scores import evaluate_scores
from trigforge.train.train_codae import weights_config
from trigforge.train.weights import load_released

TINY = NetworkConfig(
    architecture="codae",
    export="encoder",
    height=24,
    width=18,
    filters=(4, 4, 4, 4),
    residual_filters=(4, 4, 4, 4),
    bottleneck=2,
)


def events(count: int, density: float, seed: int) -> Events:
    masks = (np.random.default_rng(seed).random((count, 24, 18)) < density).astype(np.uint8)
    zeros = np.zeros(count, np.float32)
    return Events(masks, zeros.astype(np.int32), zeros, zeros + 1)


DATASET = EventDataset(
    train=events(20, 0.05, 1),
    validation=events(10, 0.05, 2),
    test=events(200, 0.05, 3),
    signals={"busy": events(50, 0.08, 4), "alike": events(50, 0.05, 5)},
    info={},
    source="generated",
    sha256="12" * 32,
    preselection="none",
)


def test_a_release_says_where_it_comes_from(tmp_path: Path) -> None:
    state = build_codae(TINY, seed=1).state_dict()
    release(
        tmp_path,
        "tiny_v1",
        state=state,
        history=[{"epoch": 0, "ssim": 0.1}],
        metrics={"ssim": 0.1},
        config=weights_config(TINY),
        training={"epochs": 1, "seed": 1},
        dataset=DATASET,
        command="make train MODEL=tiny",
        extra={"note": "untrained"},
    )
    released = load_released(tmp_path, "tiny_v1", CoDAE(TINY).state_dict(), weights_config(TINY))
    manifest = released.manifest
    assert manifest["dataset"]["sha256"] == "12" * 32
    assert manifest["dataset"]["masks_sha256"] == DATASET.masks_sha256
    assert manifest["dataset"]["train_events"] == 20
    assert manifest["training"] == {"epochs": 1, "seed": 1}
    assert manifest["command"] == "make train MODEL=tiny"
    assert manifest["note"] == "untrained"
    assert len(manifest["commit"]) == 40
    assert manifest["versions"]["torch"]


def test_outside_a_checkout_there_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="release weights from a checkout"):
        git_commit(tmp_path)


def test_aucs_follow_the_sign_and_the_latent() -> None:
    model = build_codae(TINY, seed=1)
    plus, minus = (score_aucs(model, DATASET, sign, 1) for sign in (1, -1))
    assert plus["latent"]["busy"]["auc"] == pytest.approx(1 - minus["latent"]["busy"]["auc"])
    assert set(plus) == {"latent", "bce", "sse", "sae", "dice", "predicted_sum", "mask_sum"}
    assert set(plus["bce"]) == {"busy", "alike"}
    background = evaluate_scores(model, DATASET.test.masks)["latent_1"]
    signal = evaluate_scores(model, DATASET.signals["busy"].masks)["latent_1"]
    by_hand = np.mean(signal[:, None] > background[None, :])
    assert plus["latent"]["busy"]["auc"] == pytest.approx(by_hand)


def test_the_mask_sum_says_nothing_at_equal_mask_sum() -> None:
    """Its plain AUC is large; among equals it is near a half, up to the width of the window."""
    dataset = replace(DATASET, test=events(2000, 0.06, 6))
    found = score_aucs(build_codae(TINY, seed=1), dataset, 1, 0)["mask_sum"]["busy"]
    assert found["auc"] > 0.8
    assert 0.4 < found["auc_at_equal_mask_sum"] < 0.65
