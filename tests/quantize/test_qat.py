from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import CONFIG, DATASET, NETWORK, float_encoder

from trigforge.quantize.qat import (
    Distillation,
    background_fidelity,
    distillation_metrics,
    latent_spread,
    load_released_encoder,
    quantize_mask_encoder,
    quantized_config,
    twin_from_state,
)
from trigforge.train.errors import InputError

COARSE = replace(
    CONFIG, weight_bits=(4,) * 5, activation_bits=(6,) * 4, learning_rate=3e-3, batch_size=8
)


def test_training_mends_coarse_quantisation(tmp_path: Path) -> None:
    encoder = float_encoder()
    quantized = quantize_mask_encoder(NETWORK, COARSE, encoder, DATASET, tmp_path, progress=False)
    metrics = quantized.metrics
    unexplained = 1 - metrics["explained_variance"]
    assert unexplained < 0.85 * (1 - metrics["calibrated_explained_variance"])
    twin = twin_from_state(NETWORK, COARSE, quantized.state)
    again = background_fidelity(twin, encoder, DATASET.validation.masks)
    assert again == {key: metrics[key] for key in again}
    repeated = quantize_mask_encoder(NETWORK, COARSE, encoder, DATASET, tmp_path, progress=False)
    assert repeated.history == quantized.history


def test_a_training_that_harms_leaves_the_calibrated_twin(tmp_path: Path) -> None:
    encoder = float_encoder()
    wild = replace(CONFIG, epochs=2, learning_rate=0.3)
    quantized = quantize_mask_encoder(NETWORK, wild, encoder, DATASET, tmp_path, progress=False)
    metrics, trained = quantized.metrics, [e["explained_variance"] for e in quantized.history]
    assert metrics["best_epoch"] == 0
    assert max(trained) < metrics["calibrated_explained_variance"]
    objective = Distillation(encoder, DATASET)
    kept = objective.validate(twin_from_state(NETWORK, wild, quantized.state))
    assert kept["explained_variance"] == metrics["calibrated_explained_variance"]


def test_the_scales_stay_while_the_weights_move(tmp_path: Path) -> None:
    encoder = float_encoder()
    config = replace(COARSE, epochs=1)
    first = quantize_mask_encoder(NETWORK, config, encoder, DATASET, tmp_path / "a", progress=False)
    longer = quantize_mask_encoder(
        NETWORK, COARSE, encoder, DATASET, tmp_path / "b", progress=False
    )
    scales = [name for name in first.state if "scaling" in name]
    assert len(scales) == 14
    assert all(torch.equal(first.state[name], longer.state[name]) for name in scales)
    assert not torch.equal(first.state["dense.weight"], longer.state["dense.weight"])


def test_targets_are_those_of_the_augmented_events() -> None:
    encoder = float_encoder()
    objective = Distillation(encoder, DATASET)
    generator = torch.Generator().manual_seed(11)
    objective.start_epoch(generator)
    index = torch.arange(32)
    perfect = objective.loss(encoder, index, generator)
    assert float(perfect.detach()) < 1e-9
    objective.start_epoch(generator)
    moved = objective.loss(encoder, index, generator)
    assert float(moved.detach()) < 1e-9
    worse = objective.loss(float_encoder(seed=3), index, generator)
    assert float(worse.detach()) > 0.1


def test_another_teacher_starts_over() -> None:
    key = Distillation(float_encoder(), DATASET).key
    assert key == Distillation(float_encoder(), DATASET).key
    assert key != Distillation(float_encoder(seed=2), DATASET).key


def test_metrics_of_known_latents(rng: np.random.Generator) -> None:
    targets = rng.normal(size=(4000, 2)).astype(np.float32) * np.float32([1, 50])
    spread = latent_spread(targets)
    assert distillation_metrics(targets, targets, spread) == pytest.approx(
        {"explained_variance": 1, "rank_correlation": 1}
    )
    noisy = targets + 0.5 * spread * rng.normal(size=(4000, 2)).astype(np.float32)
    found = distillation_metrics(noisy, targets, spread)
    assert found["explained_variance"] == pytest.approx(0.75, abs=0.02)
    flipped = distillation_metrics(targets * np.float32([1, -1]), targets, spread)
    assert flipped["rank_correlation"] == pytest.approx(-1)
    assert latent_spread(np.ones((5, 2), np.float32)).tolist() == [1, 1]


def test_released_weights_depend_on_encoder_and_widths() -> None:
    config = quantized_config(NETWORK, CONFIG)
    assert config == quantized_config(replace(NETWORK, bottleneck=8, score_latent=1), CONFIG)
    assert config != quantized_config(NETWORK, COARSE)
    with pytest.raises(InputError, match="unknown released weights 'none_such'"):
        load_released_encoder(NETWORK, CONFIG, "none_such")


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    network = replace(NETWORK, height=72, width=58)
    with pytest.raises(InputError, match="images are 24 x 18"):
        quantize_mask_encoder(network, CONFIG, float_encoder(), DATASET, tmp_path, progress=False)
