"""Placing and routing the Verilog: a fake Vivado on the PATH writes reports of the known layout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from networks_rtl import scored
from onnx_files import qcdq

from trigforge.hls.cli import main
from trigforge.hls.reports.report import load_report
from trigforge.hls.rtl.blocks import Design, build
from trigforge.hls.rtl.vivado import find_vivado, place_and_route, script
from trigforge.train.errors import InputError, ToolError

pytest.importorskip("da4ml", reason="the extra 'rtl' is not installed")
REPORTS = Path(__file__).resolve().parents[1] / "fixtures" / "reports"
PART = "xcu250-figd2104-2L-e"
COPY = f"""
reports = pathlib.Path({str(REPORTS)!r})
for name, source in (("timing", "timing_clocks"), ("utilization", "utilization_uram")):
    text = (reports / f"{{source}}.rpt").read_text()
    pathlib.Path(f"vivado_{{name}}.rpt").write_text(CHANGE(text))
print("arguments", sys.argv[1:])
"""


def fake(folder: Path, change: str = "text", before: str = "") -> Path:
    """An executable ``vivado``; ``change`` is what becomes of each report's text."""
    folder.mkdir()
    path = folder / "vivado"
    body = f"CHANGE = lambda text: {change}\n{before}\n{COPY}"
    path.write_text(f"#!{sys.executable}\nimport pathlib, sys\n{body}")
    path.chmod(0o755)
    found = find_vivado(str(folder))
    assert found == path
    return found


@pytest.fixture
def design(rng: np.random.Generator) -> Design:
    return build(scored(rng), 4.167)


def test_no_vivado_no_number(tmp_path: Path) -> None:
    assert find_vivado(str(tmp_path)) is None


def test_the_script_routes_the_top_for_part_and_clock_without_dsps(design: Design) -> None:
    text = script(design, PART)
    assert f"-top {design.name} -part {PART} -mode out_of_context -max_dsp 0" in text
    assert "-period 4.167 [get_ports clk]" in text
    for block in design.blocks:
        assert f"{block.name}.v" in text
    steps = [text.index(f"\n{step}") for step in ("opt_design", "place_design", "route_design")]
    assert steps == sorted(steps) and text.index("report_timing_summary") > steps[-1]


def test_what_vivado_says_is_read_with_its_provenance(design: Design, tmp_path: Path) -> None:
    folder = tmp_path / "a design; rm -rf"
    folder.mkdir()
    found = place_and_route(fake(tmp_path / "bin"), design, PART, folder)
    resources = {o.quantity: o for o in found.utilisation.observations}
    assert (resources["lut"].value, resources["lut"].provenance) == (6107, "post-route")
    assert found.observations[: len(resources)] == found.utilisation.observations
    assert "Vivado 2022.2 placed and routed the RTL for xcu250" in found.note
    assert "'-mode', 'batch'" in (folder / "vivado.log").read_text()


@pytest.mark.parametrize(
    ("change", "before", "error", "message"),
    [
        (
            "text",
            "sys.exit('ERROR: [Place 30-640] no room')",
            ToolError,
            "exit code 1: ERROR: .Pla",
        ),
        ("text", "print('done'); sys.exit(0)", ToolError, r"without vivado_utilization\.rpt"),
        ("text[: len(text) // 2]", "", InputError, "vivado's report cannot be used"),
        ("text.replace(': Routed', ': Placed')", "", ToolError, "not the timing of a routed"),
    ],
)
def test_failures_say_so_and_stale_reports_do_not_count(
    design: Design,
    tmp_path: Path,
    change: str,
    before: str,
    error: type[Exception],
    message: str,
) -> None:
    place_and_route(fake(tmp_path / "good"), design, PART, tmp_path)
    with pytest.raises(error, match=message):
        place_and_route(fake(tmp_path / "bad", change, before), design, PART, tmp_path)


SMALLER = {
    "xcu250-figd2104-2L-e": "xcvu9p-flga2104-2-e",
    "xcu250-figd2104": "xcvu9p-flga2104",
    "1727040 |  0.35": "1182240 |  0.52",
    "1727040 |  0.25": "1182240 |  0.37",
    "790560 |  0.11": "591840 |  0.15",
    "1727040 |  0.05": "1182240 |  0.07",
    "3456000 |  0.02": "2364480 |  0.03",
    "3456000 | <0.01": "2364480 | <0.01",
    "2688 |  0.13": "2160 |  0.16",
    "2688 |  0.07": "2160 |  0.09",
    "5376 |  0.06": "4320 |  0.07",
    "1280 |  0.94": "960 |  1.25",
    "12288 |  0.13": "6840 |  0.23",
}
"""Of the fixture's report, what makes it one for the part of level 1."""


@pytest.mark.slow
def test_the_verdict_counts_what_was_routed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Yosys finds no DSPs in the same design; sixteen routed ones are sixteen too many."""
    pytest.importorskip("pyosys", reason="the extra 'rtl' is not installed")
    before = f"import functools\nSMALLER = {SMALLER!r}"
    change = "functools.reduce(lambda t, pair: t.replace(*pair), SMALLER.items(), text)"
    fake(tmp_path / "bin", change, before)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    path = str(qcdq(tmp_path / "m.onnx"))
    assert main(["import", path, "--name", "net", "--budget", "l1"]) == 0
    assert main(["hls", "net", "--workers", "1"]) == 1
    report = load_report(tmp_path / "latency_reports" / "net.json")
    checks = {check.name: check for check in report.verdict.checks}
    assert (checks["dsp_percent"].status, checks["dsp_percent"].provenance) == (
        "FAIL",
        "post-route",
    )
    assert checks["lut_percent"].value == pytest.approx(100 * 6107 / 1182240)
    assert any("out of context" in said for said in report.verdict.statements)
    kinds = {o.provenance for o in report.hardware["rtl"].observations if o.quantity == "lut"}
    assert kinds == {"logic-synthesis", "post-route"}
