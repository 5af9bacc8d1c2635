"""From a collision to the network's input: which steps run where, as data.

A firmware network begins with numbers on a grid. What comes before is assumed to be done upstream,
in floating point, and a recipe's physics is only as good as that assumption.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Step:
    """One step; ``where`` is ``upstream`` of the firmware or in the ``firmware``."""

    where: Literal["upstream", "firmware"]
    what: str


IMAGE_STEPS: dict[str, Step] = {
    "find": Step("upstream", "anti-kT jets of tracks and calorimeter cells"),
    "centre": Step("upstream", "shift to the pT-weighted centroid"),
    "rotate": Step("upstream", "principal axis to 12 o'clock"),
    "flip": Step("upstream", "hardest quadrant to the lower left"),
    "pixelate": Step("upstream", "sum pT in 40 x 40 pixels of 0.029 x 0.035 (eta, phi)"),
    "reweight": Step("upstream", "pixels to the power n"),
    "normalise": Step("upstream", "divide by the sum of the pixels"),
    "smear": Step("upstream", "Gaussian filter, width in pixels"),
    "quantise": Step("firmware", "truncate to the recipe's input format"),
    "network": Step("firmware", "encoder, sphere, decoder, squared error"),
}
VARIABLE_STEPS: dict[str, Step] = {
    "find": Step("upstream", "anti-kT jets of tracks and calorimeter cells"),
    "measure": Step("upstream", "the eight substructure variables"),
    "transform": Step("upstream", "each variable to a normal distribution of the background"),
    "quantise": Step("firmware", "truncate to the recipe's input format"),
    "network": Step("firmware", "dense layers, squared error"),
}


def steps_table(steps: dict[str, Step]) -> str:
    """Markdown table of the steps in their order."""
    rows = [f"| {name} | {step.where} | {step.what} |" for name, step in steps.items()]
    return "\n".join(["| step | where | what |", "|---|---|---|", *rows])
