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
from trigforge.hls.reports.report import load_report
from trigforge.hls.reports.review.forms import as_junit, as_lines, as_markdown
from trigforge.hls.reports.review.leaves import leaves
from trigforge.hls.reports.review.moves import Move, compare
from trigforge.hls.reports.review.review import Review, moves_since_review

ROOT = Path(__file__).resolve().parents[4]
MODEL = "codae_mask_encoder"
COMMITTED = ROOT / "latency_reports" / f"{MODEL}.json"

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


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
        (  # another clock
            lambda r: r["verdict"]["checks"][1].update(value=1.0),
            "verdict/checks/latency_ns/value",
        ),
        (lambda r: r["dataset"].update(sha256="0"), "dataset/sha256"),
        (
            lambda r: r["physics"]["thresholds"][0]["signal_efficiency"].update(suep_200=0.5),
            "physics/thresholds/z_m[1],0.1/signal_efficiency/suep_200",
        ),
        (
            lambda r: r["physics"]["baselines"]["mask_sum"]["suep_125"].update(auc=0.8),
            "physics/baselines/mask_sum/suep_125/auc",
        ),
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

    def wider(new: dict[str, Any]) -> None:
        by(1.1 * half)(new)
        for difference in new["physics"]["differences"]:
            difference["high"] += 1

    assert moved(report, wider)[metric] == "regression"  # the reviewed error counts
    assert half < 0.001  # far below the unpaired error
    assert moved(report, by(0.9 * half)) == {metric: "allowed"}
    assert moved(report, by(-1.1 * half)) == {metric: "regression"}


def test_sums_in_another_order_are_no_regression(report: dict[str, Any]) -> None:
    def by(share: float) -> Callable[[dict[str, Any]], None]:
        def change(new: dict[str, Any]) -> None:
            new["physics"]["rank_correlations"][0]["value"] = 1 - share

        return change

    old = copy.deepcopy(report)
    old["physics"]["rank_correlations"][0]["value"] = 1
    assert list(moved(old, by(1e-12)).values()) == ["allowed"]
    assert list(moved(old, by(1e-3)).values()) == ["regression"]


def test_versions_are_noted_and_layers_do_not_shift(report: dict[str, Any]) -> None:
    assert moved(report, lambda r: r["versions"].update(numpy="9")) == {"versions/numpy": "noted"}
    tool = moved(report, lambda r: r["verdict"]["checks"][0].update(tool="trigforge 9"))
    assert tool == {"verdict/checks/ii_per_card_ns/tool": "noted"}

    def without_a_layer(new: dict[str, Any]) -> None:
        del new["hardware"]["hls4ml"]["layers"][2]

    name = report["hardware"]["hls4ml"]["layers"][2]["name"]
    gone = moved(report, without_a_layer)
    assert all(metric.startswith(f"hardware/hls4ml/layers/{name}/") for metric in gone)


def test_forms(report: dict[str, Any]) -> None:
    new = copy.deepcopy(report)
    new["verdict"]["status"] = "FAIL <&>"
    new["versions"]["numpy"] = "9"
    reviews: dict[str, tuple[Move, ...] | None]
    reviews = {"toy": tuple(compare(report, new)), "still": (), "first": None}
    assert Review(reviews).regressions == 1
    lines = as_lines(reviews)
    assert lines[0] == "toy: 1 moved that may not, 1 noted"
    assert lines[-2:] == [
        "still: nothing moved",
        "first: first report, nothing is committed to compare with",
    ]
    assert "| regression | `verdict/status` | PASS | FAIL <&> | - | 0 |" in as_markdown(reviews)
    suites = ElementTree.fromstring(as_junit(reviews))  # noqa: S314 # our own text
    assert [suite.get("failures") for suite in suites] == ["1", "0", "0"]
    failure = suites[0].find("testcase/failure")
    assert failure is not None and failure.get("message") == "PASS -> FAIL <&>"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one committed report, after ``make hls``."""
    for folder in ("latency_reports", "firmware_projects", f"build/{MODEL}/demo"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "firmware_projects" / f"{MODEL}.yaml", tmp_path / "firmware_projects")
    for suffix in (".json", ".md"):
        source = COMMITTED.with_suffix(suffix)
        shutil.copy(source, tmp_path / "latency_reports")
        shutil.copy(source, tmp_path / f"build/{MODEL}/demo")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- Old.\n\n## 0.1.0\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commit(folder: Path) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)


def change(path: Path, by: int) -> None:
    data = json.loads(path.read_text())
    data["hardware"]["hls4ml"]["observations"][0]["value"] += by
    path.write_text(json.dumps(data))


@needs_git
def test_clean_moved_and_accepted(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(clone)
    assert main(["review"]) == 0
    assert capsys.readouterr().out == f"{MODEL}: nothing moved\n"

    change(clone / f"build/{MODEL}/demo/{MODEL}.json", 5)
    summary, junit = clone / "review.md", clone / "review.xml"
    assert main(["review", MODEL, "--markdown", str(summary), "--junit", str(junit)]) == 1
    said = capsys.readouterr().out
    assert "regression  hardware/hls4ml/observations/latency_cycles" in said
    assert "(+5, exact)" in said
    assert "| regression |" in summary.read_text() and "<failure" in junit.read_text()

    reviewed = clone / "latency_reports" / f"{MODEL}.json"
    before = reviewed.read_bytes()
    for _ in range(2):  # the second time changes nothing
        assert main(["review", "--accept"]) == 0
        noted = (clone / "CHANGELOG.md").read_text()
        assert noted.count("\n- Old.\n- Reviewed numbers of codae_mask_encoder: hardware/") == 1
        assert noted.count("Reviewed") == 1 and noted.endswith("\n\n## 0.1.0\n")
    assert reviewed.read_bytes() == (clone / f"build/{MODEL}/demo/{MODEL}.json").read_bytes()
    assert reviewed.read_bytes() != before
    # what lies in the working tree is not what was reviewed
    assert main(["review"]) == 1


@needs_git
def test_a_pull_request_is_compared_with_the_commit_it_starts_from(clone: Path) -> None:
    commit(clone)
    for folder in (f"build/{MODEL}/demo", "latency_reports"):
        change(clone / folder / f"{MODEL}.json", 5)
    commit(clone)
    assert main(["review"]) == 0
    assert main(["review", "--base", "HEAD~1"]) == 1


@needs_git
def test_first_reports_and_models_that_were_not_run(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suffix in (".json", ".md"):
        (clone / f"latency_reports/{MODEL}{suffix}").rename(clone / f"latency_reports/o{suffix}")
    commit(clone)
    assert main(["review"]) == 0
    said = capsys.readouterr().out
    assert f"{MODEL}: first report, nothing is committed" in said
    assert "not run here, so not reviewed: o\n" in said
    assert main(["review", "--accept"]) == 0
    assert f"- First reviewed report of {MODEL}." in (clone / "CHANGELOG.md").read_text()
    assert (clone / f"latency_reports/{MODEL}.md").is_file()


@needs_git
def test_one_sentence_when_there_is_nothing_to_compare(
    clone: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sentence(*arguments: str) -> str:
        assert main(["review", *arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert "not in a git repository" in sentence()
    commit(clone)
    assert "no fresh report of absent; run make hls MODEL=absent first" in sentence("absent")
    for base in ("--all", "nowhere", ""):
        assert "is no commit of this repository" in sentence(f"--base={base}")
    (clone / "CHANGELOG.md").write_text("# Changelog\n")
    change(clone / f"build/{MODEL}/demo/{MODEL}.json", 5)
    reviewed = (clone / "latency_reports" / f"{MODEL}.json").read_bytes()
    assert "no section '## Unreleased'" in sentence("--accept")
    assert (clone / "latency_reports" / f"{MODEL}.json").read_bytes() == reviewed
    recipe = clone / "firmware_projects" / f"{MODEL}.yaml"
    recipe.write_text(recipe.read_text().replace("conv3: 64", "conv3: 128"))
    assert f"{MODEL}.yaml has changed since; run make hls MODEL={MODEL} again" in sentence()
    shutil.rmtree(clone / "build")
    assert "no fresh report to review; run make hls" in sentence()
    monkeypatch.setenv("PATH", "")
    assert "git is not on the PATH" in sentence()


@needs_git
def test_moves_for_a_page(clone: Path) -> None:
    path = clone / f"build/{MODEL}/demo/{MODEL}.json"
    assert moves_since_review(load_report(path)) is None  # no repository
    commit(clone)
    assert moves_since_review(load_report(path)) == ()
    change(path, 5)
    (move,) = moves_since_review(load_report(path)) or ()
    assert (move.change, move.allowed, move.status) == (5, 0, "regression")
