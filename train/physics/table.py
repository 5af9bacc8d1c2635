"""The tables of the page and of the Markdown file, as rows of text cells."""

from __future__ import annotations

from typing import Any

from trigforge.train.metrics import MIN_EVENTS
from trigforge.train.physics.cells import Cell, Row
from trigforge.train.physics.measurement import BASELINES, MIN_COMPARED, NETWORK_SCORES
from trigforge.train.physics.paper import quoted
from trigforge.train.physics.style import LABELS

METRICS = {
    "auc": ("AUC (%)", "Area under the ROC curve; higher is better."),
    "fpr40": (
        "FPR at 40 % signal efficiency (%)",
        "Background that passes with 40 % of the signal; lower is better. In brackets: fewer than "
        "ten background events.",
    ),
    "auc_at_equal": (
        "AUC at equal mask sum (%)",
        "Each signal event against background events of the same mask sum within 5 %: what the "
        "score knows beyond counting. In brackets: fewer than twenty events compared. The paper "
        "does not give it.",
    ),
}


def rows(dataset: dict[str, Any], metric: str) -> list[Row]:
    """All rows of a metric: baselines, then score by score the networks and the paper."""
    signals = [name for name in dataset["events"] if name in dataset["baselines"]["mask_sum"]]
    count = dataset["baselines"]["mask_sum"]
    best = {name: _best(dataset, metric, name) for name in signals}
    found = []
    for key in BASELINES:
        values = dataset["baselines"][key]
        cells = [_cell(values[n], metric, count[n], best[n]) for n in signals]
        found.append(Row(LABELS[key], "", "baseline", cells))
        found += _paper(key, metric, signals)
    for key in NETWORK_SCORES:
        for network in dataset["networks"]:
            values = network["scores"][key]
            cells = [_cell(values[n], metric, count[n], best[n]) for n in signals]
            found.append(Row(LABELS[key], network["label"], "network", cells))
        found += _paper(key, metric, signals)
    return found


def headline(dataset: dict[str, Any], network: dict[str, Any]) -> tuple[str, float, float]:
    """Best score at equal mask sum: its key, its mean AUC over the signals, the mask sum's mean.

    The mean runs over signals of which enough events have partners.
    """
    count = dataset["baselines"]["mask_sum"]
    names = [name for name, cell in count.items() if _enough(cell, "auc_at_equal")]
    if not names:
        return NETWORK_SCORES[0], 0.5, 0.5
    means = {
        key: sum(network["scores"][key][name]["auc_at_equal"] for name in names) / len(names)
        for key in NETWORK_SCORES
    }
    key = max(means, key=lambda k: means[k])
    return key, means[key], sum(count[name]["auc_at_equal"] for name in names) / len(names)


def _paper(key: str, metric: str, signals: list[str]) -> list[Row]:
    if metric == "auc_at_equal":
        return []
    values = [quoted(key, name)[metric == "fpr40"] for name in signals]
    if all(value is None for value in values):
        return []
    cells = [Cell("–" if value is None else _percent(value, metric)) for value in values]
    return [Row(LABELS[key], "paper", "paper", cells)]


def _cell(numbers: dict[str, Any], metric: str, count: dict[str, Any], best: float | None) -> Cell:
    value = numbers[metric]
    if value is None:
        return Cell("–")
    text, error = _percent(value, metric), numbers[f"{metric}_error"]
    weak = not _enough(numbers, metric)
    if weak:
        text = f"({text})"
    rival = count[metric]
    gain = None if rival is None or weak or metric == "fpr40" else value - rival
    better = rival is not None and (value < rival if metric == "fpr40" else value > rival)
    return Cell(
        text,
        "" if error is None else _percent(error, metric),
        gain,
        best=value == best and better and not weak,
    )


def _best(dataset: dict[str, Any], metric: str, signal: str) -> float | None:
    cells = [
        network["scores"][key][signal] for network in dataset["networks"] for key in NETWORK_SCORES
    ]
    present = [cell[metric] for cell in cells if _enough(cell, metric)]
    if not present:
        return None
    return float(min(present) if metric == "fpr40" else max(present))


def _enough(numbers: dict[str, Any], metric: str) -> bool:
    """Whether the events suffice for the number to be compared with others."""
    if metric == "auc_at_equal":
        return bool(numbers["n_at_equal"] >= MIN_COMPARED)
    return metric != "fpr40" or bool(numbers["fpr40_events"] >= MIN_EVENTS)


def _percent(value: float, metric: str) -> str:
    percent = 100 * value
    if metric != "fpr40":
        return f"{percent:.1f}"
    return f"{percent:.3f}" if percent < 1 else f"{percent:.2f}"
