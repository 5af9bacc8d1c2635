"""Functions as tables of integers, with their size and their largest error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.formats import Format
from trigforge.hls.graph import Ints
from trigforge.hls.ops.lookup import LARGEST_WIDTH
from trigforge.train.errors import UnsupportedError, unknown_name

Values = NDArray[np.float64]


def sigmoid(x: Values) -> Values:
    """1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-x)))


def softplus(x: Values) -> Values:
    """log(1 + exp(x)): of the signed logit, a pixel's binary cross-entropy."""
    return np.asarray(np.logaddexp(0, x))


def reciprocal_root(x: Values) -> Values:
    """1 / sqrt(x); infinite, that is the largest entry, for x <= 0."""
    root = np.sqrt(np.maximum(x, 0))
    return np.divide(1, root, out=np.full_like(root, np.inf), where=root > 0)


FUNCTIONS: dict[str, Callable[[Values], Values]] = {
    "reciprocal_root": reciprocal_root,
    "sigmoid": sigmoid,
    "softplus": softplus,
}


@dataclass(frozen=True, eq=False)
class TabulatedFunction:
    """A table and what it costs.

    Attributes:
        entries: (2^width,) integers in ``output``, from the smallest input integer on.
        max_error: largest difference to the function, in its own unit, where it lies within the
            output's range; half a step unless the table saturates.
        saturated: inputs at which the function leaves the output's range.
    """

    name: str
    input: Format
    output: Format
    entries: Ints
    max_error: float
    saturated: int

    @property
    def bits(self) -> int:
        """Size: entries times output bits."""
        return len(self.entries) * self.output.width

    def parameters(self) -> dict[str, Any]:
        """What a :class:`~trigforge.hls.ops.lookup.Lookup` takes beside its edges."""
        return {"entries": self.entries, "format": self.output}


def tabulate(name: str, source: Format, target: Format) -> TabulatedFunction:
    """The nearest integer of ``target`` for every integer of ``source``.

    Raises:
        InputError: no function of that name.
        UnsupportedError: more than 2^14 entries.
    """
    if name not in FUNCTIONS:
        raise unknown_name("function", name, FUNCTIONS)
    if source.width > LARGEST_WIDTH:
        raise UnsupportedError(
            f"a table of {name} over {source}: at most {LARGEST_WIDTH} bits; quantise its input"
        )
    x = np.arange(source.min_int, source.max_int + 1, dtype=np.float64) * 2.0**-source.fraction
    exact = FUNCTIONS[name](x)
    scaled = np.floor(exact * 2.0**target.fraction + 0.5)
    entries = np.clip(scaled, target.min_int, target.max_int).astype(np.int64)
    inside = entries == scaled
    errors = np.abs(entries[inside] * 2.0**-target.fraction - exact[inside])
    return TabulatedFunction(
        name, source, target, entries, float(errors.max(initial=0)), int((~inside).sum())
    )
