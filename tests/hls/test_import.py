"""The import command: both files or nothing, and from an imported file to a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx_files import qcdq

from trigforge.hls.cli import main


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_import_writes_both_files_or_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(qcdq(here / "m.onnx")), "--name", "good"]) == 0
    said = capsys.readouterr().out
    assert "the file and the exact graph agree on" in said and "make hls MODEL=good" in said
    recipes = here / "firmware_projects"
    assert sorted(p.name for p in recipes.iterdir()) == ["good.onnx", "good.yaml"]
    assert main(["models"]) == 0
    assert "imported, budget hlt" in capsys.readouterr().out
    bad = str(qcdq(here / "b.onnx", scale=0.3))
    for name, sentence in {
        "bad": "not a power of two",
        "good": "exists already",
        "a/b": "--name",
    }.items():
        assert main(["import", bad, "--name", name]) == 2
        assert sentence in capsys.readouterr().err
    assert sorted(p.name for p in recipes.iterdir()) == ["good.onnx", "good.yaml"]
    assert main(["import", str(here / "m.onnx"), "--name", "good", "--force"]) == 0
    assert main(["import", bad, "--name", "c", "--input", "float"]) == 2
    assert "is no format such as" in capsys.readouterr().err
    for command in ("train", "data", "quantize"):
        assert main([command, "good"]) == 2
        assert "is an imported file" in capsys.readouterr().err
    (recipes / "good.onnx").write_bytes(b"changed")
    assert main(["export", "good"]) == 2
    assert "the recipe says" in capsys.readouterr().err


def test_recipes_of_our_own_are_never_replaced(here: Path) -> None:
    (here / "firmware_projects").mkdir()
    (here / "firmware_projects" / "ours.yaml").write_text("network:\n  architecture: codae\n")
    path = str(qcdq(here / "m.onnx"))
    assert main(["import", path, "--name", "ours", "--force"]) == 2


@pytest.mark.slow
def test_tfc_goes_through_to_a_verdict(
    shared: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(shared / "fixtures" / "qonnx" / "TFC_2W2A.onnx")
    options = ["--name", "tfc", "--input", "ufixed<8,0>", "--output", "82"]
    assert main(["import", path, *options]) == 0
    assert main(["hls", "tfc", "--workers", "1"]) in (0, 1, 3)
    assert "qonnx = emulator = csim: 0 mismatches" in capsys.readouterr().out


@pytest.mark.slow
def test_an_imported_file_goes_through_to_a_verdict(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(qcdq(here / "m.onnx")), "--name", "net"]) == 0
    assert main(["hls", "net", "--workers", "1"]) in (0, 1, 3)
    said = capsys.readouterr().out
    assert "qonnx = emulator = csim: 0 mismatches" in said
    report = (here / "latency_reports" / "net.md").read_text()
    assert "no events, so nothing is said about physics" in report and "## Physics" not in report
