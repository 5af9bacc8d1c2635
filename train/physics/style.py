"""How figures look, and how one drawing serves light pages, dark pages and files.

Everything that is not data is drawn in :data:`INK`; in an SVG for the page that colour becomes the
page's own text colour. Data colours are of middle lightness, visible on white and on black.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trigforge.train.artifacts import atomic_path

INK = "#1f2933"
COLOURS = {
    "dice": "#d9480f",
    "sae": "#9c5fd0",
    "sse": "#12a27c",
    "bce": "#2f83d6",
    "latent_leading": "#d39a00",
    "latent_other": "#b5838d",
    "predicted_sum": "#8a8f98",
    "mask_sum": INK,
    "n_tracks": INK,
}
LABELS = {
    "dice": "1 − Dice",
    "sae": "SAE",
    "sse": "SSE",
    "bce": "BCE",
    "latent_leading": "latent, leading",
    "latent_other": "latent, other",
    "predicted_sum": "predicted mask sum",
    "mask_sum": "mask sum (count)",
    "n_tracks": "offline tracks",
}
SAMPLES = ("#2f83d6", "#d9480f", "#12a27c", "#9c5fd0")
PNG_DPI = 150
SETTINGS = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.facecolor": "none",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "grid.color": INK,
    "grid.alpha": 0.13,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
    "svg.fonttype": "none",
}


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of ``width`` x ``height`` inches in the style of the page."""
    with matplotlib.rc_context(SETTINGS):
        drawing = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(drawing)
        yield drawing


def save(drawing: Figure, folder: Path, name: str) -> str:
    """Write ``<name>.png`` and ``<name>.svg``; returns the SVG for the page.

    Raises:
        StorageError: a file cannot be written.
    """
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": name}):
        with atomic_path(folder / f"{name}.png") as path:
            drawing.savefig(path, format="png", dpi=PNG_DPI, facecolor="white")
        drawing.patch.set_visible(False)
        drawing.set_layout_engine("none")  # places stay as they were found for the PNG
        stream = io.StringIO()
        drawing.savefig(stream, format="svg", dpi=PNG_DPI, metadata={"Date": None})
    text = stream.getvalue()
    with atomic_path(folder / f"{name}.svg") as path:
        path.write_text(text, encoding="utf-8")
    return inline(text)


def inline(svg: str) -> str:
    """The ``<svg>`` element for a page: text colour for ink, no numbered names, any width."""
    element = svg[svg.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, count=1, flags=re.DOTALL)
    element = re.sub(r' id="[A-Za-z]+\d*_\d+"', "", element)
    element = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", element, count=1)
    element = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", element, count=1)
    return element.replace(INK, "currentColor")
