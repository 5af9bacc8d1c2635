"""Small charts as SVG text: scales, axes, lines. Colours are classes that the page's style knows.

Coordinates are pixels of a drawing :data:`WIDTH` wide, about the size it is shown at, so that
letters keep their size on every screen. All text goes through ``Markup.format``, which escapes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH = 340
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 12, 40
NEAREST = 0.8
"""Points of a line closer than this, in pixels, are left out."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """Values ``low..high`` onto pixels ``first..last``, linear or logarithmic."""

    low: float
    high: float
    first: float
    last: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.first + (value - low) / (high - low) * (self.last - self.first)

    def ticks(self) -> list[float]:
        """Decades of a logarithmic scale, about five round steps of a linear one."""
        if self.log:
            lowest = math.ceil(math.log10(self.low) - 1e-9)
            return [10.0**k for k in range(lowest, math.floor(math.log10(self.high) + 1e-9) + 1)]
        step = _round_step((self.high - self.low) / 5)
        start = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(start, math.floor(self.high / step + 1e-9) + 1)]

    def describe(self) -> str:
        """For the script that shows values under the pointer."""
        kind = "log" if self.log else "linear"
        return f"{self.first:g} {self.last:g} {self.low:.9g} {self.high:.9g} {kind}"


def horizontal(low: float, high: float, *, left: float = LEFT) -> Scale:
    """A linear scale from left to right."""
    return Scale(low, high, left, WIDTH - RIGHT)


def drawing(height: float, label: str, parts: Iterable[Markup], scales: str = "") -> Markup:
    """An ``svg`` element; ``label`` says to a screen reader what it shows."""
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {:g}" role="img" aria-label="{}"{}>{}</svg>'
    ).format(WIDTH, height, label, Markup(scales), Markup("").join(parts))  # noqa: S704


def hover(x: Scale, y: Scale, of_x: str) -> str:
    """Attributes that let the script show values; ``of_x`` names the horizontal axis."""
    return str(
        Markup(' data-x="{}" data-y="{}" data-of="{}"').format(x.describe(), y.describe(), of_x)
    )


def axes(x: Scale, y: Scale, x_title: str, y_title: str) -> list[Markup]:
    """Grid, tick labels and titles."""
    bottom, parts = y.first, []
    for value in x.ticks():
        parts.append(line(x(value), y.first, x(value), y.last, "grid"))
        parts.append(text(x(value), bottom + 14, compact(value), "middle"))
    for value in y.ticks():
        parts.append(line(x.first, y(value), x.last, y(value), "grid"))
        parts.append(text(x.first - 6, y(value) + 4, compact(value), "end"))
    parts.append(line(x.first, bottom, x.last, bottom, "axis"))
    parts.append(line(x.first, bottom, x.first, y.last, "axis"))
    parts.append(text((x.first + x.last) / 2, bottom + 31, x_title, "middle", "title"))
    if y_title:
        middle = (y.first + y.last) / 2
        parts.append(
            Markup(
                '<text class="title" text-anchor="middle" transform="translate(11 {:.1f}) '
                'rotate(-90)">{}</text>'
            ).format(middle, y_title)
        )
    return parts


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    """A straight line."""
    return Markup('<path class="{}" d="M{:.1f} {:.1f}L{:.1f} {:.1f}"/>').format(
        style, x1, y1, x2, y2
    )


def text(x: float, y: float, words: str, anchor: str = "start", style: str = "") -> Markup:
    """A label; ``anchor`` is ``start``, ``middle`` or ``end``."""
    kind = Markup(' class="{}"').format(style) if style else ""
    return Markup('<text{} x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        kind, x, y, anchor, words
    )


def curve(points: Sequence[Point], style: str, name: str, closed_at: float | None = None) -> Markup:
    """A line through pixels, thinned; filled down to ``closed_at`` when given."""
    kept: list[Point] = []
    for index, point in enumerate(points):
        far = not kept or math.dist(kept[-1], point) >= NEAREST
        if far or index == len(points) - 1:
            kept.append(point)
    if not kept:
        return Markup("")
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept)
    if closed_at is not None:
        path += f"V{closed_at:.1f}H{kept[0][0]:.1f}Z"
    return Markup('<path class="{}" data-name="{}" d="{}"><title>{}</title></path>').format(
        style, name, path, name
    )


def dot(x: float, y: float, style: str, about: str, radius: float = 3.5) -> Markup:
    """A marker whose tooltip is ``about``."""
    return Markup(
        '<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:g}"><title>{}</title></circle>'
    ).format(style, x, y, radius, about)


def compact(value: float) -> str:
    """A tick label: ``0.4``, ``1e-3``, ``20k``, ``1.5M``."""
    size = abs(value)
    if 0 < size < 0.0099:
        return f"{value:.0e}".replace("e-0", "e-")
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if size >= factor:
            return f"{value / (1e3 if unit == 'k' else factor):.4g}{unit}"
    return f"{value:.4g}"


def _round_step(step: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below ``step``."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))
