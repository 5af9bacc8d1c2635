"""What all Vivado reports share: the box at the top, and numbered sections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trigforge.train.errors import InputError


@dataclass(frozen=True)
class Header:
    """The box at the top; ``state`` is the design state, absent in some versions."""

    version: str
    command: str
    design: str
    part: str
    state: str | None


def read_header(lines: Sequence[str], name: str) -> Header:
    """The box at the top of a Vivado report.

    Raises:
        InputError: incomplete, contradictory, or two reports in one file.
    """
    values: dict[str, str] = {}
    for line in lines:
        found = re.match(r"\| (Tool Version|Command|Design|Device|Design State) *: (.*)$", line)
        if found is None:
            continue
        key, value = found[1], found[2].strip()
        if values.get(key, value) != value or (key == "Tool Version" and key in values):
            raise InputError(f"{name}: {key} occurs twice; two reports in one file? Split them")
        values[key] = value
    for key in ("Tool Version", "Command", "Design", "Device"):
        if not values.get(key):
            raise InputError(f"{name}: no line {key!r} at the top; not a whole Vivado report")
    version = re.match(r"Vivado v\.(\d{4}\.\d+(?:\.\d+)?)", values["Tool Version"])
    if version is None:
        raise InputError(f"{name}: Tool Version is {values['Tool Version'][:80]!r}, not Vivado's")
    return Header(
        version=version[1],
        command=values["Command"],
        design=values["Design"],
        part=values["Device"],
        state=values.get("Design State"),
    )


@dataclass(frozen=True)
class Section:
    """A numbered section; ``start`` is the index of its first line after the heading."""

    title: str
    start: int
    lines: Sequence[str]


def read_sections(lines: Sequence[str], name: str) -> list[Section]:
    """Sections of a report, checked against its table of contents.

    Raises:
        InputError: the contents are missing, or a section is missing, doubled or out of order.
    """
    contents, after = _contents(lines, name)
    found = []
    for index in range(after, len(lines) - 1):
        heading = lines[index].strip()
        if re.match(r"\d+(\.\d+)*\.? \S", heading) and set(lines[index + 1].strip()) == {"-"}:
            found.append((heading, index + 2))
    titles = [title for title, _ in found]
    if titles != contents:
        missing = [t for t in contents if t not in titles] or titles
        raise InputError(
            f"{name}: sections do not agree with the table of contents ({missing[0]!r}); cut short?"
        )
    ends = [*(start - 2 for _, start in found), len(lines)][1:]
    return [
        Section(title, start, lines[start:end])
        for (title, start), end in zip(found, ends, strict=True)
    ]


def _contents(lines: Sequence[str], name: str) -> tuple[list[str], int]:
    """Titles in the table of contents, and the index of the line after it."""
    starts = [i for i, line in enumerate(lines) if line.strip() == "Table of Contents"]
    if len(starts) != 1:
        raise InputError(f"{name}: {len(starts)} tables of contents, expected one")
    contents = []
    for line in lines[starts[0] + 2 :]:
        if not line.strip():
            break
        contents.append(line.strip())
    if not contents:
        raise InputError(f"{name}: the table of contents is empty")
    return contents, starts[0] + 2 + len(contents)
