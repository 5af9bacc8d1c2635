"""The numbers that a reader sees in the vendors' reports."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from places import REPORTS, needs_reports, report_files

from trigforge.hls.reports.tools.findings import Findings
from trigforge.hls.reports.tools.recognise import read_report
from trigforge.hls.reports.tools.survey import as_json, as_text, survey

pytestmark = needs_reports

VITIS = "vitis_hls_2024.1_xcvu9p"


def lut(found: Findings) -> dict[str, float]:
    return {o.provenance: o.value for o in found.observations if o.quantity == "lut"}


def builds(folder: str) -> dict[str, Findings]:
    return {f.build.name: f for f in survey(REPORTS / folder).findings}


@pytest.mark.parametrize("path", report_files(), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_report_is_read(path: object) -> None:
    record = read_report(path)  # type: ignore[arg-type]
    assert record.observations or record.facts


def test_one_build_of_the_atlas_design_has_a_number_per_tool() -> None:
    (found,) = builds(VITIS).values()
    assert lut(found) == {
        "csynth": 188_486,
        "vivado-synth": 25_423,
        "placed": 23_917,
        "post-route": 23_917,  # from the export report, which quotes the routed utilisation
    }
    assert found.status == "PASS"
    assert found.timing is not None
    assert (found.timing.target_ns, found.timing.reached_ns) == (25.0, 18.972)
    # combinational: no cycles, one period of the clock that was met
    assert as_json(survey(REPORTS / VITIS))["builds"][0]["latency_ns"] == 25.0
    power = next(r for r in found.build.records if r.kind == "power")
    assert power.facts["power_w"] == 557.857
    assert power.facts["junction_exceeded"] is True


def test_the_other_build_is_another() -> None:
    (found,) = builds(f"{VITIS}_other_build").values()
    assert lut(found) == {"csynth": 44_405}
    every = {f.build.name: lut(f) for f in survey(REPORTS).findings}
    assert every[f"{VITIS}/Topo2A_AD_proj"]["placed"] == 23_917
    assert every[f"{VITIS}_other_build/Topo2A_AD_proj"] == {"csynth": 44_405}


def test_a_design_that_fails_timing_is_not_quoted_at_that_clock() -> None:
    found = builds("vivado_2019.1_xcvu13p")
    assert {name: f.status for name, f in found.items()} == {
        "p (hls_10_4)": "PASS",
        "p (hls_16_6)": "FAIL",
        "p (hls_28_10)": "FAIL",
    }
    clocks = {name: f.clock_ns for name, f in found.items()}
    assert clocks == {"p (hls_10_4)": 5.0, "p (hls_16_6)": 5.627, "p (hls_28_10)": 7.28}
    failing = found["p (hls_16_6)"].timing
    assert failing is not None
    assert (failing.wns_ns, failing.tns_ns, failing.failing_endpoints) == (-0.627, -539.669, 2633)
    assert [lut(f) for f in found.values()] == [
        {"post-route": 44_629},
        {"post-route": 60_919},
        {"post-route": 679_472},
    ]
    assert "FAIL timing" in "\n".join(as_text(survey(REPORTS / "vivado_2019.1_xcvu13p")))


def test_an_autoencoder_that_needs_more_block_ram_than_there_is() -> None:
    found = builds("vivado_hls_2019.2_xc7z020")
    top = found["myproject_axi"]
    assert top.status == "FAIL"
    assert [(c.name, c.value, c.limit) for c in top.checks if c.status == "FAIL"] == [
        ("bram_18k", 289, 280)
    ]
    assert found["myproject"].build.inside == "myproject_axi"
    inside = next(r for r in found["myproject"].build.records if r.source_file.endswith(".rpt"))
    assert inside.value("bram_18k") == 285
    conv = next(
        m for m in inside.modules if m.name == "conv_2d_cl_array_array_ap_fixed_8u_config2_s"
    )
    assert (conv.latency_cycles, conv.resources["dsp"], conv.resources["lut"]) == (
        23_120,
        30,
        1_476,
    )


def test_cycles_of_the_svhn_network() -> None:
    (found,) = builds("vivado_hls_2020.1_xcu250").values()
    values = {(o.quantity, o.provenance): o.value for o in found.observations}
    assert values["latency_cycles", "csynth"] == 1_044
    assert values["ii_cycles", "csynth"] == 1_028
    assert values["lut", "vivado-synth"] == 118_931
    assert values["dsp", "vivado-synth"] == 353
    assert values["bram_18k", "vivado-synth"] == 68  # 34 tiles
    assert len(found.build.records[1].modules) == 18


def test_small_networks_and_what_is_missing() -> None:
    (small,) = builds("vivado_hls_2020.1_xc7z020").values()
    assert lut(small) == {"csynth": 2_532, "vivado-synth": 1_526}
    (synthesised,) = builds("vivado_2022.2_xcu50").values()
    values = {o.quantity: o.value for o in synthesised.observations}
    assert values == {"lut": 179_437, "ff": 227_971, "dsp": 2_058, "bram_18k": 502, "uram": 0}
    assert synthesised.status == "UNKNOWN"
    assert "latency_cycles: in no report" in synthesised.missing


@pytest.mark.parametrize("folder", sorted({p.parent.name for p in report_files()}))
def test_the_command_answers_in_a_second_without_heavy_packages(folder: str) -> None:
    code = (
        "import sys\n"
        "from trigforge.hls.cli import main\n"
        "main(['report', sys.argv[1]])\n"
        "heavy = {'torch', 'hls4ml', 'onnx', 'qonnx', 'brevitas', 'tensorflow', 'numpy'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, str(REPORTS / folder)], capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    # time on the processor: the machine may be busy with something else
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 1.0
