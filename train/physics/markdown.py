"""The numbers of the page as Markdown."""

from __future__ import annotations

from typing import Any

from trigforge.train.html import sample_label
from trigforge.train.physics.style import LABELS
from trigforge.train.physics.table import METRICS, headline, rows


def markdown(result: dict[str, Any]) -> str:
    """The whole page without its figures."""
    lines = ["# CoDAE: physics", ""]
    lines += [f"- **{network['label']}**: {network['about']}" for network in result["networks"]]
    for dataset in result["datasets"]:
        lines += _dataset(dataset, result["paper"])
    return "\n".join(lines) + "\n"


def _dataset(dataset: dict[str, Any], paper: dict[str, Any]) -> list[str]:
    events = ", ".join(f"{sample_label(n)} {count}" for n, count in dataset["events"].items())
    lines = ["", f"## {dataset['title']}", "", f"Events: {events}.", ""]
    lines += ["| network | SSIM | squared error | best at equal mask sum | mask sum itself |"]
    lines += ["|---|---|---|---|---|"]
    for network in dataset["networks"]:
        ssim, sse = network["quality"]["ssim"], network["quality"]["sse"]
        key, mean, own = headline(dataset, network)
        lines.append(
            f"| {network['label']} | {ssim['mean']:.3f} ± {ssim['std']:.3f} | "
            f"{sse['mean']:.1f} ± {sse['std']:.1f} | {LABELS[key]} {100 * mean:.1f} % | "
            f"{100 * own:.1f} % |"
        )
    ssim, sse = paper["quality"]["ssim"], paper["quality"]["sse"]
    lines.append(
        f"| paper | {ssim['mean']} ± {ssim['std']} | {sse['mean']} ± {sse['std']} | – | – |"
    )
    signals = [name for name in dataset["events"] if name in dataset["baselines"]["mask_sum"]]
    for metric, (title, about) in METRICS.items():
        lines += ["", f"### {title}", "", about, ""]
        lines.append("| score | network | " + " | ".join(map(sample_label, signals)) + " |")
        lines.append("|---|---|" + "---|" * len(signals))
        for row in rows(dataset, metric):
            cells = [
                f"**{c.text}**" if c.best and row.kind == "network" else c.text for c in row.cells
            ]
            lines.append(f"| {row.score} | {row.origin} | " + " | ".join(cells) + " |")
    return lines
