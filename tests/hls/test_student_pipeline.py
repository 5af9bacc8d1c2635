"""A score student and its rival through the whole chain at smoke size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trigforge.hls.reports.report import Report, load_report
from trigforge.train.codae import build_codae
from trigforge.train.config import NetworkConfig
from trigforge.train.train_codae import weights_config
from trigforge.train.weights import save_released

ROOT = Path(__file__).resolve().parents[2]
TEACHER = NetworkConfig(
    architecture="codae",
    export="full",
    filters=(4, 4, 8, 8),
    residual_filters=(4, 4, 8, 8),
    bottleneck=4,
)

pytestmark = pytest.mark.slow


def run(model: str, folder: Path, *options: str) -> tuple[str, Report]:
    command = [sys.executable, "-m", "trigforge.hls.cli", "hls", model, "--preset", "smoke"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "build" / model).glob(f"smoke*/{model}.json")
    return done.stdout, load_report(path)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both recipes, and a small untrained teacher in place of the real one."""
    folder = tmp_path_factory.mktemp("clone")
    recipes = folder / "firmware_projects"
    recipes.mkdir()
    for model in ("mask_sum", "codae_score_student"):
        text = (ROOT / "firmware_projects" / f"{model}.yaml").read_text()
        lines = [
            "    weights: teacher.safetensors" if line.startswith("    weights:") else line
            for line in text.splitlines()
        ]
        (recipes / f"{model}.yaml").write_text("\n".join(lines))
    state = build_codae(TEACHER, seed=3).state_dict()
    save_released(folder, "teacher", state, {"config": weights_config(TEACHER)})
    return folder


def zero_mismatches(report: Report) -> None:
    pairs = {(c.a, c.b, c.inputs) for c in report.bit_accuracy}
    assert {("brevitas", "qonnx", "events"), ("emulator", "csim", "extreme")} <= pairs
    assert all(c.mismatches == 0 for c in report.bit_accuracy)


def test_counting_is_a_firmware_model_of_its_own(clone: Path) -> None:
    printed, report = run("mask_sum", clone)
    assert "PASS  mask_sum" in printed
    zero_mismatches(report)
    (stages,) = report.physics.scores.values()
    for signal, score in stages.firmware.items():
        assert score.auc == report.physics.baselines["mask_sum"][signal].auc
    assert any("Counting has no weights" in s for s in report.verdict.statements)
    assert report.imitation is None


def test_a_student_goes_from_its_teacher_to_a_verdict(clone: Path) -> None:
    printed, report = run("codae_score_student", clone, "--from-scratch")
    assert "PASS  codae_score_student" in printed
    zero_mismatches(report)
    found = report.imitation
    assert found is not None and found.score == "dice"
    assert set(found.separation) == set(report.dataset.signals)
    assert any("rank correlation with its teacher" in s for s in report.verdict.statements)
    page = (clone / "build/codae_score_student/smoke-scratch/codae_score_student.md").read_text()
    assert "## Student and teacher" in page


def test_without_its_teacher_the_report_says_so(clone: Path) -> None:
    """Last: the teacher is gone afterwards; trained weights are made anew only if it matters."""
    (clone / "teacher.safetensors").unlink()
    command = [sys.executable, "-m", "trigforge.hls.cli", "train", "codae_score_student"]
    done = subprocess.run(
        [*command, "--preset", "smoke", "--from-scratch"], cwd=clone, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "train.teacher.weights is 'teacher.safetensors'" in done.stderr
    assert "Traceback" not in done.stderr
