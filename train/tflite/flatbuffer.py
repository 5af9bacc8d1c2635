"""Tables of a FlatBuffers file, read by field number and never beyond the end of the file.

Only what a reader of TF-Lite weights needs, so that no schema compiler and no TensorFlow is asked
for (format: flatbuffers.dev, "Internals"). All numbers are little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


class FlatbufferError(ValueError):
    """An offset or a length that leads outside the file."""


@dataclass(frozen=True)
class Table:
    """A table at ``position`` of ``data``; fields are numbered as in the schema."""

    data: bytes
    position: int

    @staticmethod
    def root(data: bytes) -> Table:
        """The table that the file is about."""
        return Table(data, _number(data, 0, "I"))

    def scalar(self, field: int, kind: str, default: float = 0) -> Any:
        """A number of ``struct`` format ``kind``; absent fields have their default."""
        place = self._place(field)
        return default if place is None else _number(self.data, place, kind)

    def table(self, field: int) -> Table | None:
        """The table that a field refers to."""
        place = self._target(field)
        return None if place is None else Table(self.data, place)

    def text(self, field: int) -> str:
        """A string; empty where absent."""
        return self.vector(field, "u1").tobytes().decode("utf-8", errors="replace")

    def vector(self, field: int, dtype: str) -> npt.NDArray[Any]:
        """A vector of numbers (N,); empty where absent."""
        kind = np.dtype(dtype).newbyteorder("<")
        start, count = self._span(field, kind.itemsize)
        return np.frombuffer(self.data, kind, count, start) if count else np.empty(0, kind)

    def tables(self, field: int) -> list[Table]:
        """A vector of tables; empty where absent."""
        start, count = self._span(field, 4)
        places = range(start, start + 4 * count, 4)
        return [Table(self.data, place + _number(self.data, place, "I")) for place in places]

    def _place(self, field: int) -> int | None:
        """Where a field's value lies; absent fields have none."""
        layout = self.position - _number(self.data, self.position, "i")
        entry = 4 + 2 * field
        if entry >= _number(self.data, layout, "H"):
            return None
        offset: int = _number(self.data, layout + entry, "H")
        return self.position + offset if offset else None

    def _target(self, field: int) -> int | None:
        place = self._place(field)
        return None if place is None else place + int(_number(self.data, place, "I"))

    def _span(self, field: int, itemsize: int) -> tuple[int, int]:
        """First byte and number of entries of a vector."""
        place = self._target(field)
        if place is None:
            return 0, 0
        count: int = _number(self.data, place, "I")
        if place + 4 + count * itemsize > len(self.data):
            raise FlatbufferError(f"a vector at byte {place} is longer than the file")
        return place + 4, count


def _number(data: bytes, place: int, kind: str) -> Any:
    if place < 0 or place + struct.calcsize(f"<{kind}") > len(data):
        raise FlatbufferError(f"an offset leads to byte {place} of {len(data)}")
    return struct.unpack_from(f"<{kind}", data, place)[0]
