"""Tables of a timing summary: names above dashes, numbers below, no borders."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trigforge.train.errors import InputError

_RULER = re.compile(r" *-+(  +-+)+ *")


def has_table(lines: Sequence[str]) -> bool:
    """Whether a section holds a table at all; Vivado leaves out what has no rows."""
    return any(_RULER.fullmatch(line) for line in lines)


def read_slacks(
    lines: Sequence[str], place: str, needed: Sequence[str] = ()
) -> list[dict[str, str]]:
    """Rows of the only table of a section, by column name.

    A column ends where its dashes end, numbers are flush right with it; names of clocks and groups
    are flush left. An empty cell is an empty string.

    Args:
        needed: columns that must be there.

    Raises:
        InputError: no table, a column is missing, or a cell belongs to no column.
    """
    rulers = [i for i, line in enumerate(lines) if _RULER.fullmatch(line)]
    if len(rulers) != 1:
        raise InputError(f"{place}: {len(rulers)} tables, expected one; damaged")
    ruler = lines[rulers[0]].rstrip()
    spans = [(m.start(), m.end()) for m in re.finditer("-+", ruler)]
    above = lines[rulers[0] - 1]
    names = [above[start:end].strip() for start, end in spans]
    if "" in names or len(set(names)) != len(names) or " ".join(names).split() != above.split():
        raise InputError(f"{place}: the names of the columns do not stand above their dashes")
    for name in needed:
        if name not in names:
            raise InputError(f"{place}: no column {name!r}; damaged")
    rows = []
    for line in lines[rulers[0] + 1 :]:
        if not line.strip():
            break
        rows.append(_cells(line.rstrip(), spans, names, place))
    return rows


def _cells(
    line: str, spans: Sequence[tuple[int, int]], names: Sequence[str], place: str
) -> dict[str, str]:
    found = dict.fromkeys(names, "")
    for word in re.finditer(r"\S+(?: \S+)*", line):
        for (start, end), name in zip(spans, names, strict=True):
            if word.end() == end or word.start() == start:
                found[name] = word[0]
                break
        else:
            raise InputError(f"{place}: {word[0][:40]!r} stands in no column; damaged")
    return found
