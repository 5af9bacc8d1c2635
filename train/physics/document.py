"""A page as data: sections of paragraphs, cards, tables and figures, as HTML and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trigforge.train.artifacts import atomic_path, write_json
from trigforge.train.html import templates
from trigforge.train.physics.cells import Row, tint
from trigforge.train.physics.figures import Drawing, Plan, drawn


@dataclass(frozen=True)
class Table:
    """Rows of scores; ``columns`` are the titles of the cells."""

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Card:
    """A number to be seen first, a sentence below it and named facts."""

    title: str
    number: str
    about: str
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """Paragraphs, cards, tables, figures, in this order."""

    slug: str
    title: str
    paragraphs: Sequence[str]
    cards: Sequence[Card] = ()
    tables: Sequence[Table] = ()
    plans: Sequence[Plan] = ()


@dataclass(frozen=True)
class Document:
    """A page.

    Attributes:
        notes: lines of the footer.
    """

    title: str
    heading: str
    lead: Sequence[str]
    sections: Sequence[Section]
    notes: Sequence[str]


def write_document(document: Document, numbers: dict[str, Any], folder: Path) -> Path:
    """Write ``physics.json``, ``physics.md``, ``figures/`` and ``index.html``; returns the last.

    Raises:
        StorageError: a file cannot be written.
    """
    write_json(folder / "physics.json", numbers)
    with atomic_path(folder / "physics.md") as path:
        path.write_text(markdown(document), encoding="utf-8")
    drawings = {
        section.slug: [drawn(plan, folder / "figures") for plan in section.plans]
        for section in document.sections
    }
    with atomic_path(folder / "index.html") as path:
        path.write_text(html(document, drawings), encoding="utf-8")
    return folder / "index.html"


def html(document: Document, drawings: dict[str, list[Drawing]]) -> str:
    """One file with its figures inside."""
    environment = templates(Path(__file__).parent)
    environment.filters["tint"] = tint
    template = environment.get_template("document.html.jinja")
    return template.render(document=document, drawings=drawings)


def markdown(document: Document) -> str:
    """The whole page without its figures."""
    blocks = [f"# {document.title}", *document.lead]
    for section in document.sections:
        blocks += [f"## {section.title}", *section.paragraphs]
        if section.cards:
            blocks.append("\n".join(_card(card) for card in section.cards))
        for table in section.tables:
            blocks += [f"### {table.title}", table.about, _table(table)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _card(card: Card) -> str:
    facts = "".join(f"; {name}: {value}" for name, value in card.facts.items())
    return f"- **{card.title}**: {card.number} ({card.about}){facts}"


def _table(table: Table) -> str:
    lines = ["| score | network | " + " | ".join(table.columns) + " |"]
    lines.append("|---|---|" + "---|" * len(table.columns))
    for row in table.rows:
        cells = []
        for cell in row.cells:
            text = f"{cell.text} ± {cell.error}" if cell.error else cell.text
            cells.append(f"**{text}**" if cell.best and row.kind == "network" else text)
        lines.append(f"| {row.score} | {row.origin} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
