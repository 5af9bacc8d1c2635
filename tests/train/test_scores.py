import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from trigforge.train.codae import build_codae
from trigforge.train.config import NetworkConfig
from trigforge.train.scores import (
    choose_score,
    evaluate_latents,
    evaluate_scores,
    rank_correlation,
    reconstruction_scores,
)

TINY = NetworkConfig(
    architecture="codae",
    export="encoder",
    filters=(4, 4, 4, 4),
    residual_filters=(4, 4, 4, 4),
    bottleneck=2,
)


def test_scores_against_sums_over_pixels(rng: np.random.Generator) -> None:
    logits = rng.normal(size=(3, 1, 5, 4))
    masks = (rng.random((3, 1, 5, 4)) < 0.4).astype(float)
    masks[2] = 0
    found = reconstruction_scores(torch.from_numpy(logits), torch.from_numpy(masks))
    for event in range(3):
        bce = sse = sae = overlap = predicted = total = 0.0
        for logit, x in zip(logits[event].flat, masks[event].flat, strict=True):
            r = 1 / (1 + math.exp(-logit))
            bce -= x * math.log(r) + (1 - x) * math.log(1 - r)
            sse += (x - r) ** 2
            sae += abs(x - r)
            overlap += x * r
            predicted += r
            total += x
        expected = {
            "bce": bce,
            "sse": sse,
            "sae": sae,
            "dice": 1 - 2 * overlap / (total + predicted),
            "predicted_sum": predicted,
            "mask_sum": total,
        }
        assert {key: float(value[event]) for key, value in found.items()} == pytest.approx(expected)


def test_evaluation_does_not_depend_on_the_batch(rng: np.random.Generator) -> None:
    model = build_codae(TINY, seed=1)
    masks = (rng.random((7, 72, 58)) < 0.05).astype(np.uint8)
    whole, parts = (evaluate_scores(model, masks, batch_size=size) for size in (7, 3))
    assert set(whole) == {
        "bce", "sse", "sae", "dice", "predicted_sum", "mask_sum", "latent_0", "latent_1"
    }  # fmt: skip
    for key, values in whole.items():
        np.testing.assert_allclose(values, parts[key], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(whole["mask_sum"], masks.sum((1, 2)))
    latents = evaluate_latents(model.mask_encoder, masks, batch_size=2)
    assert latents.shape == (7, 2) and latents.dtype == np.float32
    np.testing.assert_allclose(latents[:, 1], whole["latent_1"], rtol=1e-5, atol=1e-6)


def test_evaluation_uses_running_statistics(rng: np.random.Generator) -> None:
    """A batch normalisation left in training mode would see the batch."""
    model = build_codae(TINY, seed=1)
    model.train()
    masks = (rng.random((4, 72, 58)) < 0.05).astype(np.uint8)
    alone = evaluate_latents(model.mask_encoder, masks[:1])
    np.testing.assert_allclose(
        alone, evaluate_latents(model.mask_encoder, masks)[:1], rtol=1e-5, atol=1e-6
    )


def test_no_events_give_no_latents() -> None:
    class Refusing(nn.Module):
        def forward(self, masks: Tensor) -> Tensor:
            raise AssertionError

    assert len(evaluate_latents(Refusing(), np.zeros((0, 72, 58), np.uint8))) == 0


def test_rank_correlation_is_spearmans_with_ties(rng: np.random.Generator) -> None:
    a, b = rng.integers(0, 9, 200), rng.normal(size=200)
    b += 0.3 * a
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(np.ones(5), np.arange(5)) == 0


@pytest.mark.parametrize(("latent", "sign"), [(0, 1), (0, -1), (1, 1), (1, -1)])
def test_the_latent_that_follows_the_error_is_the_score(
    rng: np.random.Generator, latent: int, sign: int
) -> None:
    errors = rng.exponential(size=500)
    latents = rng.normal(size=(500, 2))
    latents[:, latent] += sign * 2 * errors
    latents[:, 1 - latent] -= 0.2 * errors
    choice = choose_score(latents, errors)
    assert (choice.latent, choice.sign) == (latent, sign)
    assert choice.correlations[latent] == pytest.approx(
        spearmanr(latents[:, latent], errors).statistic
    )
