"""How pages of normalised autoencoders call and colour their scores and jets."""

from __future__ import annotations

from trigforge.train.html import sample_label
from trigforge.train.physics.style import INK

LABELS = {
    "nae": "energy",
    "ae": "energy",
    "latent_nae": "latent score",
    "latent_ae": "latent score",
    "mass": "jet mass",
    "constituents": "constituents",
    "pt": "pT",
    "squared_pixels": "sum of squared pixels",
    "tau3": "tau3",
}
SHORT = {"nae": "NAE", "ae": "AE"}
NETWORKS = {"nae": "NAE", "ae": "its own AE"}
LATENT = {"latent_nae": "NAE's encoder", "latent_ae": "its own AE's encoder"}
COLOURS = {
    "nae": "#d9480f",
    "ae": "#2f83d6",
    "latent_nae": "#d39a00",
    "latent_ae": "#d39a00",
    "mass": INK,
    "constituents": "#9c5fd0",
    "pt": "#8a8f98",
    "squared_pixels": "#12a27c",
    "tau3": "#d39a00",
}
JETS = {"background": "#2f83d6", "signal": "#d9480f"}
DIRECTIONS = {"direct": "Direct tagging", "reverse": "Reverse tagging"}


def curve_label(score: str) -> str:
    """``NAE`` or the baseline's name."""
    if score in LATENT:
        return f"latents, {SHORT[score.removeprefix('latent_')]}"
    return NETWORKS.get(score, LABELS[score])


def baseline_label(score: str, sign: int) -> str:
    """A baseline with the side on which the anomaly lies."""
    return f"{LABELS[score]}, {'high' if sign > 0 else 'low'}"


def jet_label(name: str) -> str:
    """``svj_2000_30`` and others as people write them."""
    parts = name.split("_")
    if parts[0] == "svj" and len(parts) == 3:
        return f"{int(parts[1]):,} GeV, {int(parts[2]) / 100:g}"
    return sample_label(name)
