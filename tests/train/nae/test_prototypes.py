"""Mixtures on the sphere: known distributions come out again, and their largest term separates."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.integrate import quad

from trigforge.train.layers import FloatLayers
from trigforge.train.metrics import auc
from trigforge.train.nae.prototypes import (
    Prototypes,
    PrototypesHead,
    concentration,
    fit_prototypes,
    log_normalisation,
)

Float = npt.NDArray[np.float64]


def unit(vectors: Float) -> Float:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def von_mises_fisher(mean: Float, kappa: float, count: int, rng: np.random.Generator) -> Float:
    """Exact in three dimensions: the component along the mean has an elementary inverse."""
    u = rng.random(count)
    along = 1 + np.log(u + (1 - u) * math.exp(-2 * kappa)) / kappa
    across = rng.normal(size=(count, 3))
    across = unit(across - (across @ mean)[:, None] * mean)
    return np.asarray(along[:, None] * mean + np.sqrt(1 - along**2)[:, None] * across)


MEANS = unit(np.array([[1.0, 0, 0], [0, 1.0, 0.3], [-1.0, -1.0, 1.0]]))
KAPPAS = (40.0, 15.0, 80.0)
SHARES = (0.5, 0.3, 0.2)


def mixture(count: int, seed: int) -> Float:
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(count, SHARES)
    parts = [
        von_mises_fisher(mean, kappa, n, rng)
        for mean, kappa, n in zip(MEANS, KAPPAS, counts, strict=True)
    ]
    return np.concatenate(parts)


def true_density(points: Float) -> Float:
    terms = np.array(KAPPAS) * (points @ MEANS.T) + np.log(SHARES)
    terms = terms + log_normalisation(np.array(KAPPAS), 3)
    return np.asarray(np.log(np.exp(terms).sum(1)))


@pytest.mark.parametrize("kappa", [0.3, 5.0, 100.0])
def test_normalisation_and_concentration_in_three_dimensions(kappa: float) -> None:
    """C = kappa / (4 pi sinh kappa), mean length coth kappa - 1 / kappa."""
    expected = math.log(kappa / (2 * math.pi)) - kappa - math.log1p(-math.exp(-2 * kappa))
    assert log_normalisation(np.array([kappa]), 3)[0] == pytest.approx(expected)
    length = 1 / math.tanh(kappa) - 1 / kappa
    assert concentration(np.array([length]), 3)[0] == pytest.approx(kappa, rel=1e-6)


def test_normalisation_on_the_circle() -> None:
    total, _ = quad(lambda angle: math.exp(2.0 * math.cos(angle)), 0, 2 * math.pi)
    assert log_normalisation(np.array([2.0]), 2)[0] == pytest.approx(-math.log(total))


def test_a_mixture_comes_out_again() -> None:
    found = fit_prototypes(mixture(20_000, 1), 3, np.random.default_rng(1))
    kappas = np.linalg.norm(found.weights, axis=1)
    means = found.weights / kappas[:, None]
    order = [int(np.argmax(means @ mean)) for mean in MEANS]
    assert sorted(order) == [0, 1, 2]
    assert np.all((means[order] * MEANS).sum(1) > 0.999)
    assert kappas[order] == pytest.approx(KAPPAS, rel=0.05)
    shares = np.exp(found.offsets - log_normalisation(kappas, 3))
    assert shares[order] == pytest.approx(SHARES, abs=0.02)
    test = mixture(2000, 2)
    assert found.density(test) == pytest.approx(true_density(test), abs=0.3)


def test_the_largest_term_separates_like_the_density() -> None:
    found = fit_prototypes(mixture(5000, 1), 8, np.random.default_rng(1))
    background = mixture(4000, 3)
    anomalies = unit(np.random.default_rng(4).normal(size=(4000, 3)))
    best = auc(-true_density(anomalies), -true_density(background)).value
    reached = auc(found.scores(anomalies), found.scores(background)).value
    assert best > 0.85
    assert reached > best - 0.01
    gap = found.density(background) + found.scores(background)
    assert gap.min() >= 0 and gap.max() <= math.log(8)


def test_more_prototypes_fit_better_and_few_points_are_enough() -> None:
    points = mixture(2000, 1)
    densities = [
        fit_prototypes(points, count, np.random.default_rng(1)).log_density for count in (1, 3, 32)
    ]
    assert densities[0] < densities[1] - 0.3 and densities[1] < densities[2]
    tiny = fit_prototypes(points[:3], 3, np.random.default_rng(1))
    assert np.isfinite(tiny.weights).all() and np.isfinite(tiny.offsets).all()


def test_the_head_gives_the_negative_score() -> None:
    found = fit_prototypes(mixture(500, 1), 4, np.random.default_rng(1))
    head = PrototypesHead(FloatLayers(), 3, 4)
    head.take(found)
    points = mixture(50, 2)
    values = head(torch.from_numpy(points).float()).detach().double().numpy()
    assert values.shape == (50, 1)
    assert values[:, 0] == pytest.approx(-found.scores(points), rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("count", [0, 33, 6])
def test_wrong_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 32"):
        fit_prototypes(MEANS.repeat(20 if count == 33 else 1, 0), count, np.random.default_rng(1))


def test_slow_definition_of_the_terms() -> None:
    one = Prototypes(np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([0.5, -0.5]), 0.0)
    assert one.scores(np.array([[1.0, 0, 0], [0, 0, -1.0]])).tolist() == [-3.5, 2.5]
