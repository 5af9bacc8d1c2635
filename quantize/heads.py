"""Score heads: what turns a quantised network into one number per event, in the graph.

Sums over pixels, never means; higher is more anomalous. Sums are made in float64, which holds them
exactly (a squared error of 8-bit probabilities over 4,176 pixels needs 28 bits).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from trigforge.quantize.activations import QuantGrid
from trigforge.quantize.lookup import tabulated

PIXELS = (2, 3)


class ErrorHead(nn.Module):
    """Sum over pixels of the squared or absolute error of the probabilities.

    Args:
        logits: the quantiser that the logits come from.
        table_bits: of the probabilities.
        measure: of the differences, ``square`` or ``magnitude``.
    """

    def __init__(
        self, logits: QuantGrid, table_bits: int, measure: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.bits, self.exponent = logits.bits, logits.exponent
        self.table_bits, self.measure = table_bits, measure

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        """Scores (B, 1) of logits and masks (B, 1, H, W)."""
        found = tabulated(logits, "sigmoid", self.bits, self.exponent, self.table_bits)
        return self.measure(masks - found).double().sum(PIXELS)


class CrossEntropyHead(nn.Module):
    """Sum over pixels of the binary cross-entropy: softplus of the logit, its sign turned where a
    pixel is set.
    """

    def __init__(self, logits: QuantGrid, table_bits: int) -> None:
        super().__init__()
        self.table_bits = table_bits
        self.signed = QuantGrid(logits.bits)
        self.signed.set_exponent(logits.exponent)

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        """Scores (B, 1) of logits and masks (B, 1, H, W)."""
        grid, selected = self.signed, masks * logits
        signed = grid(logits - (selected + selected))
        found = tabulated(signed, "softplus", grid.bits, grid.exponent, self.table_bits)
        return found.double().sum(PIXELS)


class LatentHead(nn.Module):
    """One component of the latents."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent

    def forward(self, latents: Tensor) -> Tensor:
        """Scores (B, 1) of latents (B, Z)."""
        return latents[:, self.latent : self.latent + 1]


def square(differences: Tensor) -> Tensor:
    """d^2."""
    return differences * differences


RECONSTRUCTION: dict[str, Callable[[QuantGrid, int], nn.Module]] = {
    "bce": CrossEntropyHead,
    "sse": lambda logits, bits: ErrorHead(logits, bits, square),
    "sae": lambda logits, bits: ErrorHead(logits, bits, torch.abs),
}
"""Heads by the name that a recipe gives them; they take the logits' quantiser and table bits."""
