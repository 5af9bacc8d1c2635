"""The grid that a network's inputs lie on: what a recipe calls the input format."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class InputGrid:
    """Multiples of 2^-fraction that fit into ``bits`` bits, truncated and saturated.

    Attributes:
        bits: in all, the sign included.
        fraction: bits behind the binary point.
    """

    bits: int
    fraction: int
    signed: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 24:
            raise ValueError(f"bits is {self.bits}, expected 1 to 24")

    @property
    def step(self) -> float:
        """Distance of neighbouring values."""
        return 2.0**-self.fraction

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest integer."""
        if self.signed:
            return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1
        return 0, (1 << self.bits) - 1

    def __call__(self, values: Tensor) -> Tensor:
        """Values on the grid, of the same shape and type."""
        low, high = self.limits
        return torch.floor(values / self.step).clamp_(low, high).mul_(self.step)


def pixel_grid(bits: int) -> InputGrid:
    """Unsigned pixels of images of sum one, on the grid 2^-bits."""
    return InputGrid(bits, bits)
