"""Sums and differences of two tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls import forms
from trigforge.hls.forms import Form
from trigforge.hls.graph import Edge, Node, check_bits
from trigforge.hls.ops import aligned

Combine = Callable[[Form, Form], Form | None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Node):
    """y = a + b, element by element, on the finer of the two grids."""

    op: ClassVar[str] = "add"

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge; the ends add up, less what cancels."""
        return _combined(self, inputs, Form.plus)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the aligned inputs and of the output."""
        return _carried(self.infer(*inputs), inputs)


@dataclass(frozen=True, eq=False, kw_only=True)
class Sub(Node):
    """y = a - b, element by element, on the finer of the two grids."""

    op: ClassVar[str] = "sub"

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge; opposite ends subtract, less what cancels."""
        return _combined(self, inputs, Form.minus)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the aligned inputs and of the output."""
        return _carried(self.infer(*inputs), inputs)


def _combined(node: Node, inputs: tuple[Edge, ...], combine: Combine) -> Edge:
    """The ends of two strangers, met with those of every form in which the two share a source.

    Each input counts as itself and, where it has one, as its form: a convolution of x meets x
    itself, whatever x is made of.
    """
    a, b = inputs
    if a.shape != b.shape:
        raise node.refuse(f"inputs of shape {a.shape} and {b.shape}; tile or crop one of them")
    fraction, (a_shift, b_shift) = aligned.shifts(inputs)
    (a_lo, a_hi), (b_lo, b_hi) = aligned.shifted(a, a_shift), aligned.shifted(b, b_shift)
    check_bits(float(max(a.magnitude << a_shift, b.magnitude << b_shift)) * 2)
    if combine is Form.minus:
        b_lo, b_hi = -b_hi, -b_lo
    ends = (a_lo + b_lo, a_hi + b_hi)
    best = None
    for first, second in itertools.product(forms.views(a), forms.views(b)):
        form = forms.attempt(lambda f=first, s=second: combine(f, s))  # type: ignore[misc]
        if form is None:
            continue
        best = best or form
        if first.sources & second.sources:
            best = form
            ends = forms.meet(ends, forms.on_grid(form.interval(), form.fraction, fraction))
    return Edge.tight(a.shape, fraction, *ends, best)


def _carried(y: Edge, inputs: tuple[Edge, ...]) -> int:
    _, found = aligned.shifts(inputs)
    largest = max(edge.magnitude << shift for edge, shift in zip(inputs, found, strict=True))
    return max(y.magnitude, largest).bit_length()
