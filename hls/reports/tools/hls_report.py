"""Boxes ``== Title`` of HLS text reports, and the lines ``* Version:`` of the first one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trigforge.train.errors import InputError

_INFORMATION = ("Version", "Project", "Solution", "Product family", "Target device")


@dataclass(frozen=True)
class Box:
    """One titled part; ``start`` is the index of its first line."""

    title: str
    start: int
    lines: Sequence[str]


def read_boxes(lines: Sequence[str], name: str) -> list[Box]:
    """All titled parts of a report.

    Raises:
        InputError: none, or two of the same title (two reports in one file).
    """
    starts = [
        index
        for index in range(1, len(lines) - 1)
        if lines[index].startswith("== ")
        and _is_rule(lines[index - 1])
        and _is_rule(lines[index + 1])
    ]
    lost = [i for i, line in enumerate(lines) if line.startswith("== ") and i not in starts]
    if lost:
        raise InputError(f"{name}, line {lost[0] + 1}: a title without its rules; damaged")
    titles = [lines[index][3:].strip() for index in starts]
    for title in titles:
        if titles.count(title) > 1:
            raise InputError(f"{name}: {title!r} occurs twice; two reports in one file? Split them")
    ends = [*(start - 1 for start in starts), len(lines)][1:]
    return [
        Box(title, start + 2, lines[start + 2 : end])
        for title, start, end in zip(titles, starts, ends, strict=True)
    ]


def _is_rule(line: str) -> bool:
    return len(line) > 20 and set(line.strip()) == {"="}


def need_box(boxes: Sequence[Box], title: str, name: str) -> Box:
    """A part by its title.

    Raises:
        InputError: the report has no such part.
    """
    for box in boxes:
        if box.title == title:
            return box
    raise InputError(f"{name}: the part {title!r} is missing; cut short?")


def information(lines: Sequence[str], name: str) -> Mapping[str, str]:
    """Values of the ``*`` lines.

    Raises:
        InputError: one is missing or occurs twice with different values.
    """
    values: dict[str, str] = {}
    for line in lines:
        found = re.match(r"\s*\* ([A-Z][A-Za-z ]+): +(.*)$", line)
        if found and found[1] in _INFORMATION:
            value = found[2].strip()
            if values.setdefault(found[1], value) != value:
                raise InputError(f"{name}: {found[1]} occurs twice; damaged")
    for key in ("Version", "Target device"):
        if not values.get(key):
            raise InputError(f"{name}: no line '* {key}:' at the top; cut short?")
    return values


def version_of(values: Mapping[str, str], name: str) -> str:
    """``2024.1`` of ``2024.1 (Build 5069499 on May 21 2024)``."""
    found = re.match(r"\d{4}\.\d+(\.\d+)?", values["Version"])
    if found is None:
        raise InputError(f"{name}: Version is {values['Version'][:80]!r}, expected a year")
    return found[0]
