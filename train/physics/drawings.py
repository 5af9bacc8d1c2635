"""Which figures a dataset gets, their sizes and captions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from trigforge.train.events import EventDataset, Events
from trigforge.train.physics import curves, pictures
from trigforge.train.physics.figures import Drawing, Plan, drawn
from trigforge.train.physics.measurement import Scored

PANEL_INCHES = 4.2
ROC_INCHES = (8.4, 7.4)


@dataclass(frozen=True)
class Chapter:
    """One dataset with all networks' scores on it."""

    slug: str
    title: str
    dataset: EventDataset
    samples: dict[str, Events]
    scored: list[Scored]


def draw_chapter(chapter: Chapter, numbers: dict[str, Any], folder: Path) -> list[Drawing]:
    """Draw and save every figure of a dataset.

    Args:
        numbers: the dataset's entry of ``physics.json``.

    Raises:
        StorageError: a file cannot be written.
    """
    return [drawn(plan, folder) for plan in _plans(chapter, numbers)]


def _plans(chapter: Chapter, numbers: dict[str, Any]) -> list[Plan]:
    slug, scored = chapter.slug, chapter.scored
    measured = [
        (entry["label"], {**entry["scores"], **numbers["baselines"]})
        for entry in numbers["networks"]
    ]
    width = max(6.0, PANEL_INCHES * len(scored))
    return [
        Plan(
            f"equal-{slug}",
            "AUC among events of equal mask sum. What a score knows beyond counting pixels lies "
            "above the bar of the mask sum itself, which is not exactly at 0.5 because the window "
            "of 5 % has a width.",
            (width, 4.2),
            partial(curves.draw_equal, measured=measured),
        ),
        Plan(
            f"beyond-{slug}",
            "1 − Dice against the mask sum. A signal that leaves the band of the background at its "
            "own mask sum is found by the reconstruction, not by its size.",
            (width, 3.7),
            partial(curves.draw_beyond, all_scored=scored),
        ),
        *(
            Plan(
                f"roc-{slug}-{one.network.name}",
                f"ROC of {one.network.label}. Circles: what the paper quotes at 40 % signal "
                "efficiency on its own events. In the shaded strip fewer than ten background "
                "events are left.",
                ROC_INCHES,
                partial(curves.draw_roc, scored=one),
            )
            for one in scored
        ),
        Plan(
            f"latents-{slug}",
            "The latent plane of the mask encoder, as the network gives it (no sign chosen).",
            (width, 4.2),
            partial(pictures.draw_latent_plane, all_scored=scored),
        ),
        Plan(
            f"events-{slug}",
            "Events of median mask sum: the mask, the predicted probabilities, and their "
            "difference.",
            (1.9 + 3.4 * len(scored), 8.8),
            partial(pictures.draw_reconstructions, samples=chapter.samples, all_scored=scored),
        ),
    ]
