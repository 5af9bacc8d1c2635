"""Figures of scores: ROC curves, AUC at equal mask sum, and what lies beyond counting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from trigforge.train.html import sample_label
from trigforge.train.metrics import MIN_EVENTS, Scores, roc
from trigforge.train.physics.measurement import MIN_COMPARED, Scored
from trigforge.train.physics.paper import quoted
from trigforge.train.physics.style import COLOURS, INK, LABELS, SAMPLES

ROC_SCORES = ("dice", "sse", "bce", "latent_leading")
EQUAL_SCORES = ("dice", "sae", "sse", "bce", "latent_leading")
COLUMNS = 3
MASK_SUM_BINS = 14
TICKS = (10, 20, 30, 50, 70, 100, 150, 200, 300, 500)
FEWEST = 12
"""Events that a bin needs before its median is drawn."""


def draw_roc(drawing: Figure, scored: Scored) -> None:
    """One panel per signal: background efficiency (logarithmic) against signal efficiency."""
    signals = scored.signals
    rows = -(-len(signals) // COLUMNS)
    axes = drawing.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    events = len(scored.background["mask_sum"])
    for place, name in enumerate(signals):
        panel = axes[place // COLUMNS][place % COLUMNS]
        _roc_panel(panel, scored, name, events)
        if place % COLUMNS == 0:
            panel.set_ylabel("background efficiency")
        if place >= len(signals) - COLUMNS:
            panel.set_xlabel("signal efficiency")
    for panel in axes.ravel()[len(signals) :]:
        panel.set_visible(False)
    handles, labels = axes[0][0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=3)


def _roc_panel(panel: Axes, scored: Scored, name: str, events: int) -> None:
    for key in (*ROC_SCORES, "mask_sum"):
        b, s, _ = roc(scored.samples[name][key], scored.background[key])
        kept = b > 0
        dashed = key == "mask_sum"
        panel.plot(
            s[kept],
            b[kept],
            color=COLOURS[key],
            label=LABELS[key],
            linestyle="--" if dashed else "-",
            linewidth=1.2 if dashed else 1.5,
            drawstyle="steps-post",
        )
        _, fpr40 = quoted(key, name)
        if fpr40 is not None and fpr40 >= 0.5 / events:
            panel.plot(0.4, fpr40, "o", markerfacecolor="none", color=COLOURS[key], markersize=5)
    panel.plot([], [], "o", markerfacecolor="none", color=INK, markersize=5, label="paper, 40 %")
    panel.axhspan(0.4 / events, MIN_EVENTS / events, color=INK, alpha=0.06, linewidth=0)
    panel.set_yscale("log")
    panel.set_ylim(0.4 / events, 1.3)
    panel.set_xlim(0, 1.02)
    panel.grid(True)
    panel.set_title(sample_label(name))


def draw_equal(
    drawing: Figure, measured: Sequence[tuple[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]]
) -> None:
    """AUC at equal mask sum per signal, a panel per network (label, measured scores)."""
    axes = drawing.subplots(1, len(measured), sharey=True, squeeze=False)[0]
    for panel, (label, scores) in zip(axes, measured, strict=True):
        signals = list(scores["mask_sum"])
        positions = np.arange(len(signals), dtype=float)
        window, _ = _at_equal([scores["mask_sum"][name] for name in signals])
        panel.plot(
            positions,
            window,
            "_",
            color=INK,
            markersize=22,
            alpha=0.7,
            label="mask sum itself",
        )
        for index, key in enumerate(EQUAL_SCORES):
            values, errors = _at_equal([scores[key][name] for name in signals])
            shift = 0.13 * (index - (len(EQUAL_SCORES) - 1) / 2)
            panel.errorbar(
                positions + shift,
                values,
                errors,
                fmt="o",
                markersize=4,
                linewidth=1,
                color=COLOURS[key],
                label=LABELS[key],
            )
        panel.axhline(0.5, color=INK, linewidth=0.8, linestyle=":")
        panel.set_xticks(
            positions,
            [sample_label(name) for name in signals],
            rotation=40,
            ha="right",
            rotation_mode="anchor",
        )
        panel.set_title(label)
        panel.grid(True, axis="y")
        panel.set_ylim(0.2, 1.02)
    axes[0].set_ylabel("AUC at equal mask sum")
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=6)


def draw_beyond(drawing: Figure, all_scored: Sequence[Scored], key: str = "dice") -> None:
    """A score against the mask sum: background median and 68 % band, signal medians."""
    axes = drawing.subplots(1, len(all_scored), sharey=True, squeeze=False)[0]
    for panel, scored in zip(axes, all_scored, strict=True):
        counts = scored.background["mask_sum"]
        low, high = (float(edge) for edge in np.percentile(counts, [0.5, 99.8]))
        edges = np.geomspace(max(low, 1.0), max(high, 2.0), MASK_SUM_BINS + 1)
        centres, bands = _profile(counts, scored.background[key], edges)
        panel.fill_between(
            centres, bands[0], bands[2], color=INK, alpha=0.15, linewidth=0, label="QCD, 68 %"
        )
        panel.plot(centres, bands[1], color=INK, label="QCD, median")
        shown = [n for n in ("suep_125", "suep_300", "svj_2100", "svj_4100") if n in scored.signals]
        for colour, name in zip(SAMPLES, shown, strict=False):
            sample = scored.samples[name]
            centres, bands = _profile(sample["mask_sum"], sample[key], edges)
            panel.plot(
                centres, bands[1], "o-", markersize=3.5, color=colour, label=sample_label(name)
            )
        panel.set_xscale("log")
        panel.set_xticks([t for t in TICKS if edges[0] <= t <= edges[-1]], minor=False)
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel("mask sum (pixels)")
        panel.set_title(scored.network.label)
        panel.grid(True)
    axes[0].set_ylabel(LABELS[key])
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=6)


def _profile(x: Scores, y: Scores, edges: Scores) -> tuple[Scores, Scores]:
    """Bin centres (K,) and the 16, 50 and 84 % points (3, K) of y where events are enough."""
    place = np.digitize(x, edges) - 1
    full = [i for i in range(len(edges) - 1) if np.count_nonzero(place == i) >= FEWEST]
    centres = np.array([np.sqrt(edges[i] * edges[i + 1]) for i in full])
    points = [np.percentile(y[place == i], [16, 50, 84]) for i in full]
    return centres, np.array(points).reshape(-1, 3).T


def _at_equal(cells: Sequence[Mapping[str, Any]]) -> tuple[Scores, Scores]:
    """AUC at equal mask sum and its error; not a number where too few events are compared."""
    enough = [cell["n_at_equal"] >= MIN_COMPARED for cell in cells]
    values = [c["auc_at_equal"] if ok else np.nan for c, ok in zip(cells, enough, strict=True)]
    errors = [c["auc_at_equal_error"] if ok else 0 for c, ok in zip(cells, enough, strict=True)]
    return np.array(values, float), np.array(errors, float)
