"""Draw the figures of the documentation from the code itself: python docs/figures.py

Those of docs/exactness.md are small SVGs with mid-tone colours on no background, readable on light
and dark pages.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape

import numpy as np

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Add, Dense, LeakyRelu, Quantise
from trigforge.hls.ops.quantise import Rounding
from trigforge.hls.tables import tabulate
from trigforge.quantize.tables import FUNCTIONS
from trigforge.train.jets.average_images import draw_average_images
from trigforge.train.jets.images import Preprocessing
from trigforge.train.jets.sample import load_shipped_jets

FOLDER = Path(__file__).parent / "figures"
INK, FAINT, BLUE, ORANGE, GREEN = "#808a94", "#808a9455", "#2f8fd0", "#e07b28", "#3aa35f"

Points = Sequence[tuple[float, float]]


class Figure:
    """A canvas in pixels, y downwards."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def line(self, points: Points, colour: str = INK, width: float = 1.5, dash: str = "") -> None:
        """A polyline."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" '
            f'stroke-width="{width}"{dashed}/>'
        )

    def dot(self, x: float, y: float, colour: str, filled: bool = True) -> None:
        """A point."""
        fill = colour if filled else "none"
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{fill}" stroke="{colour}"/>'
        )

    def box(self, x: float, y: float, width: float, height: float, colour: str = INK) -> None:
        """A rounded frame."""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="none" '
            f'stroke="{colour}" stroke-width="1.5"/>'
        )

    def text(
        self, x: float, y: float, words: str, colour: str = INK, anchor: str = "middle"
    ) -> None:
        """A line of words."""
        place = f'x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"'
        self.parts.append(f"<text {place}>{escape(words)}</text>")

    def arrow(self, x0: float, y0: float, x1: float, y1: float, colour: str = INK) -> None:
        """A line with a head."""
        self.line([(x0, y0), (x1, y1)], colour)
        along = np.array([x1 - x0, y1 - y0]) / np.hypot(x1 - x0, y1 - y0)
        across = np.array([-along[1], along[0]])
        tip = np.array([x1, y1])
        for side in (1, -1):
            end = tip - 7 * along + 3.5 * side * across
            self.line([(x1, y1), (float(end[0]), float(end[1]))], colour)

    def save(self, name: str) -> None:
        """Write it."""
        body = "\n".join(self.parts)
        (FOLDER / f"{name}.svg").write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" '
            f'font-family="sans-serif" font-size="12">\n<title>{self.title}</title>\n'
            f"{body}\n</svg>\n",
            encoding="utf-8",
        )


class Axes:
    """A frame within a figure that maps values to pixels."""

    def __init__(
        self, figure: Figure, left: float, top: float, size: tuple[float, float], x: Points
    ) -> None:
        self.figure, self.left, self.top = figure, left, top
        (self.width, self.height), ((self.x0, self.x1), (self.y0, self.y1)) = size, x
        zero_x, zero_y = self.at(0, 0) if self.y0 <= 0 <= self.y1 else self.at(self.x0, self.y0)
        figure.line([(left, zero_y), (left + self.width, zero_y)], FAINT, 1)
        figure.line([(zero_x, top), (zero_x, top + self.height)], FAINT, 1)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a value."""
        across = (x - self.x0) / (self.x1 - self.x0) * self.width
        down = (self.y1 - y) / (self.y1 - self.y0) * self.height
        return self.left + across, self.top + down

    def line(self, x: Sequence[float], y: Sequence[float], colour: str, dash: str = "") -> None:
        """A curve."""
        self.figure.line([self.at(*p) for p in zip(x, y, strict=True)], colour, 1.8, dash)


def quantised(x: np.ndarray, fraction: int, fmt: Format, rounding: Rounding) -> np.ndarray:
    """Integers of a quantiser."""
    node = Quantise(name="q", inputs=("x",), output="q", format=fmt, rounding=rounding)
    return node.apply(x, fraction)


def rounding() -> None:
    """Truncation beside half to even: the same eighths through both quantisers."""
    figure = Figure(640, 290, "truncation and rounding half to even")
    eighths = np.arange(-22, 23)
    fmt = Format(8, 8, True)
    kinds: tuple[tuple[Rounding, str, str], ...] = (
        ("floor", "truncate (floor): ours", BLUE),
        ("half_even", "half to even: imported files", ORANGE),
    )
    for index, (kind, words, colour) in enumerate(kinds):
        axes = Axes(figure, 30 + 320 * index, 35, (270, 225), ((-2.9, 2.9), (-3.2, 3.2)))
        axes.line([-2.8, 2.8], [-2.8, 2.8], FAINT, "4 3")
        y = quantised(eighths, 3, fmt, kind)
        for x, value in zip(eighths / 8, y, strict=True):
            figure.dot(*axes.at(x, value), colour, filled=x % 1 != 0.5)
        figure.text(165 + 320 * index, 20, words, colour)
        for tick in (-2, -1, 1, 2):
            figure.text(*axes.at(tick, -0.45), str(tick))
    figure.text(320, 282, "dots: eighths; open dots: exactly halfway; dashed: y = x")
    figure.save("rounding")


def saturation() -> None:
    """A quantiser's clipping beside what wrapping would do."""
    figure = Figure(640, 270, "saturation against wrapping")
    fmt = Format(5, 3, True)
    x = np.arange(-32, 33)
    axes = Axes(figure, 50, 20, (540, 215), ((-8.2, 8.2), (-4.6, 4.6)))
    y = quantised(x, 2, fmt, "floor") / 4
    wrapped = ((x - fmt.min_int) % (1 << fmt.width) + fmt.min_int) / 4
    for left, value in zip(x / 4, wrapped, strict=True):
        figure.dot(*axes.at(left, value), ORANGE, filled=False)
    axes.line((x / 4).tolist(), y.tolist(), BLUE)
    high, low = fmt.max_int / 4, fmt.min_int / 4
    figure.text(*axes.at(6, high + 0.35), f"saturates at {high:g}", BLUE)
    figure.text(*axes.at(-6, low - 0.55), f"saturates at {low:g}", BLUE)
    figure.text(*axes.at(-2.3, 3.0), "wrapping: never", ORANGE)
    span = f"integers {fmt.min_int} to {fmt.max_int}"
    figure.text(320, 262, f"a quantiser to {fmt}: {span}, in quarters")
    figure.save("saturation")


def table() -> None:
    """A sigmoid table of 32 entries and its error, with the bound of half a step."""
    figure = Figure(640, 330, "a sigmoid table and its error")
    source, target = Format(5, 4, True), Format(4, 0, False)
    tabulated = tabulate("sigmoid", source, target)
    x = np.arange(source.min_int, source.max_int + 1) * 2.0**-source.fraction
    step = 2.0**-target.fraction
    entries = tabulated.entries * step
    fine = np.linspace(-8, 7.5, 200)
    axes = Axes(figure, 60, 25, (550, 170), ((-8.2, 7.8), (0, 1)))
    axes.line(fine.tolist(), FUNCTIONS["sigmoid"](fine).tolist(), FAINT)
    for left, value in zip(x, entries, strict=True):
        figure.dot(*axes.at(left, value), BLUE)
    figure.text(62, 17, f"sigmoid: {len(x)} entries, {source} to {target}", BLUE, "start")
    error = entries - FUNCTIONS["sigmoid"](x)
    axes = Axes(figure, 60, 220, (550, 80), ((-8.2, 7.8), (-1.1 * step, 1.1 * step)))
    for bound in (-step / 2, step / 2):
        axes.line([-8, 7.5], [bound, bound], FAINT, "4 3")
    for left, value in zip(x, error, strict=True):
        kept = abs(value) <= step / 2
        figure.line([axes.at(left, 0), axes.at(left, value)], GREEN if kept else ORANGE, 2)
    figure.text(62, 214, "entry minus function; dashed: half a step", GREEN, "start")
    largest = f"largest error {tabulated.max_error:.4f} = {tabulated.max_error / step:.2f} steps"
    ends = f"orange: {tabulated.saturated} entries at the format's end"
    figure.text(610, 322, f"{largest}; {ends}", INK, "end")
    figure.save("table")


def small_network() -> Graph:
    """Two inputs, a dense layer and an input added to it again."""
    x = Edge.full((2,), Format(3, 3, True))
    nodes = [
        Dense(
            name="dense", inputs=("x",), output="dense", weight=np.array([[-3, 2], [1, -3]]),
            bias=np.array([1, 0]), weight_fraction=0, bias_fraction=0,
        ),
        Add(name="residual", inputs=("dense", "x"), output="residual"),
        LeakyRelu(name="leaky", inputs=("residual",), output="leaky", slope=1, slope_fraction=1),
    ]  # fmt: skip
    return Graph.build("small", {"x": x}, nodes, ["leaky"])


def ranges() -> None:
    """Interval and affine ends of a small network over all its inputs."""
    graph = small_network()
    x = np.stack(np.meshgrid(np.arange(-4, 4), np.arange(-4, 4)), axis=-1).reshape(-1, 2)
    found = Emulator(graph, tuple(graph.edges)).run(x)
    figure = Figure(640, 250, "ranges of a small network")
    axes = Axes(figure, 150, 30, (460, 190), ((-22, 46), (0, 4)))
    names = {"x": "x", "dense": "W x + b", "residual": "W x + b + x"}
    for row, (edge, words) in enumerate(names.items()):
        y = 3.3 - 1.25 * row
        lo, hi = int(graph.edges[edge].lo[0]), int(graph.edges[edge].hi[0])
        figure.text(140, axes.at(0, y)[1] + 4, words, INK, "end")
        if edge == "residual":
            parts = [graph.edges["dense"], graph.edges["x"]]
            wide = sum(int(p.lo[0]) for p in parts), sum(int(p.hi[0]) for p in parts)
            bracket(axes, *wide, y, ORANGE, f"intervals: {Format.smallest(*wide, 0)}")
        bracket(axes, lo, hi, y - 0.45, BLUE, f"proven: {graph.edges[edge].format}")
        for value in np.unique(found[edge][:, 0]):
            figure.dot(*axes.at(float(value), y - 0.22), GREEN)
    figure.text(320, 243, "green: every value over all 64 inputs; the proven ends are reached")
    figure.save("ranges")


def bracket(axes: Axes, lo: int, hi: int, y: float, colour: str, words: str) -> None:
    """A range with its ends and what holds it."""
    axes.line([lo, hi], [y, y], colour)
    for end in (lo, hi):
        axes.line([end, end], [y - 0.09, y + 0.09], colour)
        x, down = axes.at(end, y)
        anchor, shift = ("end", -4) if end == lo else ("start", 4)
        axes.figure.text(x + shift, down + 4, str(end), colour, anchor)
    axes.figure.text(614, axes.at(0, y)[1] + 4, words, colour, "end")


def stages() -> None:
    """Who computes the same integers, and who compares whom."""
    figure = Figure(640, 200, "the same integers through all stages")
    names = (
        ("Brevitas", "training, torch"),
        ("QONNX", "the exported file"),
        ("exact graph", "formats, ranges"),
        ("emulator", "all events"),
        ("C-simulation", "ap_fixed, g++"),
    )
    for index, (name, words) in enumerate(names):
        left = 8 + 126 * index
        colour = BLUE if name == "exact graph" else INK
        figure.box(left, 40, 112, 52, colour)
        figure.text(left + 56, 62, name, colour)
        figure.text(left + 56, 80, words, INK)
    for start in (120, 246, 372):
        figure.arrow(start, 66, start + 13, 66)
    figure.line([(316, 40), (316, 22), (568, 22)])
    figure.arrow(568, 22, 568, 39)
    carried = {0: "floats", 1: "floats", 3: "integers", 4: "fixed-point bits"}
    for index, words in carried.items():
        figure.text(64 + 126 * index, 112, words, GREEN)
    figure.line([(64, 122), (64, 150), (568, 150), (568, 122)], GREEN)
    for x in (190, 442):
        figure.line([(x, 122), (x, 150)], GREEN)
    figure.text(316, 170, "the same integers on every edge that is compared", GREEN)
    figure.text(316, 190, "a difference is located at the first edge that differs", INK)
    figure.save("stages")


def jets() -> None:
    """Average images of the shipped QCD and top jets before the Gaussian filter."""
    sample = load_shipped_jets("top_tagging")
    parts = {label: sample.part("train", label).constituents for label in ("qcd", "top")}
    names = {"qcd": "QCD", "top": "top"}
    classes = {names[label]: inside for label, inside in parts.items() if inside is not None}
    with TemporaryDirectory() as folder:
        draw_average_images(classes, Preprocessing(sigma_pixels=0.0), Path(folder), "average_jets")
        shutil.copy(Path(folder) / "average_jets.png", FOLDER)


def main() -> None:
    """Draw them all."""
    FOLDER.mkdir(exist_ok=True)
    for draw in (rounding, saturation, table, ranges, stages, jets):
        draw()


if __name__ == "__main__":
    main()
