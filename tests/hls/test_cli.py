from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trigforge.hls import pipeline
from trigforge.hls.cli import main
from trigforge.hls.session import Options
from trigforge.train.errors import StorageError

ROOT = Path(__file__).resolve().parents[2]
MODEL = "codae_mask_encoder"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder with the recipes and nothing else."""
    (tmp_path / "firmware_projects").mkdir()
    source = ROOT / "firmware_projects" / f"{MODEL}.yaml"
    (tmp_path / "firmware_projects" / source.name).write_text(source.read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err.strip()
    assert said.startswith("trigforge: ") and "\n" not in said
    return said


def test_unknown_model(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hls", "nope"]) == 2
    assert f"unknown model 'nope', known are {MODEL}" in one_sentence(capsys)


def test_misspelt_key(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = here / "firmware_projects" / f"{MODEL}.yaml"
    recipe.write_text(recipe.read_text().replace("max_auc_drop", "max_auc_dorp"))
    assert main(["hls", MODEL]) == 2
    said = one_sentence(capsys)
    assert f"{MODEL}.yaml: budget: unknown key 'max_auc_dorp'" in said
    assert "did you mean 'max_auc_drop'?" in said


def test_truncated_data(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("train", "test"):
        (here / "events" / split).mkdir(parents=True)
        path = here / "events" / split / "qcd.npz"
        np.savez_compressed(
            path,
            images=np.zeros((20, 72, 58, 1), np.float32),
            labels=np.zeros(20),
            masses=np.zeros(20),
            n_tracks=np.ones(20),
        )
        path.write_bytes(path.read_bytes()[:700])
    for command in ("data", "hls"):
        assert main([command, MODEL, "--data", "events"]) == 2
        assert "qcd.npz" in one_sentence(capsys)
        assert not (here / "build").exists()


def test_missing_data(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", MODEL, "--data", "nowhere"]) == 2
    assert "nowhere" in one_sentence(capsys)


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (KeyboardInterrupt(), 130, "interrupted; the same command continues"),
        (StorageError("build/x: the disk is full; free some space"), 2, "disk is full"),
        (OSError(28, "No space left on device", "build/y"), 2, "build/y: the disk is full"),
    ],
)
def test_every_error_is_one_sentence_and_a_code(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    sentence: str,
) -> None:
    def fail(command: str, options: Options) -> None:
        raise error

    monkeypatch.setattr(pipeline, "run", fail)
    assert main(["hls", MODEL]) == code
    assert sentence in one_sentence(capsys)


def test_what_breaks_after_a_swallowed_interruption_is_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def half_imported(command: str, options: Options) -> None:
        with contextlib.suppress(BaseException):
            os.kill(os.getpid(), signal.SIGINT)
        raise AttributeError("a library that is half there")

    monkeypatch.setattr(pipeline, "run", half_imported)
    assert main(["hls", MODEL]) == 130
    assert "interrupted" in one_sentence(capsys)


@pytest.mark.parametrize(("status", "code"), [("PASS", 0), ("FAIL", 1), ("UNKNOWN", 3), (None, 0)])
def test_the_verdict_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, status: str | None, code: int
) -> None:
    monkeypatch.setattr(pipeline, "run", lambda command, options: status)
    assert main(["hls", MODEL]) == code


def test_models_lists_the_recipes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    assert f"{MODEL} " in capsys.readouterr().out


def test_help_answers_without_heavy_imports() -> None:
    code = (
        "import sys, trigforge.hls.cli as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'tensorflow', 'hls4ml', 'onnx', 'brevitas'} & sys.modules.keys()\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "hls" in done.stdout
