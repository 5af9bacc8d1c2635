"""Figures of a comparison: what the scores find against area, and the same against latency.

One panel per signal, one point per model; rivals without firmware cost nothing that is known, so
they are horizontal lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from trigforge.hls.reports.compare.entries import Costs, Entry, Quoted
from trigforge.hls.reports.compare.panels import Panels
from trigforge.hls.reports.equivalence import in_words
from trigforge.train.html import sample_label
from trigforge.train.physics import style

COLUMNS = 3
PANEL_INCHES = (2.9, 2.15)
LEGEND_INCHES = 0.8
MARKERS = "osD^vPX*<>"
COLOURS = (*style.SAMPLES, "#d39a00", "#b5838d", "#8a8f98")
MANY = 300.0
"""Ratio of costs above which powers of ten are ticks enough."""
Dash = str | tuple[int, tuple[int, ...]]
DASHES: tuple[Dash, ...] = (
    *("--", ":", "-."),
    *((0, (9, 2)), (0, (1, 4)), (0, (6, 2, 1, 2, 1, 2)), (0, (3, 6)), (0, (12, 3, 3, 3))),
)

Point = tuple[float, float]
"""A value and its error."""
Worth = Callable[[Entry, str], Point | None]


@dataclass(frozen=True)
class Drawn:
    """A figure as SVG for the page; ``name`` is that of its files."""

    name: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Axis:
    """A cost on the horizontal axis; ``unit`` is the size of one of its units in the report's."""

    key: str
    title: str
    of: Callable[[Costs], Quoted]
    unit: float = 1.0


COSTS = (
    Axis("lut", "LUT on a card", lambda costs: costs.lut),
    Axis("latency", "latency [µs]", lambda costs: costs.latency_ns, 1e3),
)


def draw(group: Panels, folder: Path, prefix: str) -> list[Drawn]:
    """Draw AUC and efficiency at the common rate, each against area and against latency.

    Args:
        prefix: begins the names of the files, one for each group.

    Raises:
        StorageError: a file cannot be written.
    """
    if not group.signals:
        return []
    rate = group.common_rate_hz()
    lines = {
        name: {signal: found.auc for signal, found in signals.items()}
        for name, signals in group.baselines.items()
    }
    plans: list[tuple[str, str, Worth, Mapping[str, Mapping[str, float]]]] = [
        ("auc", "AUC", _auc, lines)
    ]
    if rate is not None:
        title = f"efficiency at {rate:.3g} Hz"
        plans.append(("efficiency", title, lambda e, s: _efficiency(e, s, rate), {}))
    drawn = []
    for key, title, worth, rivals in plans:
        for axis in COSTS:
            if not any(axis.of(entry.costs).value for entry in group.entries):
                continue
            name = f"{prefix}-{key}-{axis.key}"
            with style.figure(*_size(len(group.signals))) as drawing:
                _grid(drawing, group, axis, title, worth, rivals)
                svg = style.save(drawing, folder, name)
            drawn.append(Drawn(name, _caption(group, axis, title, bool(rivals)), svg))
    return drawn


def _auc(entry: Entry, signal: str) -> Point | None:
    found = entry.auc.get(signal)
    return None if found is None else (found.auc, found.auc_err)


def _efficiency(entry: Entry, signal: str, rate_hz: float) -> Point | None:
    found = entry.efficiency.get(rate_hz, {}).get(signal)
    return None if found is None else (found.value, found.error)


def _size(signals: int) -> tuple[float, float]:
    width, height = PANEL_INCHES
    columns = min(COLUMNS, signals)
    return max(5.6, width * columns), LEGEND_INCHES + height * -(-signals // COLUMNS)


def _grid(
    drawing: Figure,
    group: Panels,
    axis: Axis,
    title: str,
    worth: Worth,
    rivals: Mapping[str, Mapping[str, float]],
) -> None:
    signals = group.signals
    columns = min(COLUMNS, len(signals))
    axes = drawing.subplots(-(-len(signals) // columns), columns, sharex=True, squeeze=False)
    # the horizontal axis is shared
    known = [axis.of(entry.costs).value or 0.0 for entry in group.entries]
    _scale(axes[0][0], [value / axis.unit for value in known if value > 0])
    for place, signal in enumerate(signals):
        panel = axes[place // columns][place % columns]
        panel.set_title(sample_label(signal), loc="left")
        lines = {name: values[signal] for name, values in rivals.items() if signal in values}
        _panel(panel, [(e, worth(e, signal)) for e in group.entries], axis, lines, tuple(rivals))
        if place % columns == 0:
            panel.set_ylabel(title)
        if place >= len(signals) - columns:
            panel.set_xlabel(axis.title)
            panel.xaxis.set_tick_params(labelbottom=True)
    for panel in axes.ravel()[len(signals) :]:
        panel.set_visible(False)
    drawing.align_ylabels(axes[:, 0])
    handles = [
        Line2D([], [], linestyle="", label=_legend(entry, axis), **_mark(number))
        for number, entry in enumerate(group.entries)
    ]
    handles += [
        Line2D([], [], color=style.INK, linewidth=1, linestyle=_dash(n), label=in_words(name))
        for n, name in enumerate(rivals)
    ]
    drawing.legend(handles=handles, loc="outside upper center", ncols=2)


def _panel(
    panel: Axes,
    points: Sequence[tuple[Entry, Point | None]],
    axis: Axis,
    lines: Mapping[str, float],
    order: Sequence[str],
) -> None:
    panel.grid(True)
    panel.margins(y=0.18)
    for name, value in lines.items():
        panel.axhline(value, color=style.INK, linewidth=1, linestyle=_dash(order.index(name)))
    for number, (entry, point) in enumerate(points):
        cost = axis.of(entry.costs).value
        # on a logarithmic axis nothing is at zero; the notes and the table say so
        if point is not None and cost:
            panel.errorbar(cost / axis.unit, point[0], yerr=point[1], elinewidth=1, **_mark(number))


def _scale(panel: Axes, costs: Sequence[float]) -> None:
    """Limits around the costs, with ticks at 1, 2 and 5 where they span too few decades."""
    low, high = min(costs) / 2, max(costs) * 2
    panel.set_xscale("log")
    panel.set_xlim(low, high)
    few = high < MANY * low
    panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=8))
    if few:
        panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    panel.xaxis.set_minor_formatter(NullFormatter())


def _mark(number: int) -> dict[str, Any]:
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 6,
    }


def _dash(number: int) -> Dash:
    return DASHES[number % len(DASHES)]


def _legend(entry: Entry, axis: Axis) -> str:
    return f"{entry.label} ({axis.of(entry.costs).provenance or 'not known'})"


def _caption(group: Panels, axis: Axis, title: str, has_rivals: bool) -> str:
    what = "LUTs of all compute units" if axis.key == "lut" else "latency"
    lines = "; lines are rivals without firmware" if has_rivals else ""
    about = f"{title[0].upper()}{title[1:]} against {what}, up and to the left is better{lines}."
    return f"{about} In brackets: where the horizontal number comes from."
