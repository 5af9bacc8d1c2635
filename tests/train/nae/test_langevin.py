"""The chains against distributions with known answers.

Tolerances are five standard errors of what is estimated, from independent chains.
"""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from trigforge.train.nae.chain import (
    ChainConfig,
    Energy,
    Flat,
    UnitSphere,
    run_chain,
    uniform_on_sphere,
    with_gradient,
)

CHAINS = 20_000
KAPPA = 3.0
AXIS = torch.tensor([0.6, 0.0, 0.8])


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def constant(x: Tensor) -> Tensor:
    return 0 * x.flatten(1).sum(1)


def gaussian(stiffness: float, centre: float) -> Energy:
    return lambda x: 0.5 * stiffness * (x - centre).square().flatten(1).sum(1)


def near(found: float, expected: float, spread: float, count: int) -> bool:
    return abs(found - expected) < 5 * spread / math.sqrt(count)


def check_variance(points: Tensor, expected: float) -> None:
    """Variance of components that are independent and normal."""
    values = points.flatten().double()
    assert near(float(values.var()), expected, math.sqrt(2) * expected, values.numel())


def test_langevin_of_a_gaussian_has_its_mean_and_the_variance_of_the_discrete_chain() -> None:
    """x' = (1 - a k) (x - c) + s n has variance s^2 / (1 - (1 - a k)^2)."""
    chain = ChainConfig(steps=60, step_size=0.15, noise=0.3)
    start = torch.zeros(CHAINS, 2)
    points = run_chain(with_gradient(gaussian(2.0, 1.5)), start, chain, Flat(), generator()).points
    variance = 0.3**2 / (1 - (1 - 0.3) ** 2)
    assert near(float(points.double().mean()), 1.5, math.sqrt(variance), points.numel())
    check_variance(points, variance)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 4.0])
def test_small_steps_have_the_temperature_of_step_and_noise(temperature: float) -> None:
    step = 0.02
    chain = ChainConfig(steps=400, step_size=step, noise=math.sqrt(2 * step * temperature))
    assert chain.temperature == pytest.approx(temperature)
    points = run_chain(
        with_gradient(gaussian(1.0, 0.0)), torch.zeros(4000, 4), chain, Flat(), generator()
    ).points
    # the bias of finite steps is the factor 1 / (1 - a k / 2)
    check_variance(points, temperature / (1 - step / 2))


def test_acceptance_removes_the_bias_of_large_steps() -> None:
    step, stiffness, temperature = 0.6, 2.0, 0.5
    plain = ChainConfig(steps=60, step_size=step, noise=math.sqrt(2 * step * temperature))
    target = gaussian(stiffness, -1.0)
    start = torch.full((CHAINS, 1), -1.0)
    biased = run_chain(with_gradient(target), start, plain, Flat(), generator())
    check_variance(biased.points, temperature / stiffness / (1 - step * stiffness / 2))
    exact = run_chain(
        with_gradient(target), start, replace(plain, metropolis=True), Flat(), generator()
    )
    check_variance(exact.points, temperature / stiffness)
    assert near(float(exact.points.mean()), -1.0, math.sqrt(temperature / stiffness), CHAINS)
    assert 0.3 < exact.acceptance < 0.9


def test_acceptance_is_exact_with_clipped_gradients_and_an_asymmetric_energy() -> None:
    """E = exp(x) - x at T = 1: exp(-E) dx is the logarithm of an exponential variable."""

    def gumbel(x: Tensor) -> Tensor:
        return (x.exp() - x).sum(1)

    chain = ChainConfig(steps=80, step_size=0.5, noise=1.0, clip=0.4, metropolis=True)
    points = run_chain(
        with_gradient(gumbel), torch.zeros(CHAINS, 1), chain, Flat(), generator()
    ).points
    mean, variance = -0.5772156649, math.pi**2 / 6
    assert near(float(points.double().mean()), mean, math.sqrt(variance), CHAINS)
    fourth = 3 * variance**2 * (1 + 0.8)  # excess kurtosis 12/5
    assert near(float(points.double().var()), variance, math.sqrt(fourth - variance**2), CHAINS)


@pytest.mark.parametrize("space", [Flat(), UnitSphere()])
def test_detailed_balance(space: Flat | UnitSphere) -> None:
    """From the stationary distribution, as many steps lead from A to B as from B to A."""

    def tilted(x: Tensor) -> Tensor:
        return 2 * x[:, 0] + x[:, 1] * x[:, 0]

    def flat_energy(x: Tensor) -> Tensor:
        return 0.5 * x.square().sum(1) + 0.3 * x[:, 0].cos()

    energy = tilted if isinstance(space, UnitSphere) else flat_energy
    chain = ChainConfig(steps=120, step_size=0.4, noise=math.sqrt(0.8), metropolis=True)
    source = generator()
    start = uniform_on_sphere(40_000, 3, source)
    before = run_chain(with_gradient(energy), start, chain, space, source).points
    after = run_chain(with_gradient(energy), before, replace(chain, steps=1), space, source).points
    edges = before[:, 0].quantile(torch.tensor([0.25, 0.5, 0.75]))
    regions = [torch.bucketize(points[:, 0].contiguous(), edges) for points in (before, after)]
    for a in range(4):
        for b in range(a):
            there = int(((regions[0] == a) & (regions[1] == b)).sum())
            back = int(((regions[0] == b) & (regions[1] == a)).sum())
            assert there + back > 100
            assert abs(there - back) < 5 * math.sqrt(there + back)


@pytest.mark.parametrize("metropolis", [False, True])
def test_the_sphere_is_uniform_without_energy(metropolis: bool) -> None:
    chain = ChainConfig(steps=40, step_size=1.0, noise=0.5, metropolis=metropolis)
    start = torch.tensor([0.0, 0.0, 1.0]).repeat(CHAINS, 1)
    found = run_chain(with_gradient(constant), start, chain, UnitSphere(), generator())
    points = found.points.double()
    assert found.acceptance > 0.999  # the proposal is symmetric up to rounding
    assert torch.allclose(points.norm(dim=1), torch.ones(CHAINS).double(), atol=1e-6)
    for component in points.T:
        # Archimedes: each coordinate is uniform on [-1, 1]
        assert near(float(component.mean()), 0.0, math.sqrt(1 / 3), CHAINS)
        assert near(float(component.square().mean()), 1 / 3, math.sqrt(4 / 45), CHAINS)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert near(float((points[:, a] * points[:, b]).mean()), 0.0, math.sqrt(1 / 15), CHAINS)


def test_fresh_points_are_uniform_on_the_sphere() -> None:
    points = uniform_on_sphere(CHAINS, 3, generator()).double()
    assert near(float(points[:, 2].mean()), 0.0, math.sqrt(1 / 3), CHAINS)
    assert near(float(points[:, 2].square().mean()), 1 / 3, math.sqrt(4 / 45), CHAINS)


def von_mises_fisher(x: Tensor) -> Tensor:
    return -KAPPA * (x @ AXIS)


def mean_resultant(kappa: float) -> tuple[float, float]:
    """Mean and variance of the component along the axis, on the sphere in three dimensions."""
    mean = 1 / math.tanh(kappa) - 1 / kappa
    return mean, 1 - mean**2 - 2 * mean / kappa


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_von_mises_fisher_with_acceptance_is_exact_at_large_steps(temperature: float) -> None:
    step = 0.15
    chain = ChainConfig(
        steps=80, step_size=step, noise=math.sqrt(2 * step * temperature), metropolis=True
    )
    start = uniform_on_sphere(CHAINS, 3, generator())
    found = run_chain(with_gradient(von_mises_fisher), start, chain, UnitSphere(), generator(2))
    along = (found.points @ AXIS).double()
    mean, variance = mean_resultant(KAPPA / temperature)
    assert near(float(along.mean()), mean, math.sqrt(variance), CHAINS)
    assert float(along.var()) == pytest.approx(variance, rel=0.08)
    assert 0.3 < found.acceptance < 1


def test_von_mises_fisher_without_acceptance_is_right_for_small_steps_only() -> None:
    start = uniform_on_sphere(CHAINS, 3, generator())
    mean, variance = mean_resultant(KAPPA)
    found = {}
    for step, steps in ((0.01, 400), (0.3, 60)):
        chain = ChainConfig(steps=steps, step_size=step, noise=math.sqrt(2 * step))
        points = run_chain(
            with_gradient(von_mises_fisher), start, chain, UnitSphere(), generator(2)
        ).points
        found[step] = float((points @ AXIS).double().mean())
    # what finite steps leave is of first order in them
    error = 5 * math.sqrt(variance / CHAINS)
    assert abs(found[0.01] - mean) < error + 0.01
    assert abs(found[0.3] - mean) > 0.02 + error


def test_annealed_noise_falls_as_one_over_the_step() -> None:
    chain = ChainConfig(steps=5, step_size=1.0, noise=2.0, annealing=True)
    points = run_chain(
        with_gradient(constant), torch.zeros(CHAINS, 1), chain, Flat(), generator()
    ).points
    check_variance(points, sum((2.0 / (1 + t)) ** 2 for t in range(5)))


def test_gradients_are_clipped_as_vectors() -> None:
    chain = ChainConfig(steps=1, step_size=2.0, noise=1e-9, clip=0.5)
    start = torch.tensor([[3.0, 4.0], [0.03, 0.04]])
    points = run_chain(with_gradient(gaussian(1.0, 0.0)), start, chain, Flat(), generator()).points
    expected = torch.tensor([[3 - 0.6, 4 - 0.8], [-0.03, -0.04]])
    assert torch.allclose(points, expected, atol=1e-6)


def test_the_generator_decides() -> None:
    chain = ChainConfig(steps=3, step_size=0.1, noise=0.3, metropolis=True)
    start = torch.zeros(8, 2)
    ends = [
        run_chain(with_gradient(gaussian(1.0, 0.0)), start, chain, Flat(), generator(seed)).points
        for seed in (1, 1, 2)
    ]
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])
    assert torch.equal(start, torch.zeros(8, 2))


def test_no_steps_stay_where_they_are() -> None:
    chain = ChainConfig(steps=0, step_size=0.1, noise=0.3)
    start = torch.ones(2, 2)
    assert torch.equal(
        run_chain(with_gradient(constant), start, chain, Flat(), generator()).points, start
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"steps": -1}, "steps is -1"), ({"noise": 0.0}, "noise 0.0"), ({"clip": -1.0}, "clip is -1")],
)
def test_wrong_chains_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ChainConfig(**({"steps": 1, "step_size": 0.1, "noise": 0.1} | wrong))  # type: ignore[arg-type]
