"""Pages of a small synthetic report in folders of their own, and a parser that looks at them."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import judged
import numpy as np

from trigforge.hls.reports.page.source import IDENTITY, Places, physics_sha256
from trigforge.hls.reports.physics import curves
from trigforge.hls.reports.report import Report, save_report
from trigforge.train.artifacts import atomic_path


class Parsed(HTMLParser):
    """What the tests ask about: tags with attributes in order, row headings, visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "rect", "path", "circle"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"script", "style"} & set(self.open[-1:]):
            return
        self.words.append(data)
        if {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data.strip()

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]

    def row(self, heading: str) -> list[list[str]]:
        """Rows that begin with a heading."""
        return [row for row in self.rows if row and row[0] == heading]


def places(folder: Path) -> Places:
    return Places(folder / "latency_reports", folder / "build", folder / "firmware_projects")


def save(report: Report, where: Places, variant: str | None = None) -> Path:
    """Save a report as the reviewed one or as a variant's; returns its path."""
    folder = where.reports if variant is None else where.build / report.model / variant
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.model}.json"
    save_report(report, path)
    return path


def save_curves(report: Report, path: Path, **changes: Any) -> Path:
    """The arrays behind the figures of :func:`judged.report`; a change to None leaves one out."""
    scores, sums = judged.events()
    made = curves(scores, {"mask_sum": sums}, background="qcd", signals=judged.SIGNALS)
    assert report.physics is not None
    made[IDENTITY] = np.array(physics_sha256(report.physics))
    arrays = {key: value for key, value in {**made, **changes}.items() if value is not None}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    return path
