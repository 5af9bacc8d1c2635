"""Products of two tensors."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trigforge.hls import forms
from trigforge.hls.forms import Form
from trigforge.hls.graph import Edge, Ints, Node, check_bits

Ends = tuple[Ints, Ints]

# Values of a shared source that are looked at one by one; more are left to the interval.
MOST_CASES = 1 << 10


@dataclass(frozen=True, eq=False, kw_only=True)
class Mul(Node):
    """y = a b, element by element, with the fraction bits of both.

    When both inputs are the same edge, or the same function of the same edges, this is a square,
    which is never negative.
    """

    op: ClassVar[str] = "mul"

    @property
    def is_square(self) -> bool:
        """Whether an edge is multiplied by itself."""
        return self.inputs[0] == self.inputs[1]

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge: the extreme products of the ends, of what they share case by case."""
        a, b = inputs
        if a.shape != b.shape:
            raise self.refuse(f"inputs of shape {a.shape} and {b.shape}; tile or crop one of them")
        check_bits(float(a.magnitude) * float(b.magnitude))
        fraction = a.fraction + b.fraction
        if a is b or (a.fraction == b.fraction and forms.of(a).same_as(forms.of(b))):
            lo, hi = _square((a.lo, a.hi))
            if a.form is not None and (ends := _by_cases(a.form, a.form, a, a)) is not None:
                lo, hi = forms.meet((lo, hi), ends)
            return Edge.tight(a.shape, fraction, lo, hi).knowing(sums=a.energy)
        lo, hi = _product((a.lo, a.hi), (b.lo, b.hi))
        for first, second in itertools.product(forms.views(a), forms.views(b)):
            ends = _by_cases(first, second, a, b)
            if ends is not None:
                lo, hi = forms.meet((lo, hi), ends)
        return Edge.tight(a.shape, fraction, lo, hi)


def _square(ends: Ends) -> Ends:
    """Ends of x^2."""
    lo, hi = ends
    squares = np.stack([lo**2, hi**2])
    return np.where((lo <= 0) & (hi >= 0), 0, squares.min(0)), squares.max(0)


def _product(a: Ends, b: Ends) -> Ends:
    """Ends of a product of strangers."""
    ends = np.stack([p * q for p in a for q in b])
    return ends.min(0), ends.max(0)


def _by_cases(a: Form, b: Form, left: Edge, right: Edge) -> Ends | None:
    """Ends where both factors depend on one source of few values: the worst of its values.

    Exact when what else the factors depend on is independent.
    """
    shared = a.sources & b.sources
    if len(shared) != 1 or shared & {*a.window, *b.window}:
        return None
    (source,) = shared
    levels = int((source.hi - source.lo).max()) + 1
    if levels > MOST_CASES:
        return None
    cases = []
    for level in range(levels):
        value = np.minimum(source.lo + level, source.hi)
        parts = [
            forms.on_grid(form.given(source, value).interval(), form.fraction, edge.fraction)
            for form, edge in ((a, left), (b, right))
        ]
        cases.append(_product(*parts))
    return np.min([lo for lo, _ in cases], axis=0), np.max([hi for _, hi in cases], axis=0)
