"""From a function that draws to files and to an element of a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from matplotlib.figure import Figure

from trigforge.train.physics import style


@dataclass(frozen=True)
class Plan:
    """A figure to be drawn; ``size`` is width and height in inches."""

    name: str
    caption: str
    size: tuple[float, float]
    draw: Callable[[Figure], None]


@dataclass(frozen=True)
class Drawing:
    """A figure of the page: its file name, its caption and its SVG element."""

    name: str
    caption: str
    svg: str

    @property
    def markup(self) -> Markup:
        """The SVG as what it is, not as text."""
        return Markup(self.svg)  # noqa: S704


def drawn(plan: Plan, folder: Path) -> Drawing:
    """Draw and save ``<name>.png`` and ``<name>.svg``.

    Raises:
        StorageError: a file cannot be written.
    """
    with style.figure(*plan.size) as drawing:
        plan.draw(drawing)
        return Drawing(plan.name, plan.caption, style.save(drawing, folder, plan.name))
