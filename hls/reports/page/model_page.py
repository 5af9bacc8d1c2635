"""The page of one report: verdict first, every number with its source, figures inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from trigforge.hls.reports.equivalence import in_words
from trigforge.hls.reports.imitation import imitation_legend, imitation_rows
from trigforge.hls.reports.markdown import number
from trigforge.hls.reports.normalisation import LEGEND, normalisation_rows
from trigforge.hls.reports.observations import MEANING
from trigforge.hls.reports.page import accuracy, charts, hardware, separation
from trigforge.hls.reports.page.checks import groups
from trigforge.hls.reports.page.source import Source
from trigforge.hls.reports.page.tables import Cell, Table, cells
from trigforge.hls.reports.report import Physics, Report
from trigforge.hls.reports.review.forms import word
from trigforge.hls.reports.timing import readable
from trigforge.train.html import sample_label, templates

FOLDER = Path(__file__).resolve().parent
MARKS = {"PASS": "✓", "FAIL": "✗", "UNKNOWN": "?"}


@dataclass(frozen=True)
class Figure:
    """A number to read first."""

    title: str
    value: str
    about: str
    status: str


@dataclass(frozen=True)
class Score:
    """Everything about one score; panels are (signal, ROC, histogram)."""

    name: str
    separation: Table
    rivals: Table
    thresholds: Table | None
    aucs: tuple[Markup, ...]
    panels: tuple[tuple[str, Markup | None, Markup | None], ...]


def model_page(source: Source) -> str:
    """The HTML of one report; the same material always gives the same text."""
    report = source.report
    everything = [o for block in report.hardware.values() for o in block.observations]
    script, policy = inline_script()
    return (
        templates(FOLDER)
        .get_template("model.html.jinja")
        .render(
            source=source,
            report=report,
            marks=MARKS,
            meaning=MEANING,
            figures=first_figures(report),
            groups=groups(report.verdict),
            scores=_scores(source),
            rival_legend=_rival_legend(report.physics),
            imitation=_imitation(report),
            normalisation=_normalisation(report),
            matrices=accuracy.matrices(report.bit_accuracy),
            coverage=accuracy.coverage(report.bit_accuracy),
            blocks=[
                {
                    "name": name,
                    "block": block,
                    "observations": hardware.observations(block, everything),
                    "costs": hardware.costs(block.layers) if block.layers else None,
                    "widths": hardware.widths(block.layers) if block.layers else None,
                    "estimated": any(o.provenance == "estimated" for o in block.observations),
                }
                for name, block in report.hardware.items()
            ],
            provenances=_provenances(report),
            moves=_moves(source),
            versions=_versions(report),
            stages=_stages(report),
            script=script,
            policy=policy,
        )
    )


def inline_script() -> tuple[Markup, str]:
    """The script and the policy that allows this script alone, and no network at all."""
    text = (FOLDER / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )
    return Markup(text), policy  # noqa: S704 # our own file


def first_figures(report: Report) -> list[Figure]:
    """Latency, interval, area, bit accuracy and physics in one line each."""
    checks = {check.name: check for check in report.verdict.checks}
    found = []
    for name, title in (("latency_ns", "latency"), ("ii_per_card_ns", "time between events")):
        check = checks.get(name)
        if check is not None:
            value = "–" if check.value is None else readable(check.value)
            bound = "" if check.limit is None else f"at most {readable(check.limit)}; "
            found.append(
                Figure(title, value, bound + (check.provenance or "no source"), check.status)
            )
    check = checks.get("lut_percent")
    if check is not None:
        value = "–" if check.value is None else f"{check.value:.3g} %"
        about = f"at most {number(check.limit)} %; {check.provenance or 'no source'}"
        found.append(Figure("LUTs of the card", value, about, check.status))
    wrong = sum(c.mismatches for c in report.bit_accuracy)
    compared = sum(c.values for c in report.bit_accuracy)
    bits = [c.status for c in report.verdict.checks if c.name.startswith("bit_accuracy")]
    if bits:
        about = f"of {number(compared)} that were compared"
        found.append(Figure("integers that differ", number(wrong), about, _worst(bits)))
    drops = [c for c in report.verdict.checks if c.name.startswith("auc_drop")]
    known = [c for c in drops if c.value is not None]
    if known:
        most = max(known, key=lambda c: c.value or 0.0)
        signal = sample_label(most.name.rpartition(".")[2])
        about = f"largest change of AUC, {signal}; at most {number(most.limit)}"
        status = _worst([c.status for c in drops])
        found.append(Figure("float to firmware", f"{most.value:.4f}", about, status))
    return found


def _worst(statuses: Iterable[str]) -> str:
    found = set(statuses)
    return next((s for s in ("FAIL", "UNKNOWN") if s in found), "PASS")


def _scores(source: Source) -> list[Score]:
    physics, data = source.report.physics, source.report.dataset
    if physics is None:
        return []
    found = []
    for name in physics.scores:
        panels: tuple[tuple[str, Markup | None, Markup | None], ...] = ()
        if source.arrays and data is not None:
            events = max(data.background_events, 1)
            panels = tuple(charts.panels(physics, source.arrays, name, data.background, events))
        made = [charts.auc_chart(physics, name, b) for b in (None, *physics.baselines)]
        found.append(
            Score(
                name,
                separation.separation(physics, name),
                separation.rivals(physics, name),
                separation.thresholds(physics, name),
                tuple(chart for chart in made if chart is not None),
                panels,
            )
        )
    return found


def _rival_legend(physics: Physics | None) -> list[tuple[str, str]]:
    names = () if physics is None else physics.baselines
    return [(charts.rival_style(n), in_words(name)) for n, name in enumerate(names)]


def _imitation(report: Report) -> tuple[Table, str] | None:
    if report.imitation is None or report.physics is None:
        return None
    header, rows = imitation_rows(report.physics, report.imitation)
    named = tuple(cells(sample_label(row[0]), *row[1:]) for row in rows)
    table = Table("Student and teacher", tuple(header), named)
    return table, imitation_legend(report.imitation).replace("`", "")


def _normalisation(report: Report) -> tuple[Table, str] | None:
    if not report.normalisation:
        return None
    header, rows = normalisation_rows(report.normalisation)
    shown = tuple(cells(row[0], *map(sample_label, row[1:3]), *row[3:]) for row in rows)
    return Table("The normalisation", tuple(header), shown), LEGEND


def _provenances(report: Report) -> list[tuple[str, str]]:
    used = {o.provenance for block in report.hardware.values() for o in block.observations}
    used |= {p for c in report.verdict.checks for p in c.provenance.split(", ")}
    return [(name, meaning) for name, meaning in MEANING.items() if name in used]


def _moves(source: Source) -> Table | None:
    if not source.moves:
        return None
    rows = tuple(
        cells(
            Cell(m.metric),
            Cell(m.status, style={"regression": "fail", "allowed": "pass"}.get(m.status, "")),
            word(m.old),
            word(m.new),
            "–" if m.change is None else f"{m.change:+.4g}",
            "–" if m.allowed is None else "exact" if not m.allowed else f"{m.allowed:.2g}",
        )
        for m in source.moves
    )
    header = ("number", "", "reviewed", "now", "change", "allowed")
    return Table("What moved since the last review", header, rows, frozenset({0, 1}))


def _versions(report: Report) -> Table:
    rows = tuple(cells(name, version) for name, version in report.versions.items())
    return Table("Versions", ("package or tool", "version"), rows, frozenset({0, 1}))


def _stages(report: Report) -> Table:
    rows = tuple(
        cells(name, f"{time.seconds:,.1f}", "earlier run" if time.cached else "this run")
        for name, time in report.stages.items()
    )
    return Table("Stages", ("stage", "seconds", "done in"), rows, frozenset({0, 2}))
