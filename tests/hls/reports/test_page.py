"""Pages of reports: complete, safe, the same every time, and bars that mean what they show."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path

import judged
import numpy as np
import pages
import pytest
from markupsafe import Markup

from trigforge.hls import cli
from trigforge.hls.reports.observations import observe
from trigforge.hls.reports.page import accuracy, checks
from trigforge.hls.reports.page.model_page import model_page
from trigforge.hls.reports.page.source import (
    IDENTITY,
    Source,
    chosen_paths,
    load_source,
    report_paths,
)
from trigforge.hls.reports.page.svg import NEAREST, Scale, compact, curve
from trigforge.hls.reports.page.write import index_page, write_page, write_pages
from trigforge.hls.reports.report import Check, Layer, Report, Status
from trigforge.hls.reports.review.moves import Move
from trigforge.train.errors import InputError

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A report with curves, saved as make hls leaves it."""
    where = pages.places(tmp_path)
    path = pages.save(judged.report(), where, "demo")
    pages.save_curves(judged.report(), path.with_suffix(".npz"))
    return load_source("toy_model", path, where)


def test_everything_is_there(source: Source) -> None:
    report = source.report
    html = model_page(source)
    page = pages.Parsed(html)
    for check in report.verdict.checks:
        ((_, _, value, *_, status),) = page.row(check.name)
        assert status.endswith(check.status) and (value == "–") == (check.value is None)
    for layer in report.hardware["hls4ml"].layers:
        assert len(page.row(layer.name)) == 2  # cost and widths
    for observation in report.hardware["hls4ml"].observations:
        (row,) = page.row(observation.quantity)
        assert observation.provenance in row
    for statement in report.verdict.statements:
        assert " ".join(statement.split()) in page.text
    assert html.index("PASS") < html.index('id="checks"')
    assert "Weakest evidence: assumed" in page.text
    # two AUC charts, ROC and histogram of each signal
    assert sum("aria-label" in svg for svg in page.named("svg")) == 2 + 2 * len(judged.SIGNALS)
    assert len(html.encode()) < 1_000_000


def test_headings_are_in_order_and_ids_are_unique(source: Source) -> None:
    page = pages.Parsed(model_page(source))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {str(a["href"]).removeprefix("#") for a in page.named("a")}
    assert targets == {*ids, "index.html"}
    assert all("scope" in heading for heading in page.named("th"))


def test_nothing_is_loaded_from_elsewhere(source: Source) -> None:
    html = model_page(source)
    page = pages.Parsed(html)
    assert "http:" not in html and "https:" not in html and "url(" not in html
    assert not {"link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert all("src" not in attributes for _, attributes in page.tags)
    (policy,) = (str(m["content"]) for m in page.named("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'") and "script-src 'sha256-" in policy


def test_hostile_words_stay_words(source: Source) -> None:
    report = source.report
    assert report.physics is not None and report.dataset is not None
    block = report.hardware["hls4ml"]
    check = dataclasses.replace(report.verdict.checks[0], name=HOSTILE, tool=HOSTILE)
    evil = dataclasses.replace(
        report,
        model=HOSTILE,
        versions={HOSTILE: HOSTILE},
        dataset=dataclasses.replace(report.dataset, name=HOSTILE, preselection=HOSTILE),
        verdict=dataclasses.replace(
            report.verdict, statements=(HOSTILE,), checks=(*report.verdict.checks, check)
        ),
        physics=dataclasses.replace(
            report.physics,
            scores={HOSTILE: next(iter(report.physics.scores.values()))},
            baselines={**report.physics.baselines, HOSTILE: report.physics.baselines["mask_sum"]},
        ),
        hardware={
            HOSTILE: dataclasses.replace(block, layers=(Layer(name=HOSTILE, op=HOSTILE),)),
        },
        bit_accuracy=tuple(
            dataclasses.replace(c, mismatches=1, first_layer=HOSTILE) for c in report.bit_accuracy
        ),
    )
    arrays = {key.replace("z_m[0]", HOSTILE): value for key, value in source.arrays.items()}
    move = Move(HOSTILE, HOSTILE, HOSTILE, None, "regression")
    html = model_page(
        dataclasses.replace(
            source, name=HOSTILE, report=evil, arrays=arrays, recipe=HOSTILE, moves=(move,)
        )
    )
    page = pages.Parsed(html)
    assert len(page.named("script")) == 1 and not page.named("img")
    assert not any(name.startswith("on") for _, a in page.tags for name in a)
    assert page.text.count("alert(1)") > 20
    assert sum("aria-label" in svg for svg in page.named("svg")) > 4


def test_the_same_report_gives_the_same_bytes(source: Source) -> None:
    assert model_page(source) == model_page(source)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("missing", "are built, not committed"),
        ("other", "belongs to other numbers"),
        ("old", "belongs to other numbers"),
        ("cut", "cannot be read"),
    ],
)
def test_a_page_without_its_curves_says_why(tmp_path: Path, damage: str, reason: str) -> None:
    where, report = pages.places(tmp_path), judged.report()
    path = pages.save(report, where)  # the committed one; curves lie in build
    beside = where.build / report.model / "demo" / f"{report.model}.npz"
    if damage == "other":
        pages.save_curves(report, beside, **{IDENTITY: np.array("0" * 64)})
    elif damage == "old":
        pages.save_curves(report, beside, **{IDENTITY: None})
    elif damage == "cut":
        beside.write_bytes(pages.save_curves(report, beside).read_bytes()[:500])
    loaded = load_source(report.model, path, where)
    assert not loaded.arrays and reason in loaded.reason
    page = pages.Parsed(model_page(loaded))
    assert reason in page.text and "ROC of" not in page.text
    assert page.row("≥ " + f"{report.physics.thresholds[0].threshold_int:,}")  # type: ignore[union-attr]


def test_curves_of_the_same_numbers_serve_the_committed_report(tmp_path: Path) -> None:
    where, report = pages.places(tmp_path), judged.report()
    path = pages.save(report, where)
    pages.save_curves(report, where.build / report.model / "demo" / f"{report.model}.npz")
    loaded = load_source(report.model, path, where)
    assert loaded.arrays and not loaded.reason


def test_an_imported_file_has_a_page_without_physics(tmp_path: Path) -> None:
    where = pages.places(tmp_path)
    report = judged.report(physics=None, dataset=None, verdict=judged.verdict(physics=None))
    page = pages.Parsed(model_page(load_source("toy_model", pages.save(report, where), where)))
    assert "nothing is said about physics" in page.text


def test_what_moved_is_shown(source: Source) -> None:
    moves = (Move("hardware/hls4ml/layers/conv1/lut", 10, 12, 0.0, "regression"),)
    page = pages.Parsed(model_page(dataclasses.replace(source, moves=moves)))
    (row,) = page.row("hardware/hls4ml/layers/conv1/lut")
    assert row[1:] == ["regression", "10", "12", "+2", "exact"]
    for known, said in ((None, "No committed report"), ((), "Nothing moved")):
        assert said in pages.Parsed(model_page(dataclasses.replace(source, moves=known))).text


def test_of_all_backends_the_strongest_observation_counts(source: Source) -> None:
    report = source.report
    synthesised = [
        observe("lut", 23_917, provenance="placed", tool="Vivado", version="2020.1"),
        observe("lut", 25_423, provenance="vivado-synth", tool="Vivado", version="2020.1"),
    ]
    block = dataclasses.replace(report.hardware["hls4ml"], observations=tuple(synthesised))
    two = dataclasses.replace(report, hardware={**report.hardware, "rtl": block})
    page = pages.Parsed(model_page(dataclasses.replace(source, report=two)))
    found = [(row[1], row[5], row[-1]) for row in page.row("lut")]
    assert found == [
        ("600,000", "estimated", "no"),
        ("23,917", "placed", "yes"),
        ("25,423", "vivado-synth", "no"),
    ]


def test_the_index_lists_every_report(tmp_path: Path) -> None:
    where = pages.places(tmp_path)
    failed = judged.verdict(observations=judged.observations(latency_cycles=10**7))
    pages.save(judged.report(), where)
    pages.save(judged.report(model="second", verdict=failed), where)
    pages.save(judged.report(model="second", verdict=failed), where, "smoke")
    (where.reports / "third.json").write_text("{", encoding="utf-8")
    written = write_pages(["second"], where)
    assert [path.name for path in written] == ["second.html", "second-smoke.html", "index.html"]
    page = pages.Parsed(index_page(where))
    assert {a["href"] for a in page.named("a")} == {"second.html", "second-smoke.html"}
    assert "FAIL" in page.row("second")[0][1] and "PASS" in page.row("toy_model(no page yet)")[0][1]
    assert "not readable as JSON" in page.row("third(no page yet)")[0][1]


def test_one_page_does_not_mind_damaged_variants(tmp_path: Path) -> None:
    where = pages.places(tmp_path)
    pages.save(judged.report(), where)
    pages.save(judged.report(), where, "smoke").write_text("[]", encoding="utf-8")
    assert write_page("toy_model", where).name == "toy_model.html"
    assert not (where.build / "report" / "toy_model-smoke.html").exists()
    assert "expected a report, got list" in pages.Parsed(index_page(where)).text
    with pytest.raises(InputError, match="expected a report, got list"):
        write_pages(["toy_model"], where)
    with pytest.raises(InputError, match="unknown report 'toy'"):
        write_page("toy", where)


def test_a_fresh_report_comes_before_the_committed_one(tmp_path: Path) -> None:
    where = pages.places(tmp_path)
    pages.save(judged.report(), where)
    fresh = pages.save(judged.report(), where, "demo")
    variant = pages.save(judged.report(), where, "smoke-scratch")
    assert report_paths(where) == {"toy_model": fresh, "toy_model-smoke-scratch": variant}
    assert chosen_paths(["toy_model-smoke-scratch"], where) == {"toy_model-smoke-scratch": variant}
    with pytest.raises(InputError, match=r"unknown report 'toy_modle'.*did you mean 'toy_model'"):
        chosen_paths(["toy_modle"], where)


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["page"]) == 2
    assert "run make hls MODEL=..." in capsys.readouterr().err
    pages.save(judged.report(), pages.places(Path()))
    assert cli.main(["page", "toy_model"]) == 0
    assert capsys.readouterr().out.split() == [
        "build/report/toy_model.html",
        "build/report/index.html",
    ]


@pytest.mark.parametrize(
    ("name", "value", "limit", "status"),
    [
        ("latency_ns", 0.0, 100.0, "PASS"),
        ("latency_ns", 100.0, 100.0, "PASS"),
        ("latency_ns", 100.1, 100.0, "FAIL"),
        ("latency_ns", 1e9, 100.0, "FAIL"),
        ("dsp_percent", 0.0, 0.0, "PASS"),
        ("dsp_percent", 1.0, 0.0, "FAIL"),
        ("min_auc.s.x", 0.84, 0.83, "PASS"),
        ("min_auc.s.x", 0.82, 0.83, "FAIL"),
    ],
)
def test_a_bar_ends_on_the_side_of_its_limit_that_its_status_says(
    name: str, value: float, limit: float, status: Status
) -> None:
    check = Check(
        name=name, value=value, limit=limit, unit="", provenance="", tool="", status=status
    )
    bar = checks.bar(check)
    assert bar.fill is not None and 0 <= bar.fill <= 1 and 0 <= bar.mark <= 1
    reached = bar.fill >= bar.mark if name.startswith("min_") else bar.fill <= bar.mark
    assert reached == (status == "PASS")


def test_a_check_without_a_number_has_no_bar() -> None:
    found = judged.verdict(observations=judged.observations(lut=None), bit_accuracy=[]).checks
    unknown = {check.name: checks.bar(check) for check in found if check.status == "UNKNOWN"}
    assert {"lut_percent", "bit_accuracy.events"} <= set(unknown)
    assert all(bar.fill is None and bar.value == "–" for bar in unknown.values())
    assert unknown["bit_accuracy.events"].mark == 0


def test_the_matrix_follows_only_equal_comparisons() -> None:
    found = [
        judged.pair("brevitas", "qonnx", "events"),
        judged.pair("qonnx", "emulator", "events", mismatches=2),
        judged.pair("emulator", "csim", "events"),
    ]
    (matrix,) = accuracy.matrices(found)
    cells = {row[0].text: [cell.text for cell in row[1:]] for row in matrix.table.rows}
    assert cells == {
        "brevitas": ["= 64,000", "–", "–"],
        "qonnx": ["", "≠ 2 from conv2_g0", "–"],
        "emulator": ["", "", "= 64,000"],
    }
    (matrix,) = accuracy.matrices([judged.pair(c.a, c.b, "events") for c in found])
    assert [c.text for c in matrix.table.rows[0][1:]] == ["= 64,000", "follows", "follows"]


@pytest.mark.parametrize("scale", [Scale(0, 1, 50, 328), Scale(1e-4, 1, 200, 10, log=True)])
def test_a_scale_maps_its_ends_and_its_ticks_inside(scale: Scale) -> None:
    assert scale(scale.low) == pytest.approx(scale.first)
    assert scale(scale.high) == pytest.approx(scale.last)
    ticks = scale.ticks()
    assert 3 <= len(ticks) <= 7 and ticks == sorted(ticks)
    assert min(ticks) >= scale.low * (1 - 1e-9) and max(ticks) <= scale.high * (1 + 1e-9)


def test_thinning_keeps_the_ends_and_stays_within_a_pixel() -> None:
    points = [(x / 10, 50 + 30 * np.sin(x / 100)) for x in range(2000)]
    found = re.findall(r"[ML]([\d.]+) ([\d.]+)", curve(points, "line", "sine"))
    kept = np.array(found, float)
    gaps = np.hypot(*np.diff(kept, axis=0).T)
    assert len(kept) < 600 and gaps[:-1].min() > NEAREST - 0.15  # rounded to tenths
    assert kept[0] == pytest.approx(points[0], abs=0.06)
    assert kept[-1] == pytest.approx(points[-1], abs=0.06)
    assert np.abs(kept[:, 1] - (50 + 30 * np.sin(kept[:, 0] / 10))).max() < 0.4


def test_curves_are_where_the_numbers_say(source: Source) -> None:
    """The firmware's ROC, read back from the page's pixels, gives the AUC of the report."""
    report: Report = source.report
    assert report.physics is not None
    html = model_page(source)
    for signal in judged.SIGNALS:
        label = Markup.escape(f"ROC of z_m[0] for {pages_label(signal)}")
        chart = html[html.index(f'aria-label="{label}') :]
        chart = chart[: chart.index("</svg>")]
        found = re.search(r'data-name="firmware" d="([^"]*)"', chart)
        assert found is not None
        pixels = np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", found[1]), float)
        x, y = (axis(chart, name) for name in ("x", "y"))
        s = x[2] + (pixels[:, 0] - x[0]) / (x[1] - x[0]) * (x[3] - x[2])
        b = y[2] * (y[3] / y[2]) ** ((pixels[:, 1] - y[0]) / (y[1] - y[0]))
        area = float(np.trapezoid(s, b))
        assert area == pytest.approx(report.physics.scores["z_m[0]"].firmware[signal].auc, abs=0.01)


def pages_label(signal: str) -> str:
    return {"suep_125": "SUEP 125 GeV", "svj_2100": "SVJ 2.1 TeV"}[signal]


def axis(chart: str, name: str) -> list[float]:
    """First and last pixel, lowest and highest value."""
    found = re.search(rf'data-{name}="([^"]*)"', chart)
    assert found is not None
    return [float(word) for word in found[1].split()[:4]]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.4, "0.4"), (1e-3, "1e-3"), (50_000, "50k"), (-2.5e6, "-2.5M"), (112, "112")],
)
def test_tick_labels(value: float, text: str) -> None:
    assert compact(value) == text
