"""The charts of a score: ROC, histogram on the integer grid, AUC beside the rivals'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from numpy.typing import NDArray

from trigforge.hls.reports.equivalence import in_words
from trigforge.hls.reports.page import svg
from trigforge.hls.reports.report import Physics, SignalScore, Threshold
from trigforge.train.html import sample_label

Array = NDArray[Any]
Arrays = Mapping[str, Array]

STAGES = ("float", "quantised", "firmware")
HEIGHT = 236
ROW = 24
RIVALS = 3
"""Style classes for so many baselines; further ones look like the last."""


def rival_style(index: int) -> str:
    """Class of a baseline's line or mark."""
    return f"rival{min(index, RIVALS - 1)}"


def roc_chart(
    physics: Physics, arrays: Arrays, score: str, signal: str, events: int
) -> Markup | None:
    """Background efficiency (logarithmic) against signal efficiency; absent without curves.

    Args:
        events: background events, which bound what can be seen.
    """
    found = {stage: arrays.get(f"roc/{score}/{stage}/{signal}") for stage in STAGES}
    if all(points is None for points in found.values()):
        return None
    lowest = 0.4 / events
    x = svg.horizontal(0.0, 1.0)
    y = svg.Scale(lowest, 1.0, HEIGHT - svg.BOTTOM, svg.TOP, log=True)
    parts = [
        _beyond_reach(x, y, physics.reach),
        *svg.axes(x, y, "signal efficiency", "background efficiency"),
    ]
    for index, baseline in enumerate(physics.baselines):
        points = arrays.get(f"roc/{baseline}/{signal}")
        if points is not None:
            style = f"line {rival_style(index)}"
            parts.append(svg.curve(_roc_points(points, x, y), style, in_words(baseline)))
    for stage, points in found.items():
        if points is not None:
            parts.append(svg.curve(_roc_points(points, x, y), f"line {stage}", stage))
    for point in physics.thresholds:
        inside = point.background_efficiency >= lowest
        if point.score == score and signal in point.signal_efficiency and inside:
            at = point.signal_efficiency[signal]
            about = f"score ≥ {point.threshold_int:,}: {at:.3f} of the signal, {_kept(point)}"
            parts.append(svg.dot(x(at), y(point.background_efficiency), "point", about))
    label = f"ROC of {score} for {sample_label(signal)}: float, quantised, firmware and baselines"
    return svg.drawing(HEIGHT, label, parts, svg.hover(x, y, "signal efficiency"))


def histogram_chart(
    physics: Physics, arrays: Arrays, score: str, signal: str, background: str
) -> Markup | None:
    """Share of events per bin of the integer score, background and one signal, and thresholds."""
    edges = arrays.get(f"histogram/{score}/edges")
    counts = {name: arrays.get(f"histogram/{score}/{name}") for name in (background, signal)}
    known = {name: c for name, c in counts.items() if c is not None and c.sum() > 0}
    if edges is None or len(known) < 2:
        return None
    shares = {name: c / c.sum() for name, c in known.items()}
    floor = 0.5 / max(int(c.sum()) for c in known.values())
    x = svg.horizontal(float(edges[0]), float(edges[-1]))
    top = max(float(share.max()) for share in shares.values())
    y = svg.Scale(floor, 1.6 * top, HEIGHT - svg.BOTTOM, svg.TOP + 34, log=True)
    parts = svg.axes(x, y, "score (integer)", "share of events")
    for name, style in ((background, "area background"), (signal, "line signal")):
        points = _steps(edges, shares[name], x, y, floor)
        closed = y.first if name == background else None
        parts.append(svg.curve(points, style, sample_label(name), closed))
    mine = [t for t in physics.thresholds if t.score == score]
    for index, point in enumerate(t for t in mine if edges[0] <= t.threshold_int <= edges[-1]):
        at, row = x(point.threshold_int - 0.5), svg.TOP + 11 * (index % 3)
        parts.append(svg.line(at, y.first, at, row - 8, "threshold"))
        right = at > svg.WIDTH - 90
        words = f"{100 * point.background_efficiency:.2g} %"
        if point.rate_hz is not None:
            words += f", {point.rate_hz:.3g} Hz"
        anchor = "end" if right else "start"
        parts.append(svg.text(at + (-4 if right else 4), row, words, anchor))
    label = (
        f"Histogram of {score}: {sample_label(background)} and {sample_label(signal)}, "
        f"{len(mine)} thresholds"
    )
    return svg.drawing(HEIGHT, label, parts, svg.hover(x, y, "score"))


def auc_chart(physics: Physics, score: str, baseline: str | None) -> Markup | None:
    """AUC per signal: float, firmware and the rivals; at equal ``baseline`` when one is named."""
    stages = physics.scores[score]
    signals = list(dict.fromkeys([*stages.firmware, *stages.float]))
    shown: list[tuple[str, str, Mapping[str, SignalScore]]] = [
        ("float", "float", stages.float),
        ("firmware", "firmware", stages.firmware),
    ]
    rivals = [(n, b) for n, b in enumerate(physics.baselines) if baseline in (None, b)]
    shown[:0] = [(rival_style(n), in_words(b), physics.baselines[b]) for n, b in rivals]
    values = [
        at[0]
        for _, _, of in shown
        for s in signals
        if (at := _auc(of.get(s), baseline)) is not None
    ]
    if not values:
        return None
    height = svg.TOP + ROW * len(signals) + svg.BOTTOM
    x = svg.horizontal(min(0.5, int(min(values) * 10) / 10), 1.0, left=100)
    parts = []
    for value in x.ticks():
        style = "axis" if abs(value - 0.5) < 1e-9 else "grid"
        parts.append(svg.line(x(value), svg.TOP, x(value), height - svg.BOTTOM, style))
        parts.append(svg.text(x(value), height - svg.BOTTOM + 14, svg.compact(value), "middle"))
    title = "AUC" if baseline is None else f"AUC at equal {in_words(baseline)}"
    parts.append(svg.text((x.first + x.last) / 2, height - 9, title, "middle", "title"))
    for row, signal in enumerate(signals):
        y = svg.TOP + ROW * (row + 0.5)
        parts.append(svg.text(x.first - 8, y + 4, sample_label(signal), "end"))
        for style, name, of in shown:
            found = _auc(of.get(signal), baseline)
            if found is not None:
                parts += _mark(x, y, style, name, found)
    return svg.drawing(height, f"{title} of {score} per signal, beside the baselines", parts)


def _auc(found: SignalScore | None, baseline: str | None) -> tuple[float, float] | None:
    """AUC and its error, absent where too few events say anything."""
    if found is None:
        return None
    if baseline is None:
        return found.auc, found.auc_err
    at = found.auc_at_equal.get(baseline)
    return None if at is None or at.auc is None else (at.auc, at.auc_err or 0.0)


def _mark(
    x: svg.Scale, y: float, style: str, name: str, found: tuple[float, float]
) -> list[Markup]:
    value, error = found
    about = f"{name}: {value:.4f} ± {error:.4f}"
    if style.startswith("rival"):
        place = x(value)
        bar = Markup(
            '<path class="mark {}" d="M{:.1f} {:.1f}V{:.1f}"><title>{}</title></path>'
        ).format(style, place, y - 7, y + 7, about)
        return [bar]
    parts = [svg.dot(x(value), y, f"dot {style}", about, 5 if style == "float" else 3)]
    if style == "firmware":
        low, high = max(value - error, x.low), min(value + error, x.high)
        parts.append(svg.line(x(low), y, x(high), y, "line firmware"))
    return parts


def _beyond_reach(x: svg.Scale, y: svg.Scale, reach: float) -> Markup:
    """The strip in which too few background events are left."""
    if not y.low < reach < y.high:
        return Markup("")
    return Markup(
        '<path class="beyond" d="M{:.1f} {:.1f}H{:.1f}V{:.1f}H{:.1f}Z">'
        "<title>too few background events</title></path>"
    ).format(x.first, y.first, x.last, y(reach), x.first)


def _roc_points(points: Array, x: svg.Scale, y: svg.Scale) -> list[svg.Point]:
    """Pixels of a curve (2, N); where no background is left it ends on the axis."""
    b, s = points
    inside = b >= y.low
    first = float(s[~inside].max()) if (~inside).any() else 0.0
    start = [(x(first), y(y.low))]
    return start + [(x(float(u)), y(float(v))) for u, v in zip(s[inside], b[inside], strict=True)]


def _steps(
    edges: Array, shares: Array, x: svg.Scale, y: svg.Scale, floor: float
) -> list[svg.Point]:
    points: list[svg.Point] = []
    for low, high, share in zip(edges[:-1], edges[1:], shares, strict=True):
        level = y(max(float(share), floor))
        points += [(x(float(low)), level), (x(float(high)), level)]
    return points


def _kept(point: Threshold) -> str:
    rate = "" if point.rate_hz is None else f", {point.rate_hz:.3g} Hz"
    return f"{100 * point.background_efficiency:.3g} % of the background{rate}"


def panels(
    physics: Physics, arrays: Arrays, score: str, background: str, events: int
) -> Sequence[tuple[str, Markup | None, Markup | None]]:
    """Per signal: its label, ROC and histogram."""
    stages = physics.scores[score]
    signals = list(dict.fromkeys([*stages.firmware, *stages.quantised, *stages.float]))
    return [
        (
            sample_label(signal),
            roc_chart(physics, arrays, score, signal, events),
            histogram_chart(physics, arrays, score, signal, background),
        )
        for signal in signals
    ]
