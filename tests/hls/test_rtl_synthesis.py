"""Logic synthesis of the generated Verilog, and a verdict that rests on it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from networks_rtl import scored
from onnx_files import qcdq

from trigforge.hls.cli import main
from trigforge.hls.reports.report import load_report
from trigforge.hls.rtl.blocks import build
from trigforge.hls.rtl.simulate import write_design
from trigforge.hls.rtl.synthesis import read, synthesise
from trigforge.train.errors import InputError, ToolError

YOSYS = "Yosys 0.70 (git sha1 28ba3cb92)"
PARTS = {
    "\\top": {"num_cells": 5, "num_cells_by_type": {"FDRE": 5, "b0": 1, "b1": 1}},
    "\\b0": {"num_cells": 7, "num_cells_by_type": {"CARRY4": 2, "LUT2": 4, "SRL16E": 1}},
    "\\b1": {"num_cells": 3, "num_cells_by_type": {"FDRE": 2, "LUT6": 1}},
}


def statistics(tmp_path: Path, cells: dict[str, int], total: int) -> Path:
    design = {"num_cells": total, "num_cells_by_type": cells}
    path = tmp_path / "yosys.json"
    path.write_text(json.dumps({"creator": YOSYS, "modules": PARTS, "design": design}))
    return path


def test_modules_add_up_and_are_no_cells_themselves(tmp_path: Path) -> None:
    cells = {"FDRE": 7, "CARRY4": 2, "LUT2": 4, "SRL16E": 1, "LUT6": 1, "b0": 1, "b1": 1}
    found = read(statistics(tmp_path, cells, 15))
    assert found.total == {"lut": 6, "ff": 7, "carry4": 2, "dsp": 0, "bram_18k": 0, "uram": 0}
    assert (found.modules["b0"]["lut"], found.modules["b1"]["lut"]) == (5, 1)
    assert found.version == "0.70"
    with pytest.raises(InputError, match="add up to 15, the total is 16"):
        read(statistics(tmp_path, cells, 16))


def test_yosys_that_fails_is_an_error_with_its_log(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    pytest.importorskip("da4ml", reason="the extra 'rtl' is not installed")
    pytest.importorskip("pyosys", reason="the extra 'rtl' is not installed")
    design = build(scored(rng), 4.167)
    with pytest.raises(ToolError, match=r"Yosys failed: .*yosys\.log"):
        synthesise(design, tmp_path)


@pytest.mark.slow
def test_the_design_is_luts_and_registers_alone(rng: np.random.Generator, tmp_path: Path) -> None:
    """Squares and tables included; registers are at most those of the stages."""
    pytest.importorskip("da4ml", reason="the extra 'rtl' is not installed")
    pytest.importorskip("pyosys", reason="the extra 'rtl' is not installed")
    design = build(scored(rng), 4.167)
    write_design(design, tmp_path)
    found = synthesise(design, tmp_path)
    assert set(found.modules) == {design.name, *(block.name for block in design.blocks)}
    assert found.total["lut"] > 100 and found.total["ff"] >= design.outputs.width
    assert (found.total["dsp"], found.total["bram_18k"], found.total["uram"]) == (0, 0, 0)


@pytest.mark.slow
def test_an_imported_network_is_judged_on_its_rtl(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("da4ml", reason="the extra 'rtl' is not installed")
    monkeypatch.chdir(tmp_path)
    path = str(qcdq(tmp_path / "m.onnx"))
    assert main(["import", path, "--name", "net", "--budget", "l1"]) == 0
    assert main(["rtl", "net"]) == 0
    said = capsys.readouterr().out
    assert "PASS    lut_percent" in said and "before place and route" in said
    assert main(["hls", "net", "--workers", "1"]) == 0
    assert "qonnx = emulator = csim = rtl: 0 mismatches" in capsys.readouterr().out
    report = load_report(tmp_path / "latency_reports" / "net.json")
    assert set(report.hardware) == {"hls4ml", "rtl"}
    assert "da4ml" in report.versions
    text = (tmp_path / "latency_reports" / "net.md").read_text()
    counting = [line for line in text.splitlines() if "**counts**" in line]
    assert {line.split(" | ")[5] for line in counting} == {"rtl-sim", "logic-synthesis"}
    checks = {check.name: check for check in report.verdict.checks}
    assert checks["latency_ns"].provenance == "rtl-sim, assumed"
    assert checks["lut_percent"].provenance == "logic-synthesis"
    assert checks["bit_accuracy.random"].provenance == "qonnx = emulator = csim = rtl"
    assert (tmp_path / "build" / "net" / "demo" / "rtl" / "design" / "ports.md").is_file()
