"""Pictures of jets: averages, reconstructions, samples of the model, the latent landscape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from torch import Tensor

from trigforge.train.nae.network import Autoencoder
from trigforge.train.nae.pictures import landscape, to_angles
from trigforge.train.physics.nae.names import DIRECTIONS, JETS, SHORT, curve_label, jet_label
from trigforge.train.physics.nae.tagging import Tagging, latents

PIXELS = LinearSegmentedColormap.from_list(
    "pixels", [to_rgba("#2f83d6", 0), to_rgba("#2f83d6", 1), to_rgba("#8a2a0a", 1)]
)
"""From nothing, which is the page itself, over blue to the brightest."""
POINTS = 400
PATHS = 12
PATH = "#ff5ad1"
SAMPLES = 7
BATCH = 512

Float = np.ndarray[Any, Any]


def draw_averages(
    drawing: Figure, taggings: Sequence[Tagging], drawn: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Average jets, what both networks make of them, and average samples of both models.

    Args:
        drawn: name of the training -> network -> samples (N, 1, H, W).
    """
    axes = drawing.subplots(len(taggings), 7, squeeze=False)
    for row, tagging in zip(axes, taggings, strict=True):
        networks = tagging.training.networks
        own, other = (jet_label(part.label) for part in (tagging.background, tagging.signal))
        shown = {
            f"{own} jets": tagging.background.images,
            **{
                f"{SHORT[name]} of {own}": reconstructed(network, tagging.background.images)
                for name, network in networks.items()
            },
            f"{other} jets": tagging.signal.images,
            f"NAE of {other}": reconstructed(networks["nae"], tagging.signal.images),
            **{
                f"samples, {SHORT[name]}": samples
                for name, samples in drawn[tagging.training.name].items()
            },
        }
        averages = {title: images.mean(0)[0].numpy() for title, images in shown.items()}
        brightest = float(max(a.max() for a in averages.values()))
        for panel, (title, average) in zip(row, averages.items(), strict=True):
            _picture(panel, average, brightest)
            panel.set_title(title, fontsize=8)
        row[0].set_ylabel(DIRECTIONS[tagging.direction], fontweight="bold")


def draw_reconstructions(drawing: Figure, tagging: Tagging) -> None:
    """Single jets, from the least to the most anomalous by the NAE, with both reconstructions."""
    chosen = [
        *_ranked(tagging, "background", (0.0, 0.5, 0.95, 1.0)),
        *_ranked(tagging, "signal", (0.0, 0.5, 1.0)),
    ]
    axes = drawing.subplots(3, len(chosen), squeeze=False)
    networks = tagging.training.networks
    for column, (kind, index, quantile) in zip(axes.T, chosen, strict=True):
        sample = getattr(tagging, kind)
        image = sample.images[index : index + 1]
        made = [image, *(reconstructed(networks[name], image) for name in ("ae", "nae"))]
        brightest = float(image.max())
        for panel, picture in zip(column, made, strict=True):
            _picture(panel, picture[0, 0].numpy(), brightest)
        rank = {0.0: "best", 0.5: "median", 1.0: "worst"}.get(quantile, f"{quantile:.0%}")
        column[0].set_title(f"{jet_label(sample.label)}, {rank}", fontsize=8)
        for panel, name in zip(column[1:], ("ae", "nae"), strict=True):
            energy = getattr(tagging.scores[name], kind)[index]
            panel.set_xlabel(f"{energy:.2g}", fontsize=7.5)
    for panel, title in zip(axes[:, 0], ("jet", "its own AE", "NAE"), strict=True):
        panel.set_ylabel(title, fontweight="bold")


def draw_samples(
    drawing: Figure, taggings: Sequence[Tagging], drawn: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Single jets of the training's class above single samples of both models."""
    axes = drawing.subplots(3 * len(taggings), SAMPLES, squeeze=False)
    for place, tagging in enumerate(taggings):
        sets = {
            f"{jet_label(tagging.background.label)} jets": tagging.background.images,
            **{
                f"samples, {SHORT[name]}": samples
                for name, samples in drawn[tagging.training.name].items()
            },
        }
        brightest = float(tagging.background.images[:SAMPLES].max())
        for row, (title, images) in zip(axes[3 * place : 3 * place + 3], sets.items(), strict=True):
            for panel, image in zip(row, images, strict=False):
                _picture(panel, image[0].numpy(), brightest)
            row[0].set_ylabel(title, fontsize=8)


def draw_landscape(
    drawing: Figure, taggings: Sequence[Tagging], paths: Mapping[str, Mapping[str, Float]]
) -> None:
    """Energies over longitude and latitude of the latents, jets of both classes, chains.

    Args:
        paths: name of the training -> network -> (steps, chains, 3).
    """
    axes = drawing.subplots(len(taggings), 2, squeeze=False)
    extent = (-np.pi, np.pi, -np.pi / 2, np.pi / 2)
    for row, tagging in zip(axes, taggings, strict=True):
        for panel, (name, network) in zip(row, tagging.training.networks.items(), strict=True):
            picture = panel.imshow(
                landscape(network), origin="lower", extent=extent, cmap="viridis"
            )
            drawing.colorbar(picture, ax=panel, label="energy", shrink=0.75)
            for kind in ("background", "signal"):
                sample = getattr(tagging, kind)
                latitude, longitude = to_angles(latents(network, sample.images[:POINTS])).T
                panel.scatter(
                    longitude,
                    latitude,
                    s=5,
                    linewidths=0,
                    alpha=0.8,
                    zorder=3,
                    color="#ffffff" if kind == "background" else JETS["signal"],
                    label=f"{jet_label(sample.label)} jets ({kind})",
                    rasterized=True,
                )
            for chain in paths[tagging.training.name][name].transpose(1, 0, 2):
                latitude, longitude = _unwrapped(to_angles(chain)).T
                panel.plot(longitude, latitude, color=PATH, linewidth=0.7, alpha=0.9)
                panel.plot(longitude[-1], latitude[-1], ".", color=PATH, markersize=5)
            panel.set_title(f"{DIRECTIONS[tagging.direction]}, {curve_label(name)}")
            panel.set_xlabel("longitude")
        row[0].set_ylabel("latitude")
        row[0].legend(
            loc="lower left",
            fontsize=7,
            frameon=True,
            facecolor="#3b4252",
            edgecolor="none",
            labelcolor="#ffffff",
        )


@torch.no_grad()
def reconstructed(network: Autoencoder, images: Tensor) -> Tensor:
    """Reconstructions of images (N, 1, H, W)."""
    parts = [network.decode(network.encode(part)) for part in torch.split(images, BATCH)]
    return torch.cat(parts)


def _ranked(
    tagging: Tagging, kind: str, quantiles: Sequence[float]
) -> list[tuple[str, int, float]]:
    """Which jets have these quantiles of the NAE's energy."""
    order = np.argsort(getattr(tagging.scores["nae"], kind), kind="stable")
    return [(kind, int(order[round(q * (len(order) - 1))]), q) for q in quantiles]


def _picture(panel: Axes, image: Float, brightest: float) -> None:
    panel.imshow(
        np.sqrt(np.clip(image, 0, None)),
        cmap=PIXELS,
        origin="lower",
        vmin=0,
        vmax=brightest**0.5,
        interpolation="nearest",
    )
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(True)
        spine.set_alpha(0.4)


def _unwrapped(angles: Float) -> Float:
    """Angles (N, 2) with a gap where a path crosses the date line, so that no line crosses all."""
    jumps = np.flatnonzero(np.abs(np.diff(angles[:, 1])) > np.pi) + 1
    return np.asarray(np.insert(angles, jumps, np.nan, axis=0))
