"""Bit accuracy as a matrix of stages per kind of input, and what the inputs exercised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from trigforge.hls.reports.markdown import number
from trigforge.hls.reports.page.tables import Cell, Table, cells
from trigforge.hls.reports.report import BitAccuracy, EdgeCoverage, Inputs, Stage

KINDS: dict[str, str] = {
    "events": "real events",
    "random": "random inputs",
    "extreme": "extremes",
}
CORNERS = {
    "zero": "zero",
    "negative": "negative",
    "positive": "positive",
    "saturated_low": "clipped low",
    "saturated_high": "clipped high",
    "half": "discarded half",
}


@dataclass(frozen=True)
class Matrix:
    """Stages against stages for one kind of input."""

    inputs: str
    title: str
    table: Table


def matrices(comparisons: Sequence[BitAccuracy]) -> list[Matrix]:
    """One matrix per kind of input that was compared."""
    seen = {stage for c in comparisons for stage in (c.a, c.b)}
    stages = [stage for stage in get_args(Stage) if stage in seen]
    found = []
    for inputs in get_args(Inputs):
        made = [c for c in comparisons if c.inputs == inputs]
        if not made:
            continue
        rows = [
            cells(a, *(_cell(made, a, b, row, column) for column, b in enumerate(stages[1:], 1)))
            for row, a in enumerate(stages[:-1])
        ]
        title = KINDS[inputs]
        table = Table(f"Bit accuracy on {title}", ("", *stages[1:]), tuple(rows))
        found.append(Matrix(inputs, title[0].upper() + title[1:], table))
    return found


def _cell(made: Sequence[BitAccuracy], a: str, b: str, row: int, column: int) -> Cell:
    if column <= row:
        return Cell("", style="empty")
    direct = [c for c in made if {c.a, c.b} == {a, b}]
    if direct:
        wrong = sum(c.mismatches for c in direct)
        vectors, values = sum(c.vectors for c in direct), sum(c.values for c in direct)
        about = f"{number(wrong)} of {number(values)} integers differ in {number(vectors)} inputs"
        if not values:
            return Cell("not compared", style="unknown", about=about)
        if not wrong:
            return Cell(f"= {number(values)}", style="pass", about=about)
        first = next((c.first_layer for c in direct if c.first_layer), None)
        where = f" from {first}" if first else ""
        largest = number(max(c.max_abs_lsb for c in direct))
        return Cell(
            f"≠ {number(wrong)}{where}", style="fail", about=f"{about}, by up to {largest} LSB"
        )
    equal = [c for c in made if not c.mismatches and c.values]
    if b in _connected(a, equal):
        return Cell("follows", style="follows", about="equal by the comparisons between them")
    return Cell("–", about="not compared")


def _connected(stage: str, equal: Sequence[BitAccuracy]) -> set[str]:
    """Stages that a chain of equal comparisons leads to."""
    group = {stage}
    while grown := {s for c in equal for s in (c.a, c.b) if {c.a, c.b} & group} - group:
        group |= grown
    return group


def coverage(comparisons: Sequence[BitAccuracy]) -> Table | None:
    """Which corner cases each edge saw, and in which inputs; absent when nothing was recorded."""
    edges: dict[str, dict[str, list[EdgeCoverage]]] = {}
    for comparison in comparisons:
        for edge, seen in comparison.coverage.items():
            edges.setdefault(edge, {}).setdefault(comparison.inputs, []).append(seen)
    if not edges:
        return None
    rows = [
        cells(edge, *(_corner(by_inputs, corner) for corner in CORNERS))
        for edge, by_inputs in edges.items()
    ]
    return Table(
        "Corner cases that the inputs exercised on every edge",
        ("edge", *CORNERS.values()),
        tuple(rows),
        frozenset(range(len(CORNERS) + 1)),
    )


def _corner(by_inputs: dict[str, list[EdgeCoverage]], corner: str) -> Cell:
    flags = {name: [getattr(c, corner) for c in found] for name, found in by_inputs.items()}
    if all(flag is None for found in flags.values() for flag in found):
        return Cell("·", style="impossible", about="cannot happen on this edge")
    seen = [name for name in KINDS if any(flags.get(name, ()))]
    if not seen:
        return Cell("not seen", style="unknown")
    everywhere = len(seen) == len(by_inputs)
    return Cell("✓" if everywhere else f"✓ {', '.join(seen)}", about=", ".join(seen))
