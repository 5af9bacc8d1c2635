"""Langevin chains in flat space and on the sphere (arXiv:2206.14225, section 2).

A step is ``x' = x - lambda grad E(x) + sigma noise`` (equation 6). Without acceptance the
stationary distribution of small steps is ``exp(-E / T)`` with ``T = sigma^2 / (2 lambda)``
(equation 7); with it that distribution is stationary for steps of any size.

The published code draws the first noise twice (its annealing lags by one step), clips the gradient
of each image row by itself, and never reached its acceptance step. Here step t has the noise
``sigma / (1 + t)``, a gradient is clipped as one vector per jet, and acceptance is a choice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

Energy = Callable[[Tensor], Tensor]
"""Points (B, ...) to energies (B,)."""

Evaluation = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Points (B, ...) to energies (B,) and their gradients (B, ...)."""


@dataclass(frozen=True, kw_only=True)
class ChainConfig:
    """One kind of chain.

    Attributes:
        step_size: lambda, in front of the gradient.
        noise: sigma, standard deviation of the noise per component.
        annealing: the noise of step t is ``noise / (1 + t)``.
        clip: largest length of a point's gradient; none when 0.
        metropolis: accept or reject every step, so that the temperature is exact.
    """

    steps: int
    step_size: float
    noise: float
    annealing: bool = False
    clip: float = 0.0
    metropolis: bool = False

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError(f"steps is {self.steps}, expected 0 or more")
        if self.step_size <= 0 or self.noise <= 0:
            raise ValueError(
                f"step_size is {self.step_size} and noise {self.noise}, expected above 0"
            )
        if self.clip < 0:
            raise ValueError(f"clip is {self.clip}, expected 0 (none) or more")

    @property
    def temperature(self) -> float:
        """``noise^2 / (2 step_size)``, that of the first step when the noise is annealed."""
        return self.noise**2 / (2 * self.step_size)


@dataclass(frozen=True)
class ChainResult:
    """Where chains ended.

    Attributes:
        points: (B, ...).
        acceptance: fraction of accepted steps, a scalar; 1 without acceptance.
    """

    points: Tensor
    acceptance: Tensor


class Space(Protocol):
    """Where a chain lives: directions at a point, and moving along them."""

    def tangent(self, x: Tensor, vectors: Tensor) -> Tensor:
        """The part of vectors (B, ...) that keeps points (B, ...) in the space, to first order."""
        ...

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        """The point that a tangent step leads to."""
        ...

    def step_between(self, x: Tensor, y: Tensor) -> Tensor:
        """The tangent step at ``x`` that leads to ``y``."""
        ...


class Flat:
    """All vectors of a shape."""

    def tangent(self, x: Tensor, vectors: Tensor) -> Tensor:
        """The vectors."""
        return vectors

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        """Sum."""
        return x + step

    def step_between(self, x: Tensor, y: Tensor) -> Tensor:
        """Difference."""
        return y - x


class UnitSphere:
    """Vectors (B, Z) of length one.

    A step is taken in the tangent plane and projected back along the radius. The projection from a
    plane has the density ``1 / cos^Z`` of the angle between the two points, which is the same for
    the way back: it cancels in the acceptance.
    """

    def tangent(self, x: Tensor, vectors: Tensor) -> Tensor:
        """The vectors without their radial part."""
        return vectors - (vectors * x).sum(1, keepdim=True) * x

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        """Sum, divided by its length."""
        return functional.normalize(x + step, dim=1)

    def step_between(self, x: Tensor, y: Tensor) -> Tensor:
        """``y / (x . y) - x``; the points are less than a right angle apart."""
        return y / (x * y).sum(1, keepdim=True) - x


def uniform_on_sphere(count: int, latents: int, generator: torch.Generator) -> Tensor:
    """Points (count, latents), uniform on the sphere, on the generator's device."""
    points = torch.randn(count, latents, generator=generator, device=generator.device)
    return functional.normalize(points, dim=1)


def with_gradient(energy: Energy) -> Evaluation:
    """An energy and its gradient by automatic differentiation."""

    def evaluate(x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            source = x.detach().requires_grad_()
            values = energy(source)
            (gradient,) = torch.autograd.grad(values.sum(), source)
        return values.detach(), gradient

    return evaluate


@torch.no_grad()
def run_chain(
    evaluate: Evaluation,
    start: Tensor,
    chain: ChainConfig,
    space: Space,
    generator: torch.Generator,
) -> ChainResult:
    """Run one chain from each of the points ``start`` (B, ...).

    Args:
        generator: source of all noise, on the device of the points.
    """
    x = start.detach()
    accepted = torch.zeros((), device=x.device)
    if chain.steps == 0:
        return ChainResult(x, accepted + 1)
    values, gradient = evaluate(x)
    for index in range(chain.steps):
        noise = chain.noise / (1 + index) if chain.annealing else chain.noise
        drift = _drift(x, gradient, chain, space)
        random = torch.empty_like(x).normal_(generator=generator)
        kick = noise * space.tangent(x, random)
        y = space.moved(x, drift + kick)
        if not chain.metropolis:
            x = y
            if index + 1 < chain.steps:
                values, gradient = evaluate(x)
            continue
        new_values, new_gradient = evaluate(y)
        back = space.step_between(y, x) - _drift(y, new_gradient, chain, space)
        there, back_again = (step.flatten(1).square().sum(1) for step in (kick, back))
        log_ratio = (values - new_values) / chain.temperature
        log_ratio = log_ratio + (there - back_again) / (2 * noise**2)
        uniform = torch.empty_like(values).uniform_(generator=generator)
        accept = uniform.log() < log_ratio
        accepted += accept.float().mean()
        x = _where(accept, y, x)
        values = torch.where(accept, new_values, values)
        gradient = _where(accept, new_gradient, gradient)
    return ChainResult(x, accepted / chain.steps if chain.metropolis else accepted + 1)


class EagerChain:
    """:func:`run_chain` of one energy."""

    def __init__(self, evaluate: Evaluation, chain: ChainConfig, space: Space) -> None:
        self._evaluate, self._chain, self._space = evaluate, chain, space

    def __call__(self, start: Tensor, generator: torch.Generator) -> ChainResult:
        """Where chains from ``start`` (B, ...) end."""
        return run_chain(self._evaluate, start, self._chain, self._space, generator)


def _drift(x: Tensor, gradient: Tensor, chain: ChainConfig, space: Space) -> Tensor:
    gradient = space.tangent(x, gradient)
    if chain.clip:
        length = gradient.flatten(1).norm(dim=1).clamp_min(torch.finfo(gradient.dtype).tiny)
        factor = (chain.clip / length).clamp_max(1.0)
        gradient = gradient * factor.view(-1, *[1] * (gradient.ndim - 1))
    return -chain.step_size * gradient


def _where(accept: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(accept.view(-1, *[1] * (new.ndim - 1)), new, old)
