"""Pages and their index as files: ``build/report/<model>.html`` and ``index.html``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trigforge.hls.reports.page.model_page import (
    FOLDER,
    MARKS,
    Figure,
    first_figures,
    inline_script,
    model_page,
)
from trigforge.hls.reports.page.source import HERE, Places, chosen_paths, load_source, report_paths
from trigforge.hls.reports.report import Report, load_report
from trigforge.train.artifacts import atomic_path
from trigforge.train.errors import InputError, unknown_name
from trigforge.train.html import templates

PAGES = "report"
INDEX = "index.html"


@dataclass(frozen=True)
class Entry:
    """One line of the index.

    Attributes:
        report: absent with a ``problem`` when it cannot be read.
        page: absent while nobody has written it.
    """

    name: str
    report: Report | None
    problem: str
    page: str | None
    figures: tuple[Figure, ...]


def write_pages(models: Sequence[str] = (), places: Places = HERE) -> list[Path]:
    """Write the pages of some models and their variants, or of all, and the index.

    Returns:
        The pages in order, the index last.

    Raises:
        InputError: no report of a model, or a damaged one.
        StorageError: a file cannot be written.
    """
    written = [_page(name, path, places) for name, path in chosen_paths(models, places).items()]
    return [*written, _index(places)]


def write_page(name: str, places: Places = HERE) -> Path:
    """Write one page, of a model without its variants or of a variant, and the index.

    Raises:
        InputError: no such report, or a damaged one.
        StorageError: a file cannot be written.
    """
    known = report_paths(places)
    if name not in known:
        raise unknown_name("report", name, known)
    written = _page(name, known[name], places)
    _index(places)
    return written


def index_page(places: Places = HERE) -> str:
    """The HTML that lists every report, with links to the pages that have been written."""
    entries = [_entry(name, path, places) for name, path in report_paths(places).items()]
    script, policy = inline_script()
    return (
        templates(FOLDER)
        .get_template("index.html.jinja")
        .render(entries=entries, marks=MARKS, script=script, policy=policy)
    )


def _page(name: str, path: Path, places: Places) -> Path:
    target = places.build / PAGES / f"{name}.html"
    _write(target, model_page(load_source(name, path, places)))
    return target


def _index(places: Places) -> Path:
    target = places.build / PAGES / INDEX
    _write(target, index_page(places))
    return target


def _entry(name: str, path: Path, places: Places) -> Entry:
    page = f"{name}.html" if (places.build / PAGES / f"{name}.html").is_file() else None
    try:
        report = load_report(path)
    except InputError as error:
        return Entry(name, None, str(error), page, ())
    return Entry(name, report, "", page, tuple(first_figures(report)))


def _write(path: Path, html: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
