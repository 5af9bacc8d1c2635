"""What the tables of a page are made of."""

from __future__ import annotations

from dataclasses import dataclass

from trigforge.hls.reports.markdown import number


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        share: length of the bar behind the text, 0..1; absent for no bar.
        style: class of the page's style sheet.
        about: tooltip.
    """

    text: str
    share: float | None = None
    style: str = ""
    about: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header; the first of each row names it.

    Attributes:
        caption: for readers and screen readers.
        words: columns that hold words and are set to the left, the first one always.
        foot: a row of totals.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    words: frozenset[int] = frozenset()
    foot: tuple[Cell, ...] = ()


def cells(*texts: str | Cell) -> tuple[Cell, ...]:
    """A row; plain words become cells."""
    return tuple(text if isinstance(text, Cell) else Cell(text) for text in texts)


def bar(value: float | None, largest: float) -> Cell:
    """A number with a bar of its share of the largest one in the column."""
    if value is None:
        return Cell("–")
    return Cell(number(value), value / largest if largest else None)
