"""The whole chain at smoke size, from nothing to a verdict, interrupted on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trigforge.hls.reports.report import Report, load_report

ROOT = Path(__file__).resolve().parents[2]
MODEL = "codae_mask_encoder"
COMMAND = [
    *(sys.executable, "-m", "trigforge.hls.cli", "hls", MODEL),
    *("--preset", "smoke", "--from-scratch"),
]
STAGES = ("float", "quantised", "export", "library", "comparison", "scores", "hardware")

pytestmark = pytest.mark.slow


def interrupt_in(stage: str, folder: Path) -> int:
    """Start the chain, press Ctrl-C shortly after a stage begins; returns the exit code."""
    with subprocess.Popen(COMMAND, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.strip() == f"[{stage}]":
                time.sleep(0.3)
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert "Traceback" not in rest, rest
    return process.returncode


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    folder = tmp_path_factory.mktemp("clone")
    (folder / "firmware_projects").mkdir()
    recipe = (ROOT / "firmware_projects" / f"{MODEL}.yaml").read_text()
    (folder / "firmware_projects" / f"{MODEL}.yaml").write_text(recipe)
    root = folder / "build" / MODEL / "smoke-scratch"
    for stage in ("float", "quantised", "library", "comparison", "scores"):
        assert interrupt_in(stage, folder) == 130, stage
        assert not list(root.glob("*.partial")), stage
        assert not (root / stage).exists(), stage
    done = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"PASS  {MODEL}" in done.stdout
    return folder, load_report(root / f"{MODEL}.json")


def test_every_pair_of_stages_agrees(finished: tuple[Path, Report]) -> None:
    _, report = finished
    pairs = {(c.a, c.b, c.inputs): c for c in report.bit_accuracy}
    for kind in ("events", "random", "extreme"):
        for pair in (("brevitas", "qonnx"), ("qonnx", "emulator"), ("emulator", "csim")):
            if (pair[1], kind) == ("csim", "random"):
                continue
            c = pairs[(*pair, kind)]
            assert (c.mismatches, c.first_layer) == (0, None)
            assert c.vectors >= {"events": 8, "random": 1000, "extreme": 12}[kind]
            assert c.coverage or pair == ("brevitas", "qonnx")


def test_the_report_stands_on_its_feet(finished: tuple[Path, Report]) -> None:
    folder, report = finished
    assert set(STAGES) <= report.stages.keys()
    (stages,) = report.physics.scores.values()
    for by_signal in (stages.float, stages.quantised, stages.firmware):
        assert len(by_signal) == 9
    assert {"mask_sum", "n_tracks"} == report.physics.baselines.keys()
    assert report.verdict.status == "PASS"
    assert any("mask sum" in statement for statement in report.verdict.statements)
    assert any("100 kHz need" in statement for statement in report.verdict.statements)
    assert (folder / "build" / MODEL / "smoke-scratch" / f"{MODEL}.md").stat().st_size > 2000
    assert not (folder / "latency_reports").exists()


def test_a_second_run_does_nothing_again(finished: tuple[Path, Report]) -> None:
    folder, _ = finished
    done = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0
    assert not any(f"[{stage}]" in done.stderr for stage in STAGES)
    report = load_report(folder / "build" / MODEL / "smoke-scratch" / f"{MODEL}.json")
    assert all(time.cached for time in report.stages.values())
