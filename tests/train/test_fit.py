import errno
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trigforge.train.errors import InputError, StorageError, TrainingError
from trigforge.train.fit import CHECKPOINT, Fitted, Schedule, fit, learning_rate

SCHEDULE = Schedule(
    epochs=4,
    batch_size=8,
    learning_rate=0.05,
    weight_decay=1e-4,
    clip_norm=1.0,
    seed=7,
    schedule="cosine",
)


class Line:
    """Fit y = 3 x1 - 2 x2 + noise drawn from the generator; 40 events, 20 for validation."""

    selection = "negative_error"

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(60, 2, generator=generator)
        self.y = self.x @ torch.tensor([[3.0], [-2.0]])
        self.key: Any = "line"
        self.calls = 0
        self.fail_at: int | None = None
        self.failure: BaseException = KeyboardInterrupt()
        self.poison = False

    @property
    def events(self) -> int:
        return 40

    def start_epoch(self, generator: torch.Generator) -> None:
        self.shift = 0.01 * torch.randn((), generator=generator)

    def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
        self.calls += 1
        if self.calls == self.fail_at:
            raise self.failure
        noise = 0.01 * torch.randn(len(index), 1, generator=generator) + self.shift
        loss = torch.square(model(self.x[index]) - self.y[index] - noise).mean()
        return loss * float("nan") if self.poison else loss

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        assert not model.training
        error = torch.square(model(self.x[40:]) - self.y[40:]).mean()
        return {"negative_error": -float(error.detach())}


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.25), nn.Linear(8, 1))


def run(objective: Line, work: Path, schedule: Schedule = SCHEDULE) -> Fitted:
    return fit(network(), objective, schedule, work, name="line", progress=False)


def same(a: Fitted, b: Fitted) -> bool:
    times = {"seconds": 0.0}
    return all(torch.equal(a.state[key], b.state[key]) for key in a.state) and (
        [{**epoch, **times} for epoch in a.history] == [{**epoch, **times} for epoch in b.history]
    )


def test_it_learns_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    model = network()
    fitted = fit(model, Line(), SCHEDULE, tmp_path, name="line", progress=False)
    errors = [epoch["negative_error"] for epoch in fitted.history]
    assert fitted.history[-1]["loss"] < 0.3 * fitted.history[0]["loss"]
    assert errors[fitted.best_epoch] == max(errors)
    assert Line().validate(model)["negative_error"] == max(errors)


def test_the_best_epoch_need_not_be_the_last(tmp_path: Path) -> None:
    class Worsening(Line):
        def validate(self, model: nn.Module) -> Mapping[str, float]:
            self.seen = [*getattr(self, "seen", []), model.state_dict()["0.weight"].clone()]
            return {"negative_error": -abs(len(self.seen) - 2.0)}

    objective = Worsening()
    fitted = run(objective, tmp_path)
    assert fitted.best_epoch == 1
    assert torch.equal(fitted.state["0.weight"], objective.seen[1])
    assert not torch.equal(fitted.state["0.weight"], objective.seen[3])


@pytest.mark.parametrize("call", [1, 6, 12, 20])
def test_interrupted_training_continues_on_the_same_trajectory(tmp_path: Path, call: int) -> None:
    whole = run(Line(), tmp_path / "whole")
    objective = Line()
    objective.fail_at = call
    with pytest.raises(KeyboardInterrupt):
        run(objective, tmp_path / "parts")
    left = list((tmp_path / "parts").glob("*")) if call > 5 else []
    assert [path.name for path in left] == ([CHECKPOINT] if call > 5 else [])
    resumed = Line()
    assert same(run(resumed, tmp_path / "parts"), whole)
    assert resumed.calls == 20 - 5 * ((call - 1) // 5)


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = run(Line(), tmp_path)
    again = Line()
    assert same(run(again, tmp_path), first)
    assert again.calls == 0


def test_another_schedule_or_data_set_starts_over(tmp_path: Path) -> None:
    run(Line(), tmp_path)
    objective = Line()
    run(objective, tmp_path, replace(SCHEDULE, learning_rate=0.01))
    assert objective.calls == 20
    other = Line()
    other.key = "another line"
    run(other, tmp_path, replace(SCHEDULE, learning_rate=0.01))
    assert other.calls == 20


def test_the_seed_decides(tmp_path: Path) -> None:
    first = run(Line(), tmp_path / "a")
    assert same(run(Line(), tmp_path / "b"), first)
    other = run(Line(), tmp_path / "c", replace(SCHEDULE, seed=8))
    assert not same(other, first)


def test_a_loss_that_is_not_finite_is_one_sentence(tmp_path: Path) -> None:
    objective = Line()
    objective.poison = True
    with pytest.raises(TrainingError, match=r"line: the loss is nan in epoch 1, batch 1; lower"):
        run(objective, tmp_path)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    run(Line(), tmp_path)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"checkpoint\.pt: not a readable checkpoint"):
        run(Line(), tmp_path)


def test_a_full_disk_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(Line(), tmp_path, replace(SCHEDULE, epochs=1))
    before = (tmp_path / CHECKPOINT).read_bytes()

    def full(self: Path, data: object) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="the disk is full"):
        run(Line(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_gradients_are_clipped(tmp_path: Path) -> None:
    """Plain Adam hides the size of gradients, so look at them."""
    sizes: list[float] = []

    class Watching(Line):
        def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
            gradients = [p.grad for p in model.parameters() if p.grad is not None]
            if gradients:
                sizes.append(float(torch.cat([g.flatten() for g in gradients]).norm()))
            return 1000 * super().loss(model, index, generator)

    run(Watching(), tmp_path, replace(SCHEDULE, clip_norm=0.5))
    assert sizes and all(size < 0.5001 for size in sizes)
    assert max(sizes) > 0.49


def test_learning_rates() -> None:
    assert learning_rate(replace(SCHEDULE, schedule="constant"), 0, 100) == 0.05
    assert learning_rate(replace(SCHEDULE, schedule="constant"), 99, 100) == 0.05
    rates = [learning_rate(SCHEDULE, step, 100) for step in range(100)]
    assert rates[:5] == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05])
    assert rates[5] == 0.05
    assert all(a > b for a, b in pairwise(rates[5:]))
    assert rates[-1] < 1e-4
