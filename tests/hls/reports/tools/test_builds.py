"""Reports of one build together, reports of several builds apart."""

from __future__ import annotations

import dataclasses

import pytest
from places import SAMPLES

from trigforge.hls.reports.tools.builds import Build, group, project_of, stem_of
from trigforge.hls.reports.tools.findings import judge
from trigforge.hls.reports.tools.recognise import parse_report, read_report
from trigforge.hls.reports.tools.record import Record


def sample(name: str, source_file: str, old: str = "", new: str = "") -> Record:
    text = (SAMPLES / name).read_text()
    assert old in text
    return parse_report(text.replace(old, new).encode(), source_file)


def files(builds: list[Build]) -> dict[str, list[str]]:
    return {b.name: [r.source_file for r in b.records] for b in builds}


@pytest.mark.parametrize(
    ("name", "project", "stem"),
    [
        ("toy_prj/solution1/syn/report/toy_csynth.xml", "", "toy"),
        ("x/toy_prj/solution1/impl/report/verilog/toy_export.rpt", "x", "toy"),
        ("hls_final_16_6_timing.rpt", "", "hls_16_6"),
        ("a/vivado_synth.rpt", "a", ""),
    ],
)
def test_names(name: str, project: str, stem: str) -> None:
    assert (project_of(name), stem_of(name)) == (project, stem)


def test_a_project_folder_is_one_build() -> None:
    found = group(
        [
            sample("loops_csynth.xml", "toy_prj/solution1/syn/report/csynth.xml"),
            sample("utilization_uram.rpt", "toy_prj/solution1/impl/verilog/util.rpt"),
            sample("timing_clocks.rpt", "toy_prj/solution1/impl/verilog/timing.rpt"),
            sample("toy_cosim.rpt", "toy_prj/solution1/sim/report/toy_cosim.rpt"),
            sample("route_status.rpt", "toy_prj/solution1/impl/route_status.rpt"),
        ]
    )
    (build,) = found
    findings = judge(build)
    assert findings.status == "PASS"
    assert findings.clock_ns == 4.0
    best = {}
    for observation in findings.observations:
        best.setdefault(observation.quantity, (observation.value, observation.provenance))
    assert best["latency_cycles"] == (1046, "cosim")
    assert best["lut"] == (6107, "post-route")
    assert best["clock_period_ns"] == (3.688, "routed")


def test_two_solutions_are_two_builds() -> None:
    found = group(
        [
            sample("loops_csynth.xml", "p_prj/solution1/syn/report/csynth.xml"),
            sample("loops_csynth.xml", "p_prj/solution2/syn/report/csynth.xml", ">4000<", ">5000<"),
        ]
    )
    assert [r.value("lut") for b in found for r in b.records] == [4000, 5000]
    assert len(found) == 2


def test_submodules_are_part_of_their_top() -> None:
    found = group(
        [
            sample("loops_csynth.xml", "p/syn/report/csynth.xml"),
            sample("loops_csynth.rpt", "p/syn/report/conv_csynth.rpt"),
        ]
    )
    assert {b.design: b.inside for b in found} == {"toy": None, "conv": "p/toy"}


def test_a_failing_hold_leaves_no_clock_of_a_weaker_tool() -> None:
    text = (SAMPLES / "timing_clocks.rpt").read_text()
    text = text.replace(
        "  0.021    0.000                      0", " -0.021   -0.400                     31"
    ).replace("All user specified timing constraints are met.", "Timing constraints are not met.")
    timing = parse_report(text.encode(), "timing.rpt")
    csynth = read_report(SAMPLES / "loops_csynth.xml")
    (build,) = group([timing, dataclasses.replace(csynth, source_file="csynth.xml")])
    found = judge(build)
    assert found.status == "FAIL" and found.clock_ns is None
    assert not [o for o in found.observations if o.quantity == "clock_period_ns"]


@pytest.mark.parametrize(
    ("name", "old", "new", "check"),
    [
        ("toy_cosim.rpt", "Pass", "Fail", "mismatches"),
        ("rtl_sim.json", '"mismatches": 0', '"mismatches": 3', "mismatches"),
        (
            "route_status.rpt",
            "fully routed nets............. :         100",
            "fully routed nets............. :          96",
            "nets_not_routed",
        ),
        ("toy_export.rpt", "", "", "clock_period_ns"),
    ],
)
def test_what_fails_a_build(name: str, old: str, new: str, check: str) -> None:
    (build,) = group([sample(name, name, old, new)])
    found = judge(build)
    assert found.status == "FAIL"
    assert [c.name for c in found.checks if c.status == "FAIL"] == [check]
