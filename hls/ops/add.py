"""Sums and differences of two tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trigforge.hls.graph import Edge, Node, check_bits
from trigforge.hls.ops import aligned


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Node):
    """y = a + b, element by element, on the finer of the two grids."""

    op: ClassVar[str] = "add"

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge; the ends add up, as the two inputs are taken to be independent."""
        a, b = _pair(self, inputs)
        fraction, (a_shift, b_shift) = aligned.shifts(inputs)
        (a_lo, a_hi), (b_lo, b_hi) = aligned.shifted(a, a_shift), aligned.shifted(b, b_shift)
        check_bits(float(max(a.magnitude << a_shift, b.magnitude << b_shift)) * 2)
        return Edge.tight(a.shape, fraction, a_lo + b_lo, a_hi + b_hi)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the aligned inputs and of the output."""
        return _carried(self.infer(*inputs), inputs)


@dataclass(frozen=True, eq=False, kw_only=True)
class Sub(Node):
    """y = a - b, element by element, on the finer of the two grids."""

    op: ClassVar[str] = "sub"

    def infer(self, *inputs: Edge) -> Edge:
        """Output edge; the two inputs are taken to be independent."""
        a, b = _pair(self, inputs)
        fraction, (a_shift, b_shift) = aligned.shifts(inputs)
        (a_lo, a_hi), (b_lo, b_hi) = aligned.shifted(a, a_shift), aligned.shifted(b, b_shift)
        check_bits(float(max(a.magnitude << a_shift, b.magnitude << b_shift)) * 2)
        return Edge.tight(a.shape, fraction, a_lo - b_hi, a_hi - b_lo)

    def carried_bits(self, *inputs: Edge) -> int:
        """Bits of the aligned inputs and of the output."""
        return _carried(self.infer(*inputs), inputs)


def _pair(node: Node, inputs: tuple[Edge, ...]) -> tuple[Edge, Edge]:
    a, b = inputs
    if a.shape != b.shape:
        raise node.refuse(f"inputs of shape {a.shape} and {b.shape}; tile or crop one of them")
    return a, b


def _carried(y: Edge, inputs: tuple[Edge, ...]) -> int:
    _, found = aligned.shifts(inputs)
    largest = max(edge.magnitude << shift for edge, shift in zip(inputs, found, strict=True))
    return max(y.magnitude, largest).bit_length()
