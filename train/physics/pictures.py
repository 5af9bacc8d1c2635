"""Figures of events: the latent plane, and masks beside their reconstructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from trigforge.train.events import Events
from trigforge.train.html import sample_label
from trigforge.train.physics.measurement import BACKGROUND, Scored
from trigforge.train.physics.networks import Network
from trigforge.train.physics.style import SAMPLES
from trigforge.train.scores import batches

PLANE_SIGNALS = ("suep_125", "suep_300", "svj_2100", "svj_4100")
PLANE_EVENTS = 300
PICTURED = (BACKGROUND, "suep_125", "suep_300", "svj_2100")
GREY = "#6f7b88"
PIXEL = "#2f83d6"
MISSED = "#d9480f"


def draw_latent_plane(drawing: Figure, all_scored: Sequence[Scored]) -> None:
    """Both raw latents: background as a density, signals as points; a panel per network."""
    axes = drawing.subplots(1, len(all_scored), squeeze=False)[0]
    density = LinearSegmentedColormap.from_list("density", [(*_rgb(GREY), 0.18), (*_rgb(GREY), 1)])
    for panel, scored in zip(axes, all_scored, strict=True):
        background = scored.background
        panel.hexbin(
            background["latent_0"],
            background["latent_1"],
            gridsize=45,
            mincnt=1,
            cmap=density,
            norm=LogNorm(),
            linewidths=0,
            rasterized=True,
        )
        shown = [name for name in PLANE_SIGNALS if name in scored.signals]
        for colour, name in zip(SAMPLES, shown, strict=False):
            sample = scored.samples[name]
            panel.scatter(
                sample["latent_0"][:PLANE_EVENTS],
                sample["latent_1"][:PLANE_EVENTS],
                s=6,
                alpha=0.6,
                linewidths=0,
                color=colour,
                rasterized=True,
            )
        panel.set_xlabel("$z_m[0]$")
        panel.set_ylabel("$z_m[1]$")
        panel.set_title(scored.network.label)
        panel.grid(True)
    names = [name for name in PLANE_SIGNALS if name in all_scored[0].signals]
    marks = [
        Line2D([], [], marker="o", markersize=5, linestyle="", color=colour, label=sample_label(n))
        for colour, n in zip(SAMPLES, names, strict=False)
    ]
    grey = Line2D([], [], marker="h", markersize=7, linestyle="", color=GREY, label="QCD (density)")
    drawing.legend(handles=[grey, *marks], loc="outside upper center", ncols=5)


def draw_reconstructions(
    drawing: Figure, samples: Mapping[str, Events], all_scored: Sequence[Scored]
) -> None:
    """A typical event of four samples: the mask, and per network prediction and what went wrong.

    Typical is the event whose mask sum is the median of its sample.
    """
    names = [name for name in PICTURED if name in samples]
    axes = drawing.subplots(len(names), 1 + 2 * len(all_scored), squeeze=False)
    # white paper or black screen: the background of a picture stays transparent
    ink = LinearSegmentedColormap.from_list("pixel", [(*_rgb(PIXEL), 0), (*_rgb(PIXEL), 1)])
    wrong = LinearSegmentedColormap.from_list(
        "wrong", [(*_rgb(PIXEL), 1), (*_rgb(PIXEL), 0), (*_rgb(MISSED), 0), (*_rgb(MISSED), 1)]
    )
    for row, name in zip(axes, names, strict=True):
        counts = samples[name].masks.sum((1, 2), dtype=np.int64)
        index = int(np.argsort(counts, kind="stable")[len(counts) // 2])
        mask = samples[name].masks[index]
        row[0].imshow(mask, cmap=ink, vmin=0, vmax=1, interpolation="nearest")
        row[0].set_ylabel(sample_label(name), fontweight="bold")
        row[0].set_xlabel(f"{counts[index]} pixels", fontsize=7.5)
        for place, scored in enumerate(all_scored):
            predicted, difference = row[1 + 2 * place], row[2 + 2 * place]
            probabilities = _reconstruct(scored.network, mask)
            predicted.imshow(probabilities, cmap=ink, vmin=0, vmax=1, interpolation="nearest")
            difference.imshow(
                mask - probabilities, cmap=wrong, vmin=-1, vmax=1, interpolation="nearest"
            )
            event = {
                key: float(scored.samples[name][key][index]) for key in ("ssim", "sse", "dice")
            }
            predicted.set_xlabel(f"SSIM {event['ssim']:.3f}", fontsize=7.5)
            difference.set_xlabel(
                f"SSE {event['sse']:.1f}, 1−Dice {event['dice']:.3f}", fontsize=7.5
            )
    axes[0][0].set_title("mask")
    for place, scored in enumerate(all_scored):
        axes[0][1 + 2 * place].set_title(f"{scored.network.label}\nprediction", fontsize=8.5)
        axes[0][2 + 2 * place].set_title("missed (orange),\ninvented (blue)", fontsize=8.5)
    for panel in axes.ravel():
        panel.set_xticks([])
        panel.set_yticks([])
        for spine in panel.spines.values():
            spine.set_visible(True)
            spine.set_alpha(0.4)


def _reconstruct(network: Network, mask: np.ndarray) -> np.ndarray:
    """Predicted probabilities (H, W) of one mask (H, W)."""
    with torch.inference_mode():
        (batch,) = batches(mask[None], 1)
        logits, _ = network.model(batch)
        return np.asarray(torch.sigmoid(logits)[0, 0].numpy())


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue
