"""The one training loop: for float networks and for quantisation-aware training alike.

What is trained towards is an :class:`Objective`; how long and how fast is a :class:`Schedule`. All
randomness of an epoch comes from (seed, epoch), so a run that was interrupted continues on the very
trajectory of one that was not.
"""

from __future__ import annotations

import io
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from tqdm import tqdm

from trigforge.train.artifacts import atomic_path, sha256_json
from trigforge.train.config import TrainConfig
from trigforge.train.errors import CollapseError, InputError, TrainingError

CHECKPOINT = "checkpoint.pt"
WARMUP_FRACTION = 0.05


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Steps of AdamW.

    Attributes:
        schedule: ``constant`` learning rate (the paper), or ``cosine``: a linear rise over the
            first twentieth of the steps, then half a cosine to zero; for few epochs.
        precision: of convolutions and matrix products; parameters and losses stay float32.
        compile: let torch generate fused kernels: a minute once, then half the time per event.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    clip_norm: float
    seed: int
    schedule: Literal["constant", "cosine"] = "constant"
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False

    @classmethod
    def of(cls, config: TrainConfig) -> Schedule:
        """The steps that a recipe's training asks for."""
        return cls(**{field.name: getattr(config, field.name) for field in fields(cls)})


class Objective(Protocol):
    """What a training makes small, and what its epochs are compared by."""

    @property
    def events(self) -> int:
        """Number of training events."""
        ...

    @property
    def key(self) -> Any:
        """Plain data that changes when the training data or the objective does."""
        ...

    @property
    def selection(self) -> str:
        """Name of the validation metric of which the largest value is kept."""
        ...

    def start_epoch(self, generator: torch.Generator) -> None:
        """Prepare an epoch; all random choices come from ``generator``."""
        ...

    def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
        """Mean loss of a batch of training events ``index`` (B,); a scalar with gradient."""
        ...

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """Metrics on validation events; the model is in evaluation mode."""
        ...


@runtime_checkable
class Continuing(Protocol):
    """An objective that carries something from epoch to epoch and may end the training early."""

    def state(self) -> dict[str, Any]:
        """Plain data and tensors; part of every checkpoint."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`."""
        ...

    def ended(self, history: list[dict[str, float]]) -> str:
        """Why no further epoch is wanted, or nothing."""
        ...


@dataclass(frozen=True)
class Fitted:
    """The best epoch of a training.

    Attributes:
        state: state dict of the model at ``best_epoch``.
        history: per epoch ``epoch``, ``loss``, ``seconds`` and the validation metrics.
        ended: why there are fewer epochs than the schedule has, or nothing.
    """

    state: dict[str, Tensor]
    history: list[dict[str, float]]
    best_epoch: int
    ended: str = ""


def fit(
    model: nn.Module,
    objective: Objective,
    schedule: Schedule,
    work: Path,
    *,
    name: str,
    progress: bool = True,
    finished: Callable[[list[dict[str, float]]], None] = lambda history: None,
) -> Fitted:
    """Train ``model`` (in place) and leave it in its best state.

    After every epoch a checkpoint is written to ``work``; a call with the same schedule, data and
    architecture continues from it, anything else starts over. An interrupted epoch is redone. An
    epoch in which the objective collapses does not count: the training ends with those before it.

    Args:
        name: shown in front of the progress bar.
        finished: is told the history after every epoch, before the checkpoint is written.

    Raises:
        TrainingError: the loss is not finite, or the objective collapses in the first epoch.
        StorageError: a checkpoint cannot be written.
    """
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    key = sha256_json([asdict(schedule), objective.key, shapes])
    path = work / CHECKPOINT
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True
    )
    saved = _load(path, key)
    history: list[dict[str, float]] = []
    best: dict[str, Tensor] = {}
    ended = ""
    continuing = objective if isinstance(objective, Continuing) else None
    if saved:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        history, best = saved["history"], saved["best"]
        if continuing:
            continuing.load_state(saved["objective"])
            ended = continuing.ended(history)
    stepped: nn.Module = torch.compile(model) if schedule.compile else model  # type: ignore[assignment]
    for epoch in range(len(history), schedule.epochs):
        if ended:
            break
        started = time.monotonic()
        try:
            loss = _epoch(
                stepped, trained, optimizer, objective, schedule, epoch, name, progress=progress
            )
        except CollapseError as collapse:
            if not history:
                raise
            ended = str(collapse)
            break
        model.eval()
        with torch.inference_mode():
            metrics = dict(objective.validate(model))
        history.append(
            {"epoch": epoch, "loss": loss, "seconds": time.monotonic() - started, **metrics}
        )
        if best_epoch(history, objective.selection) == epoch:
            best = state_copy(model)
        if progress:
            shown = ", ".join(f"{k} {v:.4g}" for k, v in history[-1].items() if k != "epoch")
            tqdm.write(f"{name}: epoch {epoch + 1}/{schedule.epochs}: {shown}", file=sys.stderr)
        ended = continuing.ended(history) if continuing else ""
        finished(history)
        _save(
            path,
            {
                "objective": continuing.state() if continuing else {},
                "key": key,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "history": history,
                "best": best,
            },
        )
    model.load_state_dict(best)
    model.eval()
    return Fitted(best, history, best_epoch(history, objective.selection), ended)


def best_epoch(history: list[dict[str, float]], selection: str) -> int:
    """The first epoch with the largest value of the selection metric."""
    return max(range(len(history)), key=lambda epoch: history[epoch][selection])


def state_copy(model: nn.Module) -> dict[str, Tensor]:
    """The state dict as contiguous tensors of its own."""
    return {
        key: value.detach().clone(memory_format=torch.contiguous_format)
        for key, value in model.state_dict().items()
    }


def learning_rate(schedule: Schedule, step: int, steps: int) -> float:
    """Learning rate of a step out of ``steps``."""
    if schedule.schedule == "constant":
        return schedule.learning_rate
    warmup = max(1, round(WARMUP_FRACTION * steps))
    if step < warmup:
        return schedule.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return schedule.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _epoch(
    model: nn.Module,
    trained: list[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    schedule: Schedule,
    epoch: int,
    name: str,
    *,
    progress: bool,
) -> float:
    """One pass over the training events; the mean loss."""
    generator = torch.Generator().manual_seed(schedule.seed * 1_000_003 + epoch)
    objective.start_epoch(generator)
    order = torch.randperm(objective.events, generator=generator)
    size = min(schedule.batch_size, objective.events)
    batches = objective.events // size
    low_precision = schedule.precision == "bfloat16"
    total = 0.0
    model.train()
    with tqdm(
        total=batches * size, unit="events", desc=f"{name} {epoch + 1}", disable=not progress
    ) as bar:
        for batch in range(batches):
            rate = learning_rate(schedule, epoch * batches + batch, schedule.epochs * batches)
            for group in optimizer.param_groups:
                group["lr"] = rate
            index = order[batch * size : (batch + 1) * size]
            with torch.autocast(trained[0].device.type, torch.bfloat16, enabled=low_precision):
                loss = objective.loss(model, index, generator)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            value = float(loss.detach())
            if not math.isfinite(value):
                raise TrainingError(
                    f"{name}: the loss is {value} in epoch {epoch + 1}, batch {batch + 1}; "
                    "lower the learning rate or check the input events"
                )
            nn.utils.clip_grad_norm_(trained, schedule.clip_norm)
            optimizer.step()
            total += value
            bar.update(size)
            bar.set_postfix_str(f"loss {value:.4g}", refresh=False)
    return total / batches


def _save(path: Path, checkpoint: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all; through memory, as torch hides why a disk refuses."""
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def _load(path: Path, key: str) -> dict[str, Any] | None:
    """The checkpoint of the same training, or None."""
    if not path.is_file():
        return None
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"{path}: not a readable checkpoint ({type(error).__name__}); delete it to start over"
        ) from None
    return saved if saved.get("key") == key else None
