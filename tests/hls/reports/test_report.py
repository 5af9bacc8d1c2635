"""Reports: strict, stable, whole or not at all, and readable without heavy packages."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import judged
import pytest

from trigforge.hls.reports.report import dump_report, load_report, save_report
from trigforge.train.errors import InputError, StorageError


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    path, report = tmp_path / "latency_reports" / "toy.json", judged.report()
    save_report(report, path)
    assert load_report(path) == report
    assert dump_report(load_report(path)) == path.read_text()
    assert list(json.loads(path.read_text())) == [
        "schema",
        "model",
        "created",
        "recipe_sha256",
        "versions",
        "dataset",
        "verdict",
        "bit_accuracy",
        "physics",
        "hardware",
        "stages",
        "imitation",
        "normalisation",
    ]


def test_counts_are_integers_in_the_file() -> None:
    found = json.loads(dump_report(judged.report()))
    values = {o["quantity"]: o["value"] for o in found["hardware"]["hls4ml"]["observations"]}
    assert isinstance(values["latency_cycles"], int)
    assert found["physics"]["scores"]["z_m[0]"]["firmware"]["suep_125"]["auc_at_equal"]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("schema",), 2, "schema is 2, this version reads 1"),
        (("verdict", "status"), "MAYBE", r"verdict\.status is 'MAYBE', expected one of PASS"),
        (("physics", "reech"), 0.1, r"physics: unknown key 'reech'.*did you mean 'reach'"),
        (("verdict", "checks", 0, "value"), "fast", r"checks\[0\].value is 'fast'"),
        (("hardware", "hls4ml", "observations", 0, "unit"), "ns", "unit of latency_cycles is 'ns'"),
        (("bit_accuracy", 0, "a"), "onnx", r"bit_accuracy\[0\].a is 'onnx'"),
    ],
)
def test_a_wrong_file_names_the_place(
    tmp_path: Path, place: tuple[str | int, ...], value: object, message: str
) -> None:
    loaded = json.loads(dump_report(judged.report()))
    target = loaded
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    path = tmp_path / "toy.json"
    path.write_text(json.dumps(loaded))
    with pytest.raises(InputError, match=message):
        load_report(path)


def test_a_missing_key_and_a_broken_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "toy.json"
    loaded = json.loads(dump_report(judged.report()))
    del loaded["stages"]
    path.write_text(json.dumps(loaded))
    with pytest.raises(InputError, match="stages is missing"):
        load_report(path)
    path.write_text("[]")
    with pytest.raises(InputError, match="expected a report, got list"):
        load_report(path)
    with pytest.raises(InputError, match="no such file"):
        load_report(tmp_path / "absent.json")


def test_not_a_number_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "toy.json"
    physics = replace(judged.physics(), reach=float("nan"))
    with pytest.raises(ValueError, match="JSON compliant"):
        save_report(judged.report(physics=physics), path)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "toy.json").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        save_report(judged.report(), tmp_path / "toy.json")
    assert [path.name for path in tmp_path.iterdir()] == ["toy.json"]


def test_judging_needs_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "import trigforge.hls.reports.verdict, trigforge.hls.reports.report\n"
        "import trigforge.hls.reports.markdown\n"
        "import trigforge.hls.reports.table, trigforge.hls.budget\n"
        "import trigforge.hls.reports.tools.survey\n"
        "import trigforge.hls.backends.vitis, trigforge.hls.reports.physics\n"
        "heavy = {'torch', 'hls4ml', 'onnx', 'qonnx', 'brevitas', 'tensorflow'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
