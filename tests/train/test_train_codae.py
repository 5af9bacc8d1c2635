from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch

from trigforge.train.codae import CoDAE
from trigforge.train.config import NetworkConfig, TrainConfig
from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset, Events
from trigforge.train.scores import evaluate_scores
from trigforge.train.train_codae import (
    TrainedCodae,
    background_metrics,
    codae_from_state,
    train_codae,
    weights_config,
)

TINY = NetworkConfig(
    architecture="codae",
    export="encoder",
    height=24,
    width=18,
    filters=(4, 8, 8, 8),
    residual_filters=(8, 8, 8, 16),
    bottleneck=8,
)
CONFIG = TrainConfig(epochs=4, batch_size=8, learning_rate=1e-2, schedule="cosine")


def events(count: int, seed: int) -> Events:
    """Sparse masks (N, 24, 18) with a varying number of round clusters."""
    rng = np.random.default_rng(seed)
    rows, columns = np.arange(24)[:, None], np.arange(18)
    masks = np.zeros((count, 24, 18), np.uint8)
    for mask in masks:
        for _ in range(rng.integers(1, 5)):
            distance = np.hypot(rows - rng.uniform(3, 21), columns - rng.uniform(3, 15))
            mask |= rng.random((24, 18)) < np.exp(-((distance / 2.5) ** 2))
    scalars = np.zeros(count)
    return Events(
        masks, scalars.astype(np.int32), scalars.astype(np.float32), np.ones(count, np.float32)
    )


DATASET = EventDataset(
    train=events(192, 1),
    validation=events(48, 2),
    test=events(8, 3),
    signals={},
    info={},
    source="generated",
    sha256="0" * 64,
    preselection="none",
)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("codae")


def test_training_reconstructs_better_than_the_mean(work: Path) -> None:
    trained = train_codae(TINY, CONFIG, DATASET, work, progress=False)
    occupancy = DATASET.train.masks.mean(axis=0, dtype=np.float64).clip(1e-3, 1)
    x = DATASET.validation.masks
    mean_bce = -(x * np.log(occupancy) + (1 - x) * np.log(1 - occupancy)).sum((1, 2)).mean()
    assert trained.metrics["bce"] < 0.92 * mean_bce
    losses = [epoch["loss"] for epoch in trained.history]
    assert losses == sorted(losses, reverse=True)
    best = trained.history[trained.metrics["best_epoch"] - 1]
    assert trained.metrics["ssim"] == pytest.approx(best["ssim"], abs=1e-6)
    assert best["ssim"] == max(epoch["ssim"] for epoch in trained.history)


def test_the_result_is_the_state_with_those_metrics(work: Path) -> None:
    """The second call finds the finished checkpoint and trains nothing."""
    trained = train_codae(TINY, CONFIG, DATASET, work, progress=False)
    model = codae_from_state(TINY, trained.state)
    again = background_metrics(model, DATASET.validation.masks)
    for key, value in again.items():
        assert trained.metrics[key] == pytest.approx(value), key
    scores = evaluate_scores(model, DATASET.validation.masks)
    assert again["bce"] == pytest.approx(scores["bce"].mean())
    assert again["sse"] == pytest.approx(scores["sse"].mean())
    latent, sign = again["score_latent"], again["score_sign"]
    correlations = again["latent_bce_rank_correlation"]
    assert abs(correlations[latent]) == max(map(abs, correlations))
    assert sign * correlations[latent] > 0


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="images are 24 x 18, the recipe's network expects 72 x 58"
    ):
        train_codae(replace(TINY, height=72, width=58), CONFIG, DATASET, tmp_path, progress=False)


def test_weights_do_not_depend_on_the_choice_of_the_score() -> None:
    config = weights_config(TINY)
    assert config == weights_config(replace(TINY, score_latent=1, score_sign=-1))
    assert config != weights_config(replace(TINY, negative_slope=0.5))


def compiled(work: Path) -> TrainedCodae:
    """On one thread like the tests: sums in another order end elsewhere."""
    torch.set_num_threads(1)
    config = replace(CONFIG, precision="bfloat16", compile=True)
    return train_codae(TINY, config, DATASET, work, progress=False)


@pytest.mark.slow
def test_generated_kernels_and_low_precision_train_the_same_network(tmp_path: Path) -> None:
    """Compiled bfloat16 steps end near the float32 ones; the result is float32."""
    plain = train_codae(TINY, CONFIG, DATASET, tmp_path / "plain", progress=False)
    # in a process of its own, as users have it: generated kernels have crashed once in a process in
    # which a hundred tests had run before
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        fast = process.submit(compiled, tmp_path / "fast").result()
    assert set(fast.state) == set(CoDAE(TINY).state_dict())
    assert fast.state["decoder.pixels.weight"].dtype == torch.float32
    assert fast.metrics["bce"] == pytest.approx(plain.metrics["bce"], rel=0.1)
