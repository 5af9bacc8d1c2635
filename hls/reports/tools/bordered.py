"""Tables drawn with ``+---+`` and ``|``, as HLS tools and Vivado print them.

A table is read whole or not at all: upper, middle and lower border must be there and every row must
have as many cells as the border has columns, so that a lost or cut line is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trigforge.train.errors import InputError


@dataclass(frozen=True)
class Bordered:
    """A table; ``header`` its lines above the second border, ``rows`` all below, untrimmed cells.

    Attributes:
        place: file and line, for errors.
        end: index of the first line after the table.
    """

    place: str
    header: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    end: int

    def columns(self) -> list[str]:
        """Names of the columns: header cells from top to bottom, joined by spaces."""
        width = len(self.header[-1])
        if any(len(line) != width for line in self.header):
            raise InputError(f"{self.place}: header lines of different numbers of columns")
        if self.rows and len(self.rows[0]) != width:
            raise InputError(
                f"{self.place}: a header of {width} columns over rows of {len(self.rows[0])}"
            )
        names = [" ".join(" ".join(parts).split()) for parts in zip(*self.header, strict=True)]
        named = [name for name in names if name]
        if len(set(named)) != len(named):
            raise InputError(f"{self.place}: two columns have the same name ({', '.join(named)})")
        return names

    def column(self, name: str) -> int:
        """Index of a column.

        Raises:
            InputError: there is none of that name.
        """
        names = self.columns()
        if name not in names:
            raise InputError(
                f"{self.place}: no column {name!r} in a table of {', '.join(n for n in names if n)}"
            )
        return names.index(name)


def is_line(line: str) -> bool:
    """Whether a line belongs to a table."""
    return line.lstrip().startswith(("+-", "|"))


def read_table(lines: Sequence[str], start: int, name: str, number: int = 0) -> Bordered:
    """The first table at or after a line.

    Args:
        number: of the first of ``lines`` in the file, for errors.

    Raises:
        InputError: no table, or one that lacks a border or a cell.
    """
    index = start
    while index < len(lines) and not is_line(lines[index]):
        index += 1
    place = f"{name}, line {number + index + 1}"
    if index == len(lines):
        raise InputError(f"{name}: a table is missing after line {number + start}; cut short?")
    if lines[index].lstrip().startswith("|"):
        raise InputError(f"{place}: a table without its upper border")
    groups: list[list[tuple[str, ...]]] = []
    columns = lines[index].strip().count("+") - 1
    closed = False
    while index < len(lines) and is_line(lines[index]):
        text = lines[index].strip()
        closed = text.startswith("+-")
        if closed:
            if set(text) - set("+-") or text.count("+") - 1 != columns:
                raise InputError(f"{name}, line {number + index + 1}: a damaged border")
            groups.append([])
        else:
            where = f"{name}, line {number + index + 1}"
            groups[-1].append(_cells(text, columns, len(groups) == 1, where))
        index += 1
    header, *body = groups
    # Vivado draws an empty table without its third border
    if not closed or (len(body) < 2 and len(header) != 1):
        raise InputError(f"{place}: a table without its middle or lower border; cut short?")
    if not header:
        raise InputError(f"{place}: a table without a header")
    rows = tuple(row for group in body for row in group)
    return Bordered(place, tuple(header), rows, index)


def _cells(text: str, columns: int, header: bool, place: str) -> tuple[str, ...]:
    if not text.endswith("|"):
        raise InputError(f"{place}: a row of a table is cut short")
    cells = tuple(text[1:-1].split("|"))
    # a header may span columns
    if len(cells) != columns and not (header and len(cells) < columns):
        raise InputError(f"{place}: a row has {len(cells)} cells, its table {columns} columns")
    return cells
