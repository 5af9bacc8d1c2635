"""A report as a flat mapping: path -> number or word.

Items of lists are named by what identifies them, so that a layer that appears in the middle does
not shift all others: ``hardware/hls4ml/layers/conv1/lut``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Leaf = str | float | int | bool | None

# list -> fields that name its items
IDENTITY = {
    "checks": ("name",),
    "bit_accuracy": ("a", "b", "inputs"),
    "differences": ("score", "signal", "first", "second"),
    "rank_correlations": ("score", "baseline", "stage"),
    "thresholds": ("score", "background_efficiency"),
    "observations": ("quantity", "provenance", "tool"),
    "layers": ("name",),
    "normalisation": ("recipe", "signal"),
}


def leaves(report: Mapping[str, Any]) -> dict[str, Leaf]:
    """All values of a report in JSON form; lists of plain values are one word."""
    return dict(_walk("", report))


def _walk(path: str, value: Any) -> Iterator[tuple[str, Leaf]]:
    name = path.rpartition("/")[2]
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(f"{path}/{key}".removeprefix("/"), inner)
    elif isinstance(value, list) and name in IDENTITY:
        seen: dict[str, int] = {}
        for item in value:
            fields = item if isinstance(item, Mapping) else {}
            key = ",".join(str(fields.get(field)) for field in IDENTITY[name])
            seen[key] = seen.get(key, 0) + 1
            several = f"#{seen[key]}" if seen[key] > 1 else ""
            yield from _walk(f"{path}/{key}{several}", item)
    elif isinstance(value, list):
        yield path, " ".join(str(item) for item in value)
    else:
        yield path, value
