"""What the normalisation makes small, from energies of jets (+) and of the chains' samples (-)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn import functional

LossName = Literal["regularised", "log_cosh"]


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Which loss and its weights.

    Attributes:
        name: ``regularised`` (arXiv:2206.14225) or ``log_cosh`` (CMS, EPS-HEP 2023).
        gamma: weight of the mean squared energy of samples in ``regularised``.
        alpha: weight of the energy of jets in ``log_cosh``.
        weight_penalty: in front of the sum of all squared parameters.
        scale: energies are multiplied by it first. The published loss has 1; energies of jet images
            are of the order 1e-5, where Adam's own 1e-8 slows parameters with small gradients.
    """

    name: LossName = "regularised"
    gamma: float = 1.0
    alpha: float = 0.1
    weight_penalty: float = 1e-8
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in LOSSES:
            raise ValueError(f"name is {self.name!r}, expected one of {', '.join(LOSSES)}")
        if min(self.gamma, self.weight_penalty) < 0 or min(self.alpha, self.scale) <= 0:
            raise ValueError(
                f"gamma is {self.gamma}, weight_penalty {self.weight_penalty}, alpha {self.alpha} "
                f"and scale {self.scale}, expected 0 or more for the first two, else above 0"
            )


def regularised(positive: Tensor, negative: Tensor, config: LossConfig) -> Tensor:
    """``<E+> - <E-> + gamma <E-^2>``: the last term keeps energies from running away together."""
    return positive.mean() - negative.mean() + config.gamma * negative.square().mean()


def log_cosh(positive: Tensor, negative: Tensor, config: LossConfig) -> Tensor:
    """``log cosh(<E+> - <E->) + alpha <E+>``: energies meet, then those of jets fall."""
    apart = (positive.mean() - negative.mean()).abs()
    return apart + functional.softplus(-2 * apart) - math.log(2) + config.alpha * positive.mean()


LOSSES: dict[str, Callable[[Tensor, Tensor, LossConfig], Tensor]] = {
    "regularised": regularised,
    "log_cosh": log_cosh,
}


def normalisation_loss(positive: Tensor, negative: Tensor, config: LossConfig) -> Tensor:
    """The loss of energies (B,) and (B',) without the penalty on weights; a scalar."""
    return LOSSES[config.name](positive * config.scale, negative * config.scale, config)
