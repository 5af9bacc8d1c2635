"""A comparison as files: ``index.html``, ``compare.md``, ``compare.json`` and ``figures/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from trigforge.hls.reports.compare.figures import Drawn, draw
from trigforge.hls.reports.compare.markdown import meanings, to_markdown
from trigforge.hls.reports.compare.panels import Comparison, Panels, compare, identity
from trigforge.hls.reports.compare.tables import auc_table, cost_table, efficiency_table
from trigforge.hls.reports.page.model_page import FOLDER, inline_script
from trigforge.hls.reports.page.source import HERE, Places, report_paths
from trigforge.hls.reports.page.tables import Table
from trigforge.hls.reports.report import load_report, plain
from trigforge.train.artifacts import atomic_path, write_json
from trigforge.train.errors import InputError, unknown_name
from trigforge.train.html import templates

COMPARE = "compare"
FIGURES = "figures"
INDEX, MARKDOWN, NUMBERS = "index.html", "compare.md", "compare.json"
SCHEMA = 1


@dataclass(frozen=True)
class Chapter:
    """Part of the page: models of the same events, or those without any."""

    title: str
    about: str
    drawings: tuple[Drawn, ...]
    tables: tuple[Table, ...]


def write_comparison(
    names: Sequence[str] = (), places: Places = HERE, folder: Path | None = None
) -> Path:
    """Compare some reports, or those of all recipes as they are written.

    Args:
        names: of reports, variants included (``model-smoke``); twice is once.
        folder: where to write; ``build/compare`` when left out.

    Returns:
        The page.

    Raises:
        InputError: no such report, none at all, or a damaged one.
        StorageError: a file cannot be written.
    """
    paths = chosen(names, places)
    comparison = compare({name: load_report(path) for name, path in paths.items()})
    folder = places.build / COMPARE if folder is None else folder
    drawings = [
        draw(group, folder / FIGURES, f"events{number}")
        for number, group in enumerate(comparison.groups, 1)
    ]
    write_json(folder / NUMBERS, _numbers(comparison, paths))
    _write(folder / MARKDOWN, to_markdown(comparison))
    page = folder / INDEX
    _write(page, compare_page(comparison, drawings))
    return page


def compare_page(comparison: Comparison, drawings: Sequence[Sequence[Drawn]]) -> str:
    """The HTML of a comparison; ``drawings`` are those of its groups."""
    chapters = [
        _chapter(group, drawn) for group, drawn in zip(comparison.groups, drawings, strict=True)
    ]
    if comparison.alone:
        chapters.append(Chapter("Without events", "", (), (cost_table(comparison.alone),)))
    script, policy = inline_script()
    environment = templates(FOLDER)
    return environment.get_template("compare.html.jinja").render(
        comparison=comparison,
        chapters=chapters,
        meanings=meanings(comparison),
        script=script,
        policy=policy,
    )


def chosen(names: Sequence[str], places: Places) -> dict[str, Path]:
    """Reports by name: a fresh one before the reviewed one; variants only when they are named."""
    known = report_paths(places)
    if not known:
        raise InputError(
            f"{places.reports}: no report of any model; run make hls MODEL=... in the root of the "
            "repository first"
        )
    for name in names:
        if name not in known:
            raise unknown_name("report", name, known, f"{places.reports} and {places.build}")
    if names:
        return {name: known[name] for name in names}
    as_written = {name: path for name, path in known.items() if name == path.stem}
    return as_written or known


def _chapter(group: Panels, drawn: Sequence[Drawn]) -> Chapter:
    tables = [cost_table(group.entries)]
    if group.signals:
        tables.append(auc_table(group))
    tables += [efficiency_table(group, rate) for rate in group.rates_hz]
    data = group.dataset
    # our own drawings, not words of a report
    figures = tuple(Drawn(d.name, d.caption, Markup(d.svg)) for d in drawn)  # noqa: S704
    about = f"{data.preselection}; {data.background_events:,} background events."
    return Chapter(f"Judged on {identity(data)}", about, figures, tuple(tables))


def _numbers(comparison: Comparison, paths: Mapping[str, Path]) -> dict[str, object]:
    reports = {name: str(path) for name, path in paths.items()}
    return {"schema": SCHEMA, "reports": reports, **plain(comparison)}


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
