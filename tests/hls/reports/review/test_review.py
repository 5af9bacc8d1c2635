"""A review names what moved and says whether it may."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trigforge.hls.cli import main
from trigforge.hls.reports.review.forms import as_junit, as_lines, as_markdown, regressions
from trigforge.hls.reports.review.leaves import leaves
from trigforge.hls.reports.review.moves import compare

COMMITTED = Path(__file__).resolve().parents[4] / "latency_reports" / "codae_mask_encoder.json"


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(COMMITTED.read_text())
    return found


def moved(old: dict[str, Any], change: Callable[[dict[str, Any]], None]) -> dict[str, str]:
    new = copy.deepcopy(old)
    change(new)
    return {move.metric: move.status for move in compare(old, new)}


def layer(report: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        item for item in report["hardware"]["hls4ml"]["layers"] if item["name"] == name
    )
    return found


def test_nothing_moved(report: dict[str, Any]) -> None:
    def later_and_slower(new: dict[str, Any]) -> None:
        new["created"] = "2030-01-01T00:00:00+00:00"
        for stage in new["stages"].values():
            stage["seconds"] += 1

    assert compare(report, report) == []
    assert moved(report, later_and_slower) == {}
    assert len(leaves(report)) > 1000


def test_every_number_is_compared_or_named_here(report: dict[str, Any]) -> None:
    """Nothing of a report escapes: a change of any leaf is seen, but for times and sentences."""
    unseen = set()
    # one leaf of every kind
    kinds = {(m.split("/")[0], m.rpartition("/")[2]): m for m in leaves(report)}
    for metric in kinds.values():
        value = leaves(report)[metric]
        new = "other" if isinstance(value, str) else False if value is True else 1e9
        if not compare({metric: value}, {metric: new}):
            unseen.add(metric.split("/")[0] + "/" + metric.rpartition("/")[2])
    assert {name.split("/")[0] for name in unseen} <= {"created", "stages", "verdict", "physics"}
    names = {name.split("/")[1] for name in unseen if name.split("/")[0] in ("verdict", "physics")}
    assert names <= {"statements", "value", "auc_err", "fpr40_err", "rate_err_hz"}


@pytest.mark.parametrize(
    ("change", "metric"),
    [
        (  # a narrower weight
            lambda r: layer(r, "conv1_g0").update(weight_bits=3),
            "hardware/hls4ml/layers/conv1_g0/weight_bits",
        ),
        (  # a larger reuse factor
            lambda r: layer(r, "conv1_g0").update(latency_cycles=1),
            "hardware/hls4ml/layers/conv1_g0/latency_cycles",
        ),
        (  # a flipped weight bit
            lambda r: r["physics"]["thresholds"][0].update(threshold_int=7),
            "physics/thresholds/z_m[1],0.1/threshold_int",
        ),
        (
            lambda r: r["bit_accuracy"][0].update(mismatches=1),
            "bit_accuracy/brevitas,qonnx,events/mismatches",
        ),
        (lambda r: r["verdict"].update(status="FAIL"), "verdict/status"),
        (lambda r: r["dataset"].update(sha256="0"), "dataset/sha256"),
    ],
)
def test_exact_numbers_may_not_move(
    report: dict[str, Any], change: Callable[[dict[str, Any]], None], metric: str
) -> None:
    assert moved(report, change) == {metric: "regression"}


def test_a_number_that_got_better_was_not_reviewed_either(report: dict[str, Any]) -> None:
    def fewer(new: dict[str, Any]) -> None:
        for observation in new["hardware"]["hls4ml"]["observations"]:
            if observation["quantity"] == "lut":
                observation["value"] -= 1

    (metric,) = moved(report, fewer)
    assert metric == "hardware/hls4ml/observations/lut,estimated,trigforge/value"


def test_an_auc_may_move_within_its_paired_error(report: dict[str, Any]) -> None:
    paired = next(d for d in report["physics"]["differences"] if d["signal"] == "suep_125")
    half = (paired["high"] - paired["low"]) / 2
    metric = "physics/scores/z_m[1]/firmware/suep_125/auc"

    def by(step: float) -> Callable[[dict[str, Any]], None]:
        def change(new: dict[str, Any]) -> None:
            new["physics"]["scores"]["z_m[1]"]["firmware"]["suep_125"]["auc"] += step

        return change

    assert half < 0.001  # far below the unpaired error
    assert moved(report, by(0.9 * half)) == {metric: "allowed"}
    assert moved(report, by(-1.1 * half)) == {metric: "regression"}


def test_versions_are_noted_and_layers_do_not_shift(report: dict[str, Any]) -> None:
    assert moved(report, lambda r: r["versions"].update(numpy="9")) == {"versions/numpy": "noted"}

    def without_a_layer(new: dict[str, Any]) -> None:
        del new["hardware"]["hls4ml"]["layers"][2]

    name = report["hardware"]["hls4ml"]["layers"][2]["name"]
    gone = moved(report, without_a_layer)
    assert all(metric.startswith(f"hardware/hls4ml/layers/{name}/") for metric in gone)


def test_forms(report: dict[str, Any]) -> None:
    new = copy.deepcopy(report)
    new["verdict"]["status"] = "FAIL <&>"
    new["versions"]["numpy"] = "9"
    reviews = {"toy": compare(report, new), "still": []}
    assert regressions(reviews) == 1
    lines = as_lines(reviews)
    assert lines[0] == "toy: 1 moved that may not, 1 noted"
    assert lines[-1] == "still: nothing moved"
    assert "| regression | `verdict/status` | PASS | FAIL <&> | - | 0 |" in as_markdown(reviews)
    suites = ElementTree.fromstring(as_junit(reviews))  # noqa: S314 # our own text
    assert [suite.get("failures") for suite in suites] == ["1", "0"]
    failure = suites[0].find("testcase/failure")
    assert failure is not None and failure.get("message") == "PASS -> FAIL <&>"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "latency_reports"
    folder.mkdir()
    path = folder / "codae_mask_encoder.json"
    shutil.copy(COMMITTED, path)
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- Old.\n\n## 0.1.0\n")
    monkeypatch.chdir(tmp_path)
    assert main(["review"]) == 2
    assert "not in a git repository" in capsys.readouterr().err
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    assert main(["review"]) == 0
    assert capsys.readouterr().out == "codae_mask_encoder: nothing moved\n"

    data = json.loads(path.read_text())
    data["hardware"]["hls4ml"]["observations"][0]["value"] += 5
    path.write_text(json.dumps(data))
    summary, junit = tmp_path / "review.md", tmp_path / "review.xml"
    code = main(["review", "codae_mask_encoder", "--markdown", str(summary), "--junit", str(junit)])
    assert code == 1
    assert "hardware/hls4ml/observations/latency_cycles" in capsys.readouterr().out
    assert "| regression |" in summary.read_text() and "<failure" in junit.read_text()
    assert main(["review", "--accept"]) == 0
    noted = (tmp_path / "CHANGELOG.md").read_text()
    assert noted.startswith("# Changelog\n\n## Unreleased\n\n- Old.\n- Reviewed numbers of codae_")
    assert noted.endswith("\n\n## 0.1.0\n")
    assert main(["review", "absent"]) == 2
    assert "no report of absent" in capsys.readouterr().err
    shutil.copy(COMMITTED, folder / "another.json")
    assert main(["review", "another"]) == 0
    assert "nothing committed" in capsys.readouterr().out
