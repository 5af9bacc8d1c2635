"""What happens to a report on its way: cut, lost and doubled lines, exchanged columns, encodings.

Columns move with their names, as in another version of a tool. Numbers alone under names that stay
where they were look like another design; only the redundancy of a file can tell (see
:func:`exchanged_numbers`).
"""

from __future__ import annotations

import random
from collections.abc import Callable

Mutation = Callable[[str, random.Random], bytes]


def cut_lines(text: str, rng: random.Random) -> bytes:
    """Only the first lines."""
    lines = text.split("\n")
    return "\n".join(lines[: rng.randrange(len(lines))]).encode()


def cut_bytes(text: str, rng: random.Random) -> bytes:
    """Only the first bytes."""
    return text.encode()[: rng.randrange(len(text))]


def lost_line(text: str, rng: random.Random) -> bytes:
    """Without one line."""
    return _without(text, rng, 1)


def lost_block(text: str, rng: random.Random) -> bytes:
    """Without up to 30 lines in a row."""
    return _without(text, rng, rng.randrange(2, 31))


def _without(text: str, rng: random.Random, count: int) -> bytes:
    lines = text.split("\n")
    start = rng.randrange(len(lines))
    return "\n".join(lines[:start] + lines[start + count :]).encode()


def doubled_line(text: str, rng: random.Random) -> bytes:
    """With one line twice."""
    return _twice(text, rng, 1)


def doubled_block(text: str, rng: random.Random) -> bytes:
    """With up to 30 lines in a row twice."""
    return _twice(text, rng, rng.randrange(2, 31))


def _twice(text: str, rng: random.Random, count: int) -> bytes:
    lines = text.split("\n")
    start = rng.randrange(len(lines))
    return "\n".join(lines[: start + count] + lines[start:]).encode()


def exchanged_lines(text: str, rng: random.Random) -> bytes:
    """With two neighbours exchanged."""
    lines = text.split("\n")
    if len(lines) > 1:
        place = rng.randrange(len(lines) - 1)
        lines[place : place + 2] = reversed(lines[place : place + 2])
    return "\n".join(lines).encode()


def exchanged_columns(text: str, rng: random.Random) -> bytes:
    """With two columns of one table exchanged, names and borders included."""
    return _exchanged(text, rng, with_names=True)


def exchanged_numbers(text: str, rng: random.Random) -> bytes:
    """With the cells of two columns exchanged under names that stay."""
    return _exchanged(text, rng, with_names=False)


def _exchanged(text: str, rng: random.Random, with_names: bool) -> bytes:
    lines = text.split("\n")
    tables = _tables(lines)
    if not tables:
        return text.encode()
    # the first tables hold what is read
    start, end = rng.choice(tables[:12] if rng.random() < 0.7 else tables)
    width = max(2, lines[start].count("+") - 1)
    first, second = rng.sample(range(width), 2)
    if not with_names:
        borders = [i for i in range(start, end) if lines[i].lstrip().startswith("+-")]
        start = borders[1] if len(borders) > 1 else start
    for index in range(start, end):
        if with_names or lines[index].lstrip().startswith("|"):
            lines[index] = _exchange_cells(lines[index], first, second)
    return "\n".join(lines).encode()


def _tables(lines: list[str]) -> list[tuple[int, int]]:
    found = []
    start = None
    for index, line in enumerate([*lines, ""]):
        inside = line.lstrip().startswith("+-") or (start is not None and line.lstrip()[:1] == "|")
        if inside and start is None:
            start = index
        elif not inside and start is not None:
            found.append((start, index))
            start = None
    return found


def _exchange_cells(line: str, first: int, second: int) -> str:
    body = line.strip()
    indent, mark = line[: len(line) - len(line.lstrip())], body[:1]
    cells = body[1:-1].split(mark)
    if max(first, second) >= len(cells):
        return line
    cells[first], cells[second] = cells[second], cells[first]
    return f"{indent}{mark}{mark.join(cells)}{mark}"


def other_encoding(text: str, rng: random.Random) -> bytes:
    """In another encoding or with other line ends; without a byte order mark nobody can tell."""
    same = text.replace("\n", rng.choice(["\n", "\r\n", "\r"]))
    return same.encode(rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]))


STRUCTURAL: tuple[Mutation, ...] = (
    cut_lines,
    cut_bytes,
    lost_line,
    lost_block,
    doubled_line,
    doubled_block,
    exchanged_lines,
    exchanged_columns,
    other_encoding,
)
