"""Curves of scores and of trainings: ROC, energies, epochs, dark jets over n, mediators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trigforge.train.metrics import MIN_EVENTS, roc
from trigforge.train.nae.pictures import shown_curves
from trigforge.train.physics.nae import paper
from trigforge.train.physics.nae.names import (
    COLOURS,
    DIRECTIONS,
    JETS,
    SHORT,
    curve_label,
    jet_label,
)
from trigforge.train.physics.nae.networks import Training
from trigforge.train.physics.nae.separation import SIGNAL_EFFICIENCY, Scored
from trigforge.train.physics.nae.tagging import Tagging
from trigforge.train.physics.style import INK

DASHED = ("ae", "mass", "latent_ae")
THIN = ("latent_nae", "latent_ae", "mass", "constituents", "pt", "squared_pixels", "tau3")
BINS = 60


def draw_roc(drawing: Figure, taggings: Sequence[Tagging]) -> None:
    """Background efficiency (logarithmic) against signal efficiency, a panel per direction."""
    axes = drawing.subplots(1, len(taggings), sharey=True, squeeze=False)[0]
    for panel, tagging in zip(axes, taggings, strict=True):
        for name, score in tagging.scores.items():
            _roc(panel, name, score)
        for name, quoted in paper.TAGGING[tagging.direction].items():
            panel.plot(
                SIGNAL_EFFICIENCY,
                1 / quoted.rejection,
                "o",
                markerfacecolor="none",
                color=COLOURS[name],
                markersize=6,
                label=f"paper's {SHORT[name]}",
            )
        _finish_roc(panel, len(tagging.background.jets))
        panel.set_title(
            f"{DIRECTIONS[tagging.direction]}: {jet_label(tagging.signal.label)} jets against "
            f"{jet_label(tagging.background.label)}"
        )
    axes[0].set_ylabel("background efficiency")
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=5)


def _roc(panel: Axes, name: str, score: Scored) -> None:
    b, s, _ = roc(score.signal, score.background)
    kept = b > 0
    panel.plot(
        s[kept],
        b[kept],
        color=COLOURS[name],
        label=curve_label(name),
        linestyle="--" if name in DASHED else "-",
        linewidth=0.9 if name in THIN else 1.7,
        drawstyle="steps-post",
    )


def _finish_roc(panel: Axes, jets: int) -> None:
    across = np.linspace(0.4 / jets, 1, 200)
    panel.plot(across, across, color=INK, linewidth=0.7, linestyle=":")
    panel.axhspan(0.4 / jets, MIN_EVENTS / jets, color=INK, alpha=0.06, linewidth=0)
    panel.set_yscale("log")
    panel.set_ylim(0.4 / jets, 1.3)
    panel.set_xlim(0, 1.01)
    panel.set_xlabel("signal efficiency")
    panel.grid(True)


def draw_energies(drawing: Figure, taggings: Sequence[Tagging]) -> None:
    """Distributions of the energies of both classes, before and after the normalisation."""
    axes = drawing.subplots(len(taggings), 2, squeeze=False)
    for row, tagging in zip(axes, taggings, strict=True):
        for panel, name in zip(row, ("ae", "nae"), strict=True):
            score = tagging.scores[name]
            both = np.concatenate([score.background, score.signal])
            edges = np.linspace(0, float(np.quantile(both, 0.995)), BINS)
            for kind, values in (("background", score.background), ("signal", score.signal)):
                sample = getattr(tagging, kind)
                panel.hist(
                    values,
                    edges,
                    weights=np.full(len(values), 1 / len(values)),
                    histtype="stepfilled",
                    alpha=0.45,
                    color=JETS[kind],
                    label=f"{jet_label(sample.label)} ({kind})",
                )
            panel.set_title(f"{DIRECTIONS[tagging.direction]}, {curve_label(name)}")
            panel.set_xlabel("energy: mean squared error per pixel")
            panel.grid(True)
            panel.legend()
        row[0].set_ylabel("share of jets")


def draw_history(drawing: Figure, training: Training) -> None:
    """What every epoch of the normalisation gave, the chosen epoch dashed."""
    history = training.history.get("normalisation", ())
    curves = shown_curves(history)
    for panel, (title, names) in zip(drawing.subplots(1, len(curves)), curves.items(), strict=True):
        for name in names:
            epochs = [epoch["epoch"] + 1 for epoch in history if name in epoch]
            values = [epoch[name] for epoch in history if name in epoch]
            panel.plot(epochs, values, label=name.replace("_", " "))
        if training.chosen_epoch is not None:
            panel.axvline(training.chosen_epoch + 1, color=INK, linestyle="--", linewidth=0.8)
        panel.set_title(title)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_xlabel("epoch")
        panel.grid(True)
        if len(names) > 1 and history:
            panel.legend(fontsize=7)


def draw_dark(drawing: Figure, entries: Sequence[Mapping[str, Any]]) -> None:
    """AUC over the power n of the pixels, a panel per dark jet, the paper's as open circles."""
    signals = list(paper.DARK)
    axes = drawing.subplots(1, len(signals), sharey=True, squeeze=False)[0]
    for panel, signal in zip(axes, signals, strict=True):
        for name in ("ae", "nae", "mass", "constituents", "squared_pixels"):
            found = sorted(
                (entry["power"], *(entry["signals"][signal]["scores"][name][k] for k in _AUC))
                for entry in entries
            )
            power, value, error = np.array(found).T
            panel.errorbar(
                power,
                value,
                error,
                fmt="o-" if name in ("ae", "nae") else "--",
                markersize=4,
                linewidth=1,
                color=COLOURS[name],
                label=curve_label(name),
            )
        quoted = paper.DARK[signal]
        panel.errorbar(
            list(quoted),
            [q.auc for q in quoted.values()],
            [q.auc_spread or 0 for q in quoted.values()],
            fmt="o",
            markerfacecolor="none",
            color=COLOURS["nae"],
            markersize=6,
            linewidth=0.8,
            label="paper's NAE",
        )
        panel.axhline(0.5, color=INK, linewidth=0.7, linestyle=":")
        panel.set_xscale("log")
        panel.set_xlabel("n, the power of the pixels")
        panel.set_title(f"{jet_label(signal)} jets")
        panel.grid(True)
    axes[0].set_ylabel("AUC against QCD jets")
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=5)


def draw_mediators(drawing: Figure, signals: Mapping[str, Mapping[str, Any]]) -> None:
    """AUC of every score for every mediator, plain and at equal pT."""
    axes = drawing.subplots(1, 2, sharey=True, squeeze=False)[0]
    names = list(signals)
    places = np.arange(len(names), dtype=float)
    for panel, key, title in (
        (axes[0], "auc", "all jets"),
        (axes[1], "auc_at_equal", "at equal pT (5 %)"),
    ):
        shown = list(next(iter(signals.values()))["scores"])
        for index, score in enumerate(shown):
            cells = [signals[name]["scores"][score] for name in names]
            panel.errorbar(
                places + 0.13 * (index - (len(shown) - 1) / 2),
                [np.nan if c[key] is None else c[key] for c in cells],
                [c[f"{key}_error"] or 0 for c in cells],
                fmt="o",
                markersize=4.5,
                linewidth=1,
                color=COLOURS[score],
                label=curve_label(score),
            )
        panel.axhline(0.5, color=INK, linewidth=0.7, linestyle=":")
        panel.set_xticks(
            places, [jet_label(n) for n in names], rotation=40, ha="right", rotation_mode="anchor"
        )
        panel.set_title(title)
        panel.grid(True, axis="y")
    axes[0].set_ylabel("AUC against ttbar jets")
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=5)


_AUC = ("auc", "auc_error")
