"""Pictures of a training: energies and distances over epochs, jets beside samples, the landscape.

The landscape is the equirectangular projection of the sphere of latents, longitude and latitude as
in figure 2 of arXiv:2206.14225, with the energy of the decoded points as colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trigforge.train.artifacts import atomic_path
from trigforge.train.nae.network import Coder, energy

Float = npt.NDArray[np.float64]
LATITUDES = 45
COLUMNS = 8
CURVES = {
    "energies": ("energy", "sample_energy"),
    "energy mover's distance": ("movers_distance",),
    "acceptance": ("latent_acceptance", "input_acceptance"),
    "chains behind a kept point": ("buffer_age",),
}
ACCEPTANCES = CURVES["acceptance"]


def never_rejecting(history: Sequence[Mapping[str, float]]) -> set[str]:
    """Acceptances that are 1 in every epoch: chains without an acceptance step record no other."""
    return {name for name in ACCEPTANCES if all(epoch.get(name, 1) == 1 for epoch in history)}


def shown_curves(history: Sequence[Mapping[str, float]]) -> dict[str, tuple[str, ...]]:
    """Title and names of every panel; acceptances only where something was ever rejected."""
    silent = never_rejecting(history)
    kept = {title: tuple(n for n in names if n not in silent) for title, names in CURVES.items()}
    return {title: names for title, names in kept.items() if names}


def save_history(path: Path, history: Sequence[Mapping[str, float]], best_epoch: int) -> None:
    """Curves of the second phase as PNG, the chosen epoch marked."""
    curves = shown_curves(history)
    figure, axes = _figure(1, len(curves), (4 * len(curves), 3))
    epochs = [epoch["epoch"] + 1 for epoch in history]
    for axis, (title, names) in zip(axes.flat, curves.items(), strict=True):
        for name in names:
            label = name.replace("_", " ")
            axis.plot(epochs, [epoch[name] for epoch in history], label=label)
        axis.axvline(epochs[best_epoch], color="black", linestyle="--", linewidth=0.8)
        axis.set_title(title)
        if len(names) > 1:
            axis.legend()
    for axis in axes[-1]:
        axis.set_xlabel("epoch (dashed: the chosen one)")
    _save(figure, path)


def save_samples(path: Path, jets: Tensor, samples: Tensor) -> None:
    """Jets (B, 1, H, W) above samples of the model, and both averages at the left, as PNG."""
    figure, axes = _figure(2, COLUMNS, (1.6 * COLUMNS, 3.6))
    brightest = float(jets.max())
    for row, images, name in ((axes[0], jets, "jets"), (axes[1], samples, "samples")):
        shown = [images.mean(0), *images[: COLUMNS - 1]]
        for axis, image in zip(row, shown, strict=False):
            pixels = image.detach().cpu()[0].numpy()
            axis.imshow(np.sqrt(pixels.clip(0)), origin="lower", vmin=0, vmax=brightest**0.5)
        row[0].set_title(f"{name}: mean of {len(images)}", fontsize=8)
    for axis in axes.flat:
        axis.set_axis_off()
    _save(figure, path)


@torch.no_grad()
def landscape(model: Coder, latitudes: int = LATITUDES) -> Float:
    """Energies of decoded points, (latitudes, 2 latitudes), south to north and west to east."""
    latitude = (np.arange(latitudes) + 0.5) / latitudes * np.pi - np.pi / 2
    longitude = (np.arange(2 * latitudes) + 0.5) / latitudes * np.pi - np.pi
    grid = np.stack(np.meshgrid(latitude, longitude, indexing="ij"), axis=-1).reshape(-1, 2)
    points = torch.from_numpy(from_angles(grid)).float()
    parts = [energy(model, model.decode(part)) for part in torch.split(points, 512)]
    return torch.cat(parts).double().numpy().reshape(latitudes, 2 * latitudes)


def from_angles(angles: Float) -> Float:
    """Unit vectors (N, 3) of latitudes and longitudes (N, 2)."""
    latitude, longitude = angles.T
    across = np.cos(latitude)
    return np.stack(
        [across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], axis=1
    )


def to_angles(points: Float) -> Float:
    """Latitudes and longitudes (N, 2) of unit vectors (N, 3)."""
    latitude = np.arcsin(np.clip(points[:, 2], -1, 1))
    return np.stack([latitude, np.arctan2(points[:, 1], points[:, 0])], axis=1)


def save_landscape(path: Path, model: Coder, points: Mapping[str, Float]) -> None:
    """The landscape with named sets of latents (N, 3) on it, as PNG."""
    figure, axes = _figure(1, 1, (9, 5))
    axis = axes[0, 0]
    extent = (-np.pi, np.pi, -np.pi / 2, np.pi / 2)
    image = axis.imshow(landscape(model), origin="lower", extent=extent, cmap="viridis")
    for name, latents in points.items():
        latitude, longitude = to_angles(latents).T
        axis.scatter(longitude, latitude, s=4, alpha=0.5, label=name)
    axis.set_xlabel("longitude")
    axis.set_ylabel("latitude")
    axis.legend(loc="upper right")
    figure.colorbar(image, ax=axis, label="energy", shrink=0.7)
    _save(figure, path)


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _save(figure: Any, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
