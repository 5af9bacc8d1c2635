"""Comparisons: the strongest source is quoted, and only the same events share a panel."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import judged
import pages
import pytest

from trigforge.hls import cli
from trigforge.hls.reports.compare.entries import entries
from trigforge.hls.reports.compare.figures import COSTS
from trigforge.hls.reports.compare.markdown import to_markdown
from trigforge.hls.reports.compare.panels import Comparison, compare
from trigforge.hls.reports.compare.write import chosen, write_comparison
from trigforge.hls.reports.observations import observe
from trigforge.hls.reports.report import Hardware, Physics, Report
from trigforge.train.errors import InputError


def other_events(report: Report) -> Report:
    assert report.dataset is not None
    return dataclasses.replace(
        report, dataset=dataclasses.replace(report.dataset, sha256="ef" * 32)
    )


def physics_of(report: Report) -> Physics:
    assert report.physics is not None
    return report.physics


def with_rtl(report: Report, **values: float) -> Report:
    """A second backend; keyword arguments are the quantities that it measured."""
    sources = {"lut": "logic-synthesis", "dsp": "logic-synthesis", "latency_cycles": "rtl-sim"}
    found = tuple(
        observe(quantity, value, provenance=sources[quantity], tool="test", version="1")
        for quantity, value in values.items()
    )
    block = Hardware(device="xcvu9p", compute_units=1, observations=found, layers=())
    return dataclasses.replace(report, hardware={**report.hardware, "rtl": block})


def two_units(report: Report) -> Report:
    block = dataclasses.replace(report.hardware["hls4ml"], compute_units=2)
    return dataclasses.replace(report, hardware={"hls4ml": block})


def both(first: Report, second: Report) -> Comparison:
    return compare({"first": first, "second": second})


def test_areas_add_up_over_compute_units_and_times_do_not() -> None:
    (entry,) = entries("toy", two_units(judged.report()))
    costs = entry.costs
    assert (costs.lut.value, costs.bram_18k.value, costs.compute_units) == (1_200_000, 4_400, 2)
    assert (costs.lut.provenance, costs.lut.backend) == ("estimated", "hls4ml")
    assert costs.latency_cycles.value == 30_000
    assert (costs.latency_ns.value, costs.latency_ns.provenance) == (120_000, "estimated, assumed")


def test_the_strongest_backend_is_quoted_with_its_own_compute_units() -> None:
    report = with_rtl(two_units(judged.report()), lut=900, latency_cycles=7)
    (entry,) = entries("toy", report)
    assert (entry.costs.lut.value, entry.costs.lut.provenance) == (900, "logic-synthesis")
    assert (entry.costs.latency_cycles.value, entry.costs.compute_units) == (7, 1)
    # what RTL does not say stays an estimate of the other backend, and of its two units
    assert (entry.costs.bram_18k.value, entry.costs.bram_18k.provenance) == (4_400, "estimated")
    assert entry.costs.device == "xcvu9p" and not entry.costs.is_mixed()


def test_area_and_cycles_of_two_designs_are_said_to_be() -> None:
    comparison = compare({"toy": with_rtl(judged.report(), lut=900)})
    assert comparison.groups[0].entries[0].costs.is_mixed()
    (note,) = comparison.notes
    assert "its LUTs are those of rtl, its cycles those of hls4ml" in note


def test_a_missing_cost_is_neither_zero_nor_drawn(tmp_path: Path) -> None:
    nothing = Hardware(device="xcu250", compute_units=1, observations=(), layers=())
    verdict = judged.verdict(observations=judged.observations(latency_cycles=None))
    report = judged.report(hardware={"hls4ml": nothing}, verdict=verdict)
    comparison = compare({"toy": report})
    costs = comparison.groups[0].entries[0].costs
    assert all(axis.of(costs).value is None for axis in COSTS)
    assert "nobody has produced its LUTs and latency" in comparison.notes[0]
    where = pages.places(tmp_path)
    pages.save(report, where)
    page = write_comparison([], where)
    assert not list(page.parent.glob("figures/*"))
    assert "<svg" not in page.read_text(encoding="utf-8")


def test_other_events_make_another_group() -> None:
    comparison = both(judged.report(), other_events(judged.report()))
    assert [[e.label for e in g.entries] for g in comparison.groups] == [["first"], ["second"]]
    assert comparison.notes[0].startswith("Not judged on the same events")
    assert "first on shipped (cdcdcdcdcdcd" in comparison.notes[0]
    # the same events with another background are another question
    report = judged.report()
    assert report.dataset is not None
    zero_bias = dataclasses.replace(report.dataset, background="zero_bias")
    assert len(both(report, dataclasses.replace(report, dataset=zero_bias)).groups) == 2


def test_the_same_events_share_panels_and_their_baselines() -> None:
    (group,) = both(judged.report(), judged.report()).groups
    assert len(group.entries) == 2 and group.signals == judged.SIGNALS
    assert list(group.baselines) == ["mask_sum"]
    # a rival with a firmware of its own is a point and no line
    (group,) = both(judged.report(), judged.report(model="mask_sum")).groups
    assert not group.baselines


def test_a_signal_that_a_model_was_not_judged_on_is_said(tmp_path: Path) -> None:
    report = judged.report()
    physics = physics_of(report)
    scores = {
        name: dataclasses.replace(stages, firmware={"suep_125": stages.firmware["suep_125"]})
        for name, stages in physics.scores.items()
    }
    fewer = dataclasses.replace(report, physics=dataclasses.replace(physics, scores=scores))
    comparison = both(fewer, report)
    assert comparison.groups[0].signals == judged.SIGNALS
    assert "first was not judged on svj_2100." in comparison.notes


def test_baselines_that_differ_on_the_same_events_are_said() -> None:
    report = judged.report()
    physics = physics_of(report)
    moved = {
        signal: dataclasses.replace(found, auc=found.auc - 0.01)
        for signal, found in physics.baselines["mask_sum"].items()
    }
    wrong = dataclasses.replace(physics, baselines={"mask_sum": moved})
    notes = both(report, dataclasses.replace(report, physics=wrong)).notes
    assert len(notes) == len(judged.SIGNALS)
    assert all("although both name the same events" in note for note in notes)


def test_efficiency_is_that_of_the_loosest_threshold_within_the_rate() -> None:
    report = judged.report()
    physics = physics_of(report)
    (entry,) = entries("toy", report)
    assert physics.input_rate_hz is not None and entry.efficiency
    for bound, signals in entry.efficiency.items():
        # the obvious way: every threshold of the report, one after the other
        allowed = [t for t in physics.thresholds if (t.rate_hz or 0) <= bound * (1 + 1e-9)]
        for signal, found in signals.items():
            best = max(t.signal_efficiency[signal] for t in allowed)
            assert found.value == best and found.rate_hz <= bound * (1 + 1e-9)
            assert found.error >= 1 / 400
    # 3,000 background events do not reach one in a thousand
    assert len(entry.efficiency) == 2
    (group,) = compare({"toy": report}).groups
    assert group.common_rate_hz() == pytest.approx(0.01 * physics.input_rate_hz)


def test_without_a_cross_section_there_are_no_rates() -> None:
    report = judged.report(physics=judged.physics(cross_section_pb=None))
    (group,) = compare({"toy": report}).groups
    assert group.rates_hz == () and group.common_rate_hz() is None


def test_models_without_events_show_their_cost() -> None:
    imported = judged.report(dataset=None, physics=None)
    comparison = both(judged.report(), imported)
    assert [e.label for e in comparison.alone] == ["second"]
    text = to_markdown(comparison)
    assert "second has no events" in text
    assert "| second | – | PASS | 600,000 | estimated |" in text


def test_files_agree_with_the_reports(tmp_path: Path) -> None:
    where = pages.places(tmp_path)
    pages.save(judged.report(model="a_model"), where)
    pages.save(with_rtl(judged.report(model="b_model"), lut=900, latency_cycles=7), where)
    pages.save(judged.report(model="b_model"), where, "smoke")
    page = write_comparison([], where)
    drawn = {path.name for path in (page.parent / "figures").iterdir()}
    keys = [f"events1-{y}-{x}" for y in ("auc", "efficiency") for x in ("lut", "latency")]
    assert drawn == {f"{key}.{kind}" for key in keys for kind in ("png", "svg")}
    numbers: dict[str, Any] = json.loads((page.parent / "compare.json").read_text())
    assert list(numbers["reports"]) == ["a_model", "b_model"]  # variants only when named
    (group,) = numbers["groups"]
    assert [e["costs"]["lut"]["value"] for e in group["entries"]] == [600_000, 900]
    text = (page.parent / "compare.md").read_text(encoding="utf-8")
    assert "| b_model | z_m[0] | PASS | 900 | logic-synthesis |" in text
    html = page.read_text(encoding="utf-8")
    parsed = pages.Parsed(html)
    assert len(parsed.row("b_model")) == 4  # cost, AUC, two rates
    assert sum(tag == "figure" for tag, _ in parsed.tags) == 4
    assert "http-equiv" in html and "<image" not in html and "src=" not in html
    before = {p.name: p.read_bytes() for p in page.parent.iterdir() if p.is_file()}
    write_comparison([], where)
    assert before == {p.name: p.read_bytes() for p in page.parent.iterdir() if p.is_file()}
    assert list(chosen(["b_model-smoke", "a_model"], where)) == ["b_model-smoke", "a_model"]


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    where = pages.places(tmp_path)
    report = judged.report(physics=judged.physics(cross_section_pb=None))
    assert report.dataset is not None
    hostile = "<script>alert(1)</script>|"
    dataset = dataclasses.replace(report.dataset, name=hostile, preselection=hostile)
    pages.save(dataclasses.replace(report, dataset=dataset), where)
    page = write_comparison([], where)
    assert "<script>alert" not in page.read_text(encoding="utf-8")
    assert "</script>\\|" in page.with_name("compare.md").read_text(encoding="utf-8")


def test_unknown_names_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["compare"]) == 2
    assert "no report of any model; run make hls" in capsys.readouterr().err
    pages.save(judged.report(), pages.places(Path()))
    assert cli.main(["compare", "toy_modl"]) == 2
    said = capsys.readouterr().err.strip()
    assert "unknown report 'toy_modl'" in said and "did you mean 'toy_model'?" in said
    assert "\n" not in said and not (tmp_path / "build" / "compare").exists()
    (tmp_path / "latency_reports" / "broken.json").write_text("{")
    with pytest.raises(InputError, match=r"broken\.json"):
        write_comparison()
    assert cli.main(["compare", "toy_model", "--to", "out"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("# Cost of physics") and said.rstrip().endswith("index.html")
