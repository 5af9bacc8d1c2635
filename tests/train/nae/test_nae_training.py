"""Both phases on small images and on points around a circle: they learn, resume and end in time."""

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from trigforge.train.errors import CollapseError
from trigforge.train.fit import CHECKPOINT
from trigforge.train.metrics import auc
from trigforge.train.nae import objectives
from trigforge.train.nae.chain import ChainConfig
from trigforge.train.nae.collapse import CollapseConfig, CollapseWatch, spread
from trigforge.train.nae.distance import has_risen, movers_distance
from trigforge.train.nae.losses import LossConfig
from trigforge.train.nae.network import (
    Autoencoder,
    build_dense_autoencoder,
    build_jet_autoencoder,
    energy,
    energy_sums,
)
from trigforge.train.nae.objectives import JetInputs, NormalisationConfig
from trigforge.train.nae.sampler import SamplerConfig
from trigforge.train.nae.training import (
    NaeTraining,
    TrainedNae,
    demo_training,
    paper_training,
    schedule,
    substructure_training,
    train_nae,
)

SIZE = 8


def blobs(count: int, seed: int) -> Tensor:
    """Images (count, 1, 8, 8) of one or two spots, each with the sum one."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    images = np.zeros((count, SIZE, SIZE))
    for image in images:
        for _ in range(rng.integers(1, 3)):
            row, column = rng.uniform(1, 6, 2)
            image += rng.random() * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 2)
        image /= image.sum()
    return torch.from_numpy(images[:, None].astype(np.float32))


IMAGES = JetInputs(train=blobs(96, 1), validation=blobs(32, 2))
SMOKE = NaeTraining(
    reconstruction=schedule(epochs=3, batch_size=16, learning_rate=1e-2),
    normalisation=schedule(epochs=4, batch_size=16, learning_rate=1e-4),
    config=NormalisationConfig(
        sampler=SamplerConfig(
            latent=ChainConfig(steps=3, step_size=10.0, noise=0.05, clip=0.1, metropolis=True),
            input=ChainConfig(steps=3, step_size=5.0, noise=1e-3, annealing=True, clip=0.1),
            buffer=100,
        ),
        loss=LossConfig(scale=64.0),
        epoch_jets=64,
        stopping="loss",
        distance_inputs=32,
    ),
)


def network(seed: int = 0) -> Autoencoder:
    return build_jet_autoencoder(seed, size=SIZE)


def run(work: Path, training: NaeTraining = SMOKE) -> TrainedNae:
    return train_nae(network, IMAGES, training, work, progress=False)


def same(a: TrainedNae, b: TrainedNae) -> bool:
    def histories(found: TrainedNae) -> list[dict[str, float]]:
        epochs = found.reconstruction.history + found.normalisation.history
        return [{**epoch, "seconds": 0.0} for epoch in epochs]

    states = ((a.autoencoder, b.autoencoder), (a.normalised, b.normalised))
    return histories(a) == histories(b) and all(
        torch.equal(one[name], other[name]) for one, other in states for name in one
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> TrainedNae:
    return run(tmp_path_factory.mktemp("whole"))


def test_states_are_those_of_a_plain_network(whole: TrainedNae) -> None:
    for fitted, state in (
        (whole.reconstruction, whole.autoencoder),
        (whole.normalisation, whole.normalised),
    ):
        model = network().eval()
        model.load_state_dict(state)
        found = float(energy(model, IMAGES.validation).mean().detach())
        expected = fitted.history[fitted.best_epoch]["energy"]
        assert found == pytest.approx(expected, rel=1e-4)


def test_errors_fall_in_the_first_phase(whole: TrainedNae) -> None:
    energies = [epoch["energy"] for epoch in whole.reconstruction.history]
    assert energies == sorted(energies, reverse=True) and energies[0] > energies[-1]


def test_diagnostics_of_the_second_phase(whole: TrainedNae) -> None:
    assert len(whole.normalisation.history) == 4 and whole.normalisation.ended == ""
    ages = [epoch["buffer_age"] for epoch in whole.normalisation.history]
    assert all(a < b for a, b in pairwise(ages))
    for epoch in whole.normalisation.history:
        assert 0 < epoch["latent_acceptance"] <= 1
        assert epoch["input_acceptance"] == 1
        assert epoch["movers_distance"] > 0 and epoch["sample_spread"] > 0


class Interrupting(objectives.Normalisation):
    """Raises at the n-th batch of all."""

    left = 0

    def loss(self, *args: object) -> Tensor:
        type(self).left -= 1
        if type(self).left == 0:
            raise KeyboardInterrupt
        return super().loss(*args)  # type: ignore[arg-type]


@pytest.mark.parametrize("batch", [1, 4, 6, 16])
def test_a_killed_training_goes_on_with_identical_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: TrainedNae, batch: int
) -> None:
    Interrupting.left = batch
    with monkeypatch.context() as patch:
        patch.setattr("trigforge.train.nae.training.Normalisation", Interrupting)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    assert (tmp_path / "normalisation" / CHECKPOINT).exists() == (batch > 4)
    assert same(run(tmp_path), whole)


def test_the_replay_buffer_matters_for_the_trajectory(tmp_path: Path, whole: TrainedNae) -> None:
    """The test above would not notice a lost buffer if chains did not start from it."""
    sampler = replace(SMOKE.config.sampler, replay=0.0)
    other = run(tmp_path, replace(SMOKE, config=replace(SMOKE.config, sampler=sampler)))
    assert same(
        replace(other, normalisation=whole.normalisation, normalised=whole.normalised), whole
    )
    assert not same(other, whole)


def test_another_start_is_another_second_phase(tmp_path: Path, whole: TrainedNae) -> None:
    """Checkpoints of the second phase belong to the first phase they continue."""
    run(tmp_path, replace(SMOKE, reconstruction=replace(SMOKE.reconstruction, epochs=1)))
    assert same(run(tmp_path), whole)


def test_a_collapse_keeps_the_epochs_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: TrainedNae
) -> None:
    check = CollapseWatch.check
    calls = 0

    def collapsing(self: CollapseWatch, samples: Tensor, energy: float) -> None:
        nonlocal calls
        calls += 1
        check(self, samples, math.nan if calls == 10 else energy)

    monkeypatch.setattr(CollapseWatch, "check", collapsing)
    found = run(tmp_path)
    assert len(found.normalisation.history) == 2
    assert "the samples' energy is nan; lower the learning rate" in found.normalisation.ended
    assert found.normalisation.best_epoch in (0, 1)
    model = network().eval()
    model.load_state_dict(found.normalised)
    kept = found.normalisation.history[found.normalisation.best_epoch]
    energies = energy(model, IMAGES.validation).detach()
    assert float(energies.mean()) == pytest.approx(kept["energy"], rel=1e-4)


def test_a_collapse_at_once_is_an_error(tmp_path: Path) -> None:
    config = replace(SMOKE.config, collapse=CollapseConfig(spread_ratio=1e6, patience=2))
    with pytest.raises(CollapseError, match="the samples have been alike for 2 batches"):
        run(tmp_path, replace(SMOKE, config=config))


def watch(**changes: float) -> CollapseWatch:
    return CollapseWatch(CollapseConfig(patience=3, **changes), energy=1.0, jet_spread=1.0)  # type: ignore[arg-type]


def test_the_watch_wants_several_bad_batches_in_a_row() -> None:
    good, alike = torch.eye(4), torch.ones(4, 4)
    calm = watch()
    for samples, found in 2 * [(good, 1e3), (good, 1e3), (alike, 1.0), (alike, 1.0)]:
        calm.check(samples, found)
    for samples, found, message in (
        (good, 1e3, "above 20 for 3 batches, the last 1e"),
        (alike, 1.0, "alike for 3 batches"),
    ):
        alert = watch()
        alert.check(samples, found)
        alert.check(samples, found)
        with pytest.raises(CollapseError, match=message):
            alert.check(samples, found)


def test_spread_is_the_distance_from_the_mean() -> None:
    assert spread(torch.tensor([[0.0, 3.0], [4.0, 0.0]])) == pytest.approx(2.5)


@pytest.mark.parametrize("sizes", [(20, 20), (12, 20)])
def test_the_movers_distance_is_that_of_the_best_assignment(sizes: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.randn(size, 1, 3, 2, generator=generator) for size in sizes)
    # copies of each point turn equal weights into an assignment of as many to as many
    many = math.lcm(*sizes)
    first, second = (
        x.flatten(1).repeat_interleave(many // len(x), 0).double().numpy() for x in (a, b)
    )
    cost = np.linalg.norm(first[:, None] - second[None], axis=2)
    assert movers_distance(a, b) == pytest.approx(cost[linear_sum_assignment(cost)].mean())


def test_the_movers_distance_of_a_shift_is_the_shift() -> None:
    points = torch.randn(30, 4, generator=torch.Generator().manual_seed(1))
    assert movers_distance(points, points + torch.tensor([3.0, 0, 4.0, 0])) == pytest.approx(5.0)


def test_a_rise_is_one_that_stays() -> None:
    assert not has_risen([3, 2, 2.5, 2, 2.5], 0.1, 2)
    assert not has_risen([3, 2, 2.1, 2.1], 0.1, 2)
    assert has_risen([3, 2, 2.5, 2.5], 0.1, 2)
    assert not has_risen([3, 4], 0.1, 2)


def test_a_risen_distance_ends_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distances = iter([5.0, 4.0, 6.0, 7.0])
    monkeypatch.setattr(objectives, "movers_distance", lambda a, b: next(distances))
    config = replace(SMOKE.config, stopping="movers_distance", patience=1)
    found = run(tmp_path, replace(SMOKE, config=config))
    assert [e["movers_distance"] for e in found.normalisation.history] == [5, 4, 6]
    assert found.normalisation.best_epoch == 1
    assert "risen from 4" in found.normalisation.ended
    again = run(tmp_path, replace(SMOKE, config=config))
    assert same(again, found) and again.normalisation.ended == found.normalisation.ended


def two_modes(count: int, seed: int, between: bool = False) -> Tensor:
    """Points (count, 2) near x = -1.2 and x = 1.2 on a line, or on the line between them."""
    generator = torch.Generator().manual_seed(seed)
    y = 0.05 * torch.randn(count, generator=generator)
    x = 1.2 * (2.0 * torch.randint(2, (count,), generator=generator) - 1)
    x = x + 0.15 * torch.randn(count, generator=generator)
    if between:
        x = 1.2 * torch.rand(count, generator=generator) - 0.6
    return torch.stack([x, y], dim=1)


@pytest.mark.slow
def test_normalisation_finds_what_reconstruction_passes(tmp_path: Path) -> None:
    """An autoencoder reconstructs what lies between two modes nearly as well as the modes."""

    def build(seed: int) -> Autoencoder:
        return build_dense_autoencoder(seed, variables=2, widths=(2, 1))

    chain = ChainConfig(steps=20, step_size=1.0, noise=0.1)
    training = NaeTraining(
        reconstruction=schedule(epochs=20, batch_size=128, learning_rate=3e-3),
        normalisation=schedule(epochs=10, batch_size=128, learning_rate=3e-3),
        config=NormalisationConfig(
            sampler=SamplerConfig(latent=None, input=chain),
            loss=LossConfig(scale=10.0),
            epoch_jets=2048,
            stopping="loss",
        ),
        spectral=False,
    )
    inputs = JetInputs(train=two_modes(2048, 1), validation=two_modes(512, 2))
    found = train_nae(build, inputs, training, tmp_path, progress=False)
    background, anomalies = two_modes(1000, 3), two_modes(1000, 4, between=True)
    areas = []
    for state in (found.autoencoder, found.normalised):
        model = build(0)
        model.load_state_dict(state)
        scores = [energy_sums(model, x).numpy() for x in (anomalies, background)]
        areas.append(auc(*scores).value)
    assert areas[1] > 0.995 and areas[1] > areas[0] + 0.015


def test_presets() -> None:
    paper = paper_training()
    config = paper.config
    assert config.loss == LossConfig(name="regularised", gamma=1.0, weight_penalty=1e-8)
    assert paper.normalisation.epochs * config.epoch_jets == 40_000 * 128
    substructure = substructure_training().config
    assert substructure.sampler.latent is None
    assert substructure.sampler.input.temperature == pytest.approx(0.0036)
    demo, paper_chain = demo_training().config.sampler.latent, config.sampler.latent
    assert demo is not None and paper_chain is not None
    assert demo.temperature == pytest.approx(paper_chain.temperature)
