"""The page: one HTML file with its figures inside, for light and dark screens, without network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trigforge.train.html import sample_label, templates
from trigforge.train.physics.cells import tint
from trigforge.train.physics.figures import Drawing
from trigforge.train.physics.style import LABELS
from trigforge.train.physics.table import METRICS, headline, rows


def page(result: dict[str, Any], drawings: dict[str, list[Drawing]]) -> str:
    """The HTML of ``physics.json``'s content and the figures of each dataset."""
    environment = templates(Path(__file__).parent)
    environment.filters["tint"] = tint
    chapters = [
        {
            **dataset,
            "tables": [
                {
                    "metric": metric,
                    "title": title,
                    "about": about,
                    "columns": [
                        sample_label(n)
                        for n in dataset["events"]
                        if n in dataset["baselines"]["mask_sum"]
                    ],
                    "rows": rows(dataset, metric),
                }
                for metric, (title, about) in METRICS.items()
            ],
            "cards": [_card(dataset, network) for network in dataset["networks"]],
            "drawings": drawings[dataset["slug"]],
        }
        for dataset in result["datasets"]
    ]
    template = environment.get_template("page.html.jinja")
    return template.render(result=result, chapters=chapters)


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
