"""A report in the terminal: what decides, within 100 columns, ending with the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from trigforge.hls.reports.equivalence import MIN_COMPARABLE, in_words
from trigforge.hls.reports.markdown import limit, number
from trigforge.hls.reports.report import Check, EqualBaseline, Physics, Report, Status

WIDTH = 100
STYLES: dict[Status, str] = {"PASS": "green", "FAIL": "bold red", "UNKNOWN": "yellow"}


def print_report(report: Report, console: Console | None = None) -> None:
    """Print the terminal form of a report.

    Args:
        console: where to; standard output, at most :data:`WIDTH` columns wide, when left out.
    """
    if console is None:
        console = Console(highlight=False)
        console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    console.print(render(report))


def render(report: Report) -> Group:
    """Physics, checks, statements and the verdict line."""
    verdict = report.verdict
    style = STYLES[verdict.status]
    last = Text.assemble((f"{verdict.status}", f"bold {style}"), f"  {report.model}")
    if verdict.weakest_provenance is not None:
        last.append(f", weakest evidence: {verdict.weakest_provenance}")
    said = [Text(f"• {statement}") for statement in verdict.statements]
    found = report.physics
    physics = [] if found is None else [_physics(found, score) for score in found.scores]
    return Group(*physics, _checks(verdict.checks), *said, last)


def _physics(physics: Physics, score: str) -> Table:
    """One row per signal: AUC in the three stages, the baselines', and what lies beyond them."""
    table = _table(f"{score}: AUC", ["signal", "float", "quantised", "firmware", "± stat"])
    baselines = list(physics.baselines)[:1]  # the first is the one a sceptic would try
    for baseline in baselines:
        plain = in_words(baseline)
        table.add_column(plain, justify="right")
        table.add_column(f"at equal {plain}", justify="right")
        table.add_column("itself", justify="right")
    table.add_column("fpr40", justify="right")
    stages = physics.scores[score]
    for signal in dict.fromkeys([*stages.float, *stages.quantised, *stages.firmware]):
        found = [stages.stage(s).get(signal) for s in ("float", "quantised", "firmware")]
        last = next((f for f in reversed(found) if f is not None), None)
        row = [signal, *("–" if f is None else f"{f.auc:.4f}" for f in found)]
        row.append("–" if last is None else f"{last.auc_err:.4f}")
        for baseline in baselines:
            own = physics.baselines[baseline].get(signal)
            at = last.auc_at_equal.get(baseline) if last else None
            null = own.auc_at_equal.get(baseline) if own else None
            row.append("–" if own is None else f"{own.auc:.4f}")
            row += [_at_equal(at), _at_equal(null)]
        row.append("–" if last is None else f"{last.fpr40:.4f}")
        table.add_row(*row)
    return table


def _at_equal(at: EqualBaseline | None) -> str:
    """AUC at equal baseline, where enough events are comparable."""
    few = at is None or at.auc is None or at.n < MIN_COMPARABLE
    return "–" if few or at is None else f"{at.auc:.2f}"


def _checks(checks: Sequence[Check]) -> Table:
    """Every check; the per-signal ones are folded into their worst."""
    table = _table("checks", ["check", "value", "limit", "unit", "evidence", "status"])
    for check, count in _folded(checks):
        name = check.name if count == 1 else f"{check.name} (worst of {count})"
        table.add_row(
            name,
            number(check.value),
            limit(check),
            check.unit,
            check.provenance or "–",
            Text(check.status, style=STYLES[check.status]),
        )
    return table


def _folded(checks: Sequence[Check]) -> list[tuple[Check, int]]:
    """Checks named ``kind.score.signal`` of one kind and score become the worst one of them."""
    groups: dict[str, list[Check]] = {}
    for check in checks:
        kind, _, rest = check.name.partition(".")
        single = kind not in ("auc_drop", "min_auc")
        groups.setdefault(check.name if single else f"{kind}.{rest.rpartition('.')[0]}", []).append(
            check
        )
    severity: dict[Status, int] = {"FAIL": 2, "UNKNOWN": 1, "PASS": 0}

    def badness(check: Check) -> tuple[int, float]:
        sign = -1.0 if check.name.startswith("min_") else 1.0
        return severity[check.status], sign * ((check.value or 0.0) - (check.limit or 0.0))

    return [(max(group, key=badness), len(group)) for group in groups.values()]


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(
            column,
            justify="left" if index == 0 or column in ("evidence", "unit", "status") else "right",
            overflow="fold",
        )
    return table
