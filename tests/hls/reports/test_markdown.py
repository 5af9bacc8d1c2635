"""The Markdown and terminal forms: complete, well formed, narrow enough."""

from __future__ import annotations

import io
import re

import judged
import pytest
from rich.console import Console

from trigforge.hls.recipe import BudgetConfig
from trigforge.hls.reports.markdown import number, to_markdown
from trigforge.hls.reports.report import Report
from trigforge.hls.reports.table import WIDTH, render


def tables(text: str) -> list[list[list[str]]]:
    """Rows of every table, split at bars that are not escaped."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            found[-1].append([c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def shown(report: Report, width: int = WIDTH) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False).print(render(report))
    return stream.getvalue()


def test_every_table_is_rectangular_and_nothing_is_missing() -> None:
    report = judged.report()
    text = to_markdown(report)
    found = tables(text)
    assert all(len({len(row) for row in table}) == 1 for table in found)
    assert text.startswith("# toy_model: ✅ PASS\n\nWeakest evidence: **assumed**.")
    for statement in report.verdict.statements:
        assert f"- {statement}" in text
    for check in report.verdict.checks:
        assert f"`{check.name}`" in text
    (physics,) = [t for t in found if t[0][0] == "signal"]
    assert [row[0] for row in physics[2:]] == list(judged.SIGNALS)
    firmware = report.physics.scores["z_m[0]"].firmware["suep_125"]
    assert f"{firmware.auc:.4f} ± {firmware.auc_err:.4f}" in physics[2]
    at = firmware.auc_at_equal["mask_sum"]
    assert f"{at.auc:.2f} ± {at.auc_err:.2f} ({at.n})" in physics[2]
    assert "| brevitas = qonnx | events | 32 | 64,000 | 0 | 0 | – | – |" in text
    assert "| conv1_g0 | conv | 6 | – | – | 11 | 1 | 288 |" in text
    assert "`estimated` | computed with the model" in text
    assert "100 % " not in text
    assert to_markdown(judged.report()) == text


def test_a_bar_in_a_name_does_not_break_a_table() -> None:
    report = judged.report(versions={"a|b": "1\n2"})
    (versions,) = [t for t in tables(to_markdown(report)) if t[0][0] == "package or tool"]
    assert versions[2] == ["a\\|b", "1 2"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (21_681.0, "21,681"),
        (86_724.5, "8.672e+04"),
        (34.7222, "34.72"),
        (0.00123, "0.00123"),
        (1_234_567.8, "1,234,568"),
    ],
)
def test_numbers_for_people(value: float | None, text: str) -> None:
    assert number(value) == text


def test_the_terminal_form_is_narrow_and_ends_with_the_verdict() -> None:
    text = shown(judged.report())
    lines = text.rstrip("\n").splitlines()
    assert max(len(line) for line in lines) <= WIDTH
    assert lines[-1] == "PASS  toy_model, weakest evidence: assumed"
    words = " ".join(text.split())
    assert "auc_drop.z_m[0].s" in words and "(worst of 2)" in words
    assert "z_m[0] is equivalent to the mask sum" in words
    assert max(len(line) for line in shown(judged.report(), 60).splitlines()) <= 60


def test_the_worst_of_folded_checks_is_the_one_that_fails() -> None:
    config = BudgetConfig(name="hlt", min_auc={"suep_125": 0.5, "svj_2100": 0.999})
    verdict = judged.verdict(config=config)
    text = shown(judged.report(verdict=verdict))
    row = next(line for line in text.splitlines() if line.startswith("min_auc"))
    assert "svj_2100" in row and "≥ 0.999" in row and "FAIL" in row
    assert text.rstrip().splitlines()[-1].startswith("FAIL  toy_model")


def test_colour_is_for_terminals_only() -> None:
    stream = io.StringIO()
    Console(file=stream, width=WIDTH, force_terminal=True).print(render(judged.report()))
    assert "\x1b[" in stream.getvalue()
    assert "\x1b[" not in shown(judged.report())
