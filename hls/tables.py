"""Functions as tables of integers, with their size and their largest error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trigforge.hls.formats import Format
from trigforge.hls.graph import Ints
from trigforge.quantize.tables import LARGEST_WIDTH, function, nearest
from trigforge.train.errors import UnsupportedError


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
    definition = function(name)
    if source.width > LARGEST_WIDTH:
        raise UnsupportedError(
            f"a table of {name} over {source}: at most {LARGEST_WIDTH} bits; quantise its input"
        )
    x = np.arange(source.min_int, source.max_int + 1, dtype=np.float64) * 2.0**-source.fraction
    exact = definition(x)
    scaled = nearest(exact, target.fraction)
    entries = np.clip(scaled, target.min_int, target.max_int).astype(np.int64)
    inside = entries == scaled
    errors = np.abs(entries[inside] * 2.0**-target.fraction - exact[inside])
    return TabulatedFunction(
        name, source, target, entries, float(errors.max(initial=0)), int((~inside).sum())
    )
