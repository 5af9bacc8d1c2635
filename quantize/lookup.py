"""Functions of one variable as tables, for training and export."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.quantize import tables
from trigforge.quantize.activations import QuantGrid
from trigforge.quantize.functions import DOMAIN

SMOOTH: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "tanh": torch.tanh,
}
"""What training differentiates instead of a table."""


@lru_cache(maxsize=32)
def table(name: str, bits: int, exponent: int, out_bits: int) -> tuple[Tensor, int]:
    """Entries (2^bits,) of a function over ``bits`` signed bits of step 2^exponent, and their grid.

    The output has ``out_bits`` bits, with a sign where the function is negative somewhere, and the
    finest grid on which nothing saturates by more than one step.

    Returns:
        int64 entries from the smallest input on, and the exponent of their step.
    """
    limit = 1 << (bits - 1)
    exact = tables.function(name)(torch.arange(-limit, limit).double().numpy() * 2.0**exponent)
    signed = bool(exact.min() < 0)
    size = 1 << (out_bits - signed)
    target = math.ceil(math.log2(float(abs(exact).max()) / size))
    low = -size if signed else 0
    entries = tables.entries(name, -limit, limit - 1, -exponent, low, size - 1, -target)
    return torch.from_numpy(entries), target


class Lookup(torch.autograd.Function):
    """``entries[x / in_step - first]`` times ``out_step``, with the gradient of the function."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, entries: Tensor, in_step: float, first: int, out_step: float, name: str
    ) -> Tensor:
        """Values on the table's grid, in the shape of ``x``."""
        ctx.save_for_backward(x)
        ctx.name = name
        index = torch.round(x.double() / in_step).to(torch.int64) - first
        return (entries[index].double() * out_step).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient of the smooth function."""
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            source = x.detach().requires_grad_()
            (found,) = torch.autograd.grad(SMOOTH[ctx.name](source), source, gradient)
        return found, None, None, None, None, None

    @staticmethod
    def symbolic(
        g: Any, x: Any, entries: Any, in_step: float, first: int, out_step: float, name: str
    ) -> Any:
        """The node that :mod:`trigforge.quantize.functions` defines."""
        node = g.op(
            f"{DOMAIN}::Lookup", x, entries, in_step_f=in_step, first_i=first, out_step_f=out_step
        )
        return node.setType(x.type())


def tabulated(x: Tensor, name: str, bits: int, exponent: int, out_bits: int) -> Tensor:
    """The function at values that lie on a grid of ``bits`` signed bits and step 2^exponent."""
    entries, target = table(name, bits, exponent, out_bits)
    values = Lookup.apply(  # type: ignore[no-untyped-call]
        x, entries, 2.0**exponent, -(1 << (bits - 1)), 2.0**target, name
    )
    return cast(Tensor, values)


class QuantFunction(nn.Module):
    """A quantiser and the table behind it; any shape."""

    def __init__(self, name: str, bits: int, out_bits: int) -> None:
        super().__init__()
        self.name, self.out_bits = name, out_bits
        self.input = QuantGrid(bits)

    def forward(self, images: Tensor) -> Tensor:
        """Values on the table's grid."""
        grid = self.input
        return tabulated(grid(images), self.name, grid.bits, grid.exponent, self.out_bits)
