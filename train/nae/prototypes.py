"""A density of background on the sphere of latents, cheap enough for an encoder's firmware.

A mixture of von Mises-Fisher distributions, ``sum_k p_k C(kappa_k) exp(kappa_k m_k . z)``, is
fitted by expectation maximisation (Banerjee et al., JMLR 6 (2005) 1345). Of its logarithm only the
largest term is kept, ``max_k(mu_k . z + b_k)`` with ``mu_k = kappa_k m_k``: one small dense layer
and a maximum. The sum is never more than log K above that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ive, logsumexp
from torch import Tensor, nn

from trigforge.train.layers import FloatLayers, LayerFactory
from trigforge.train.nae.network import JetAutoencoder, JetEncoder

LARGEST = 32
STEPS = 200
CONVERGED = 1e-7
"""Gain of the mean log density per step at which the fit ends."""
SHARPEST = 1e4
"""Largest concentration: a prototype of one point has none of its own."""
STARTS = 4

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prototypes:
    """K prototypes.

    Attributes:
        weights: mu, (K, Z).
        offsets: b, (K,).
        log_density: mean of the whole mixture's over the points of the fit, in nats.
    """

    weights: Float
    offsets: Float
    log_density: float

    def terms(self, points: Float) -> Float:
        """``mu_k . z + b_k``, (N, K) of unit vectors (N, Z)."""
        return np.asarray(points @ self.weights.T + self.offsets)

    def density(self, points: Float) -> Float:
        """Logarithm of the mixture's density, (N,) of unit vectors (N, Z)."""
        return np.asarray(logsumexp(self.terms(points), axis=1))

    def scores(self, points: Float) -> Float:
        """``-max_k(mu_k . z + b_k)``, (N,): higher is more anomalous."""
        return np.asarray(-self.terms(points).max(axis=1))


class PrototypesHead(nn.Module):
    """The largest of mu_k z + b_k over prototypes k: high where background is dense."""

    def __init__(self, layers: LayerFactory, latents: int, prototypes: int) -> None:
        super().__init__()
        self.dense = layers.linear(latents, prototypes)

    def forward(self, latents: Tensor) -> Tensor:
        """Values (B, 1) of latents (B, Z)."""
        return cast(Tensor, self.dense(latents)).amax(1, keepdim=True)

    def take(self, found: Prototypes) -> None:
        """Become the prototypes of a fit, of as many prototypes and latents."""
        layer = cast(nn.Linear, self.dense)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(found.weights))
            layer.bias.copy_(torch.from_numpy(found.offsets))


class LatentScore(nn.Module):
    """Encoder and prototypes: images (B, 1, H, W) to values (B, 1), low where anomalous."""

    def __init__(self, layers: LayerFactory, latents: int, size: int, prototypes: int) -> None:
        super().__init__()
        self.latents, self.size, self.prototypes = latents, size, prototypes
        self.encoder = JetEncoder(layers, latents, size)
        self.head = PrototypesHead(layers, latents, prototypes)

    @classmethod
    def of(cls, model: JetAutoencoder, found: Prototypes) -> LatentScore:
        """The encoder of a trained autoencoder and the prototypes of a fit to its latents."""
        score = cls(FloatLayers(), model.latents, model.size, len(found.offsets))
        score.encoder.load_state_dict(model.encoder.state_dict())
        score.head.take(found)
        return score.eval()

    def rebuilt(self, layers: LayerFactory) -> LatentScore:
        """The same architecture from other layers."""
        return LatentScore(layers, self.latents, self.size, self.prototypes)

    def forward(self, images: Tensor) -> Tensor:
        """max_k(mu_k . z + b_k), (B, 1)."""
        values: Tensor = self.head(self.encoder(images))
        return values


def fit_prototypes(points: Float, count: int, rng: np.random.Generator) -> Prototypes:
    """The best of a few fits of a mixture to background.

    Args:
        points: unit vectors (N, Z).
        count: K, at most 32.
        rng: chooses the first prototypes.
    """
    if not 1 <= count <= min(LARGEST, len(points)):
        raise ValueError(
            f"{count} prototypes of {len(points)} points, expected 1 to {LARGEST}, no more than "
            "points"
        )
    points = np.asarray(points, np.float64)
    fits = [_fit(points, count, rng) for _ in range(STARTS)]
    return max(fits, key=lambda fit: fit.log_density)


def log_normalisation(kappa: Float, size: int) -> Float:
    """log C(kappa) on the sphere of unit vectors with ``size`` components."""
    order = size / 2 - 1
    bessel = np.log(ive(order, kappa)) + kappa
    return np.asarray(order * np.log(kappa) - size / 2 * np.log(2 * np.pi) - bessel)


def concentration(resultant: Float, size: int) -> Float:
    """kappa whose distribution has a mean of this length: an approximation, then Newton's steps."""
    r = np.clip(resultant, 1e-6, 1 - 1e-9)
    kappa = np.clip(r * (size - r**2) / (1 - r**2), 1e-6, SHARPEST)
    for _ in range(5):
        ratio = ive(size / 2, kappa) / ive(size / 2 - 1, kappa)
        slope = 1 - ratio**2 - (size - 1) / kappa * ratio
        kappa = np.clip(kappa - (ratio - r) / slope, 1e-6, SHARPEST)
    return np.asarray(kappa)


def _fit(points: Float, count: int, rng: np.random.Generator) -> Prototypes:
    size = points.shape[1]
    means = _spread_out(points, count, rng)
    kappa, shares = np.full(count, 10.0), np.full(count, 1 / count)
    before = -np.inf
    for _ in range(STEPS):
        offsets = np.log(shares) + log_normalisation(kappa, size)
        found = Prototypes(kappa[:, None] * means, offsets, before)
        terms = found.terms(points)
        logs = logsumexp(terms, axis=1)
        after = float(logs.mean())
        found = Prototypes(found.weights, offsets, after)
        if after - before < CONVERGED:
            break
        before = after
        belongs = np.exp(terms - logs[:, None])
        totals = belongs.sum(0) + 1e-9
        sums = belongs.T @ points
        lengths = np.linalg.norm(sums, axis=1)
        means = np.where(lengths[:, None] > 0, sums / np.maximum(lengths, 1e-12)[:, None], means)
        kappa = concentration(lengths / totals, size)
        shares = totals / totals.sum()
    return found


def _spread_out(points: Float, count: int, rng: np.random.Generator) -> Float:
    """First prototypes: each drawn with the squared distance to the nearest one before."""
    chosen = [points[rng.integers(len(points))]]
    while len(chosen) < count:
        distances = 1 - np.max(points @ np.array(chosen).T, axis=1)
        distances = np.maximum(distances, 0) + 1e-12
        chosen.append(points[rng.choice(len(points), p=distances / distances.sum())])
    return np.array(chosen)
