"""The replay buffer: where chains of the next iteration begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Fresh = Callable[[int, torch.Generator], Tensor]
"""Number of points and a generator to new points (count, ...)."""


@dataclass(frozen=True)
class Start:
    """Points (B, ...) and how many chains each has been through, (B,) int64."""

    points: Tensor
    ages: Tensor


class ReplayBuffer:
    """End points of the latest chains; the oldest entries make room for new ones.

    Args:
        capacity: number of points kept.
        replay: probability that a chain starts from a kept point instead of a fresh one.
        fresh: makes new points.
    """

    def __init__(self, capacity: int, replay: float, fresh: Fresh) -> None:
        if capacity < 1 or not 0 <= replay <= 1:
            raise ValueError(
                f"capacity is {capacity} and replay {replay}, expected at least 1 and within [0, 1]"
            )
        self.capacity, self.replay = capacity, replay
        self._fresh = fresh
        self._points: Tensor | None = None
        self._ages = torch.zeros(capacity, dtype=torch.int64)
        self._count = 0
        self._next = 0

    def __len__(self) -> int:
        return self._count

    @property
    def mean_age(self) -> float:
        """Mean number of chains behind a kept point; 0 when there is none."""
        return float(self._ages[: self._count].double().mean()) if self._count else 0.0

    def draw(self, count: int, generator: torch.Generator) -> Start:
        """Starting points for ``count`` chains."""
        points = self._fresh(count, generator)
        ages = torch.zeros(count, dtype=torch.int64)
        if self._points is None:
            return Start(points, ages)
        device = generator.device
        kept = torch.rand(count, generator=generator, device=device) < self.replay
        index = torch.randint(self._count, (count,), generator=generator, device=device)
        wide = kept.view(-1, *[1] * (points.ndim - 1))
        points = torch.where(wide, self._points[index], points)
        return Start(points, torch.where(kept.cpu(), self._ages[index.cpu()], ages))

    def push(self, points: Tensor, ages: Tensor) -> None:
        """Keep points (B, ...) that have been through ``ages`` (B,) chains."""
        points, ages = points.detach()[-self.capacity :], ages[-self.capacity :]
        if self._points is None:
            self._points = points.new_zeros(self.capacity, *points.shape[1:])
        place = (torch.arange(len(points)) + self._next) % self.capacity
        self._points[place.to(points.device)] = points
        self._ages[place] = ages
        self._next = (self._next + len(points)) % self.capacity
        self._count = min(self.capacity, self._count + len(points))

    def state(self) -> dict[str, Any]:
        """Plain data and tensors for a checkpoint."""
        points = None if self._points is None else self._points[: self._count].cpu()
        return {"points": points, "ages": self._ages[: self._count].clone(), "next": self._next}

    def load_state(self, state: dict[str, Any], device: torch.device | str = "cpu") -> None:
        """Become the buffer that :meth:`state` was taken of."""
        points, ages = state["points"], state["ages"]
        self._points, self._ages = None, torch.zeros(self.capacity, dtype=torch.int64)
        self._count, self._next = len(ages), int(state["next"])
        if points is not None:
            self._points = points.new_zeros(self.capacity, *points.shape[1:], device=device)
            self._points[: len(ages)] = points.to(device)
            self._ages[: len(ages)] = ages
