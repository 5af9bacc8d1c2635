"""What tables of pages are made of."""

from __future__ import annotations

from dataclasses import dataclass

FULL_COLOUR = 0.15
"""Gain in AUC over the baseline at which a cell has its full colour."""


@dataclass(frozen=True)
class Cell:
    """A number as text.

    Attributes:
        error: one standard deviation as text; empty where there is none.
        gain: (value - the baseline's) in the direction of better, for the colour; None without.
        best: whether it is the best network score of its column, and better than the baseline.
    """

    text: str
    error: str = ""
    gain: float | None = None
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A score of one network, of the paper, or a baseline.

    Attributes:
        kind: ``network``, ``paper`` or ``baseline``.
    """

    score: str
    origin: str
    kind: str
    cells: list[Cell]


def tint(cell: Cell) -> str:
    """Background of a cell: green above the baseline, red below, stronger with the distance."""
    if cell.gain is None or abs(cell.gain) < 0.005:
        return ""
    strength = min(abs(cell.gain) / FULL_COLOUR, 1.0)
    name = "--better" if cell.gain > 0 else "--worse"
    return f"background:color-mix(in srgb, var({name}) {60 * strength:.0f}%, transparent)"
