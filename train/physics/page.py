"""The page: one HTML file with its figures inside, for light and dark screens, without network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from trigforge.train.html import templates
from trigforge.train.physics.style import LABELS
from trigforge.train.physics.table import METRICS, Cell, headline, rows

FULL_COLOUR = 0.15
"""Gain in AUC over the mask sum at which a cell has its full colour."""


@dataclass(frozen=True)
class Drawing:
    """A figure of the page: its file name, its caption and its SVG element."""

    name: str
    caption: str
    svg: str


def page(result: dict[str, Any], drawings: dict[str, list[Drawing]]) -> str:
    """The HTML of ``physics.json``'s content and the figures of each dataset."""
    environment = templates(Path(__file__).parent)
    environment.filters["tint"] = tint
    chapters = [
        {
            **dataset,
            "signals": [n for n in dataset["events"] if n in dataset["baselines"]["mask_sum"]],
            "tables": [
                {"metric": metric, "title": title, "about": about, "rows": rows(dataset, metric)}
                for metric, (title, about) in METRICS.items()
            ],
            "cards": [_card(dataset, network) for network in dataset["networks"]],
            "drawings": [
                {"name": d.name, "caption": d.caption, "svg": Markup(d.svg)}  # noqa: S704
                for d in drawings[dataset["slug"]]
            ],
        }
        for dataset in result["datasets"]
    ]
    template = environment.get_template("page.html.jinja")
    return template.render(result=result, chapters=chapters)


def tint(cell: Cell) -> str:
    """Background of a cell: green above the mask sum, red below, stronger with the distance."""
    if cell.gain is None or abs(cell.gain) < 0.005:
        return ""
    strength = min(abs(cell.gain) / FULL_COLOUR, 1.0)
    name = "--better" if cell.gain > 0 else "--worse"
    return f"background:color-mix(in srgb, var({name}) {60 * strength:.0f}%, transparent)"


def _card(dataset: dict[str, Any], network: dict[str, Any]) -> dict[str, Any]:
    key, mean, own = headline(dataset, network)
    leading = network["latents"][0]
    return {
        "label": network["label"],
        "ssim": network["quality"]["ssim"],
        "sse": network["quality"]["sse"],
        "best": LABELS[key],
        "mean": mean,
        "own": own,
        "latent": f"{'−' if leading['sign'] < 0 else ''}z[{leading['index']}]",
        "correlation": network["mask_sum_correlation"]["latent_leading"],
    }
