"""A comparison as Markdown: what separates the models, then cost, AUC and efficiencies."""

from __future__ import annotations

from trigforge.hls.reports.compare.panels import Comparison, identity
from trigforge.hls.reports.compare.tables import auc_table, cost_table, efficiency_table
from trigforge.hls.reports.observations import MEANING
from trigforge.hls.reports.page.tables import Table


def to_markdown(comparison: Comparison) -> str:
    """The whole comparison; the same reports always give the same text."""
    parts = ["# Cost of physics"]
    parts += ["\n".join(f"- {note}" for note in comparison.notes)] if comparison.notes else []
    for group in comparison.groups:
        parts.append(f"## Judged on {_plain(identity(group.dataset))}")
        parts.append(_table(cost_table(group.entries)))
        if group.signals:
            parts.append(_table(auc_table(group)))
        parts += [_table(efficiency_table(group, rate)) for rate in group.rates_hz]
    if comparison.alone:
        parts += ["## Without events", _table(cost_table(comparison.alone))]
    parts.append("\n".join(f"- `{name}`: {about}" for name, about in meanings(comparison)))
    return "\n\n".join(part for part in parts if part) + "\n"


def meanings(comparison: Comparison) -> list[tuple[str, str]]:
    """What the quoted provenances mean."""
    found = [e.costs for g in comparison.groups for e in g.entries]
    found += [e.costs for e in comparison.alone]
    quoted = [q for c in found for q in (c.lut, c.dsp, c.bram_18k, c.latency_cycles, c.latency_ns)]
    used = {name for q in quoted for name in (q.provenance or "").split(", ")}
    return [(name, about) for name, about in MEANING.items() if name in used]


def _table(table: Table) -> str:
    rule = ["---" if n in table.words else "---:" for n in range(len(table.header))]
    rows = [[_plain(cell.text) for cell in row] for row in table.rows]
    lines = [[_plain(name) for name in table.header], rule, *rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{table.caption}:\n\n{text}"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
