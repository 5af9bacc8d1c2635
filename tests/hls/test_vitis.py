"""C-synthesis: reports of real tools, hostile files, and a fake tool on the PATH."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trigforge.hls.backends.vitis import find_vitis, run_csynth
from trigforge.hls.reports.tools.recognise import read_report
from trigforge.hls.reports.tools.record import Record
from trigforge.train.errors import InputError, ToolError

REPORTS = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "reports"
needs_reports = pytest.mark.skipif(not REPORTS.is_dir(), reason=f"vendor reports not at {REPORTS}")

REPORT = """<profile>
<ReportVersion><Version>2024.1</Version></ReportVersion>
<UserAssignments><unit>ns</unit><ProductFamily>virtexuplus</ProductFamily>
<Part>xcu250-figd2104-2L-e</Part><TopModelName>trigforge_model</TopModelName>
<TargetClockPeriod>4.00</TargetClockPeriod><FlowTarget>vivado</FlowTarget></UserAssignments>
<PerformanceEstimates>
<SummaryOfTimingAnalysis><EstimatedClockPeriod>2.920</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><Best-caseLatency>900</Best-caseLatency>
<Worst-caseLatency>LATENCY</Worst-caseLatency>
<Interval-min>800</Interval-min><Interval-max>1028</Interval-max></SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates><Resources><DSP>12</DSP><FF>30</FF><LUT>4000</LUT><BRAM_18K>7</BRAM_18K></Resources>
<AvailableResources><DSP>12288</DSP><FF>3456000</FF><LUT>1728000</LUT><BRAM_18K>5376</BRAM_18K>
</AvailableResources></AreaEstimates>
<ModuleInformation><Module><Name>conv</Name><PerformanceEstimates><SummaryOfOverallLatency>
<Worst-caseLatency>77</Worst-caseLatency></SummaryOfOverallLatency></PerformanceEstimates>
</Module></ModuleInformation>
</profile>
"""


def values(report: Record) -> dict[str, float]:
    return {o.quantity: o.value for o in report.observations}


def written(folder: Path, text: str) -> Path:
    path = folder / "csynth.xml"
    path.write_text(text)
    return path


@needs_reports
@pytest.mark.parametrize(
    ("file", "tool", "version", "expected"),
    [
        (
            "vitis_hls_2024.1_xcvu9p/csynth.xml",
            "vitis_hls",
            "2024.1",
            {"lut": 188_486, "dsp": 0, "latency_cycles": 0, "ii_cycles": 1},
        ),
        (
            "vitis_hls_2024.1_xcvu9p_other_build/csynth.xml",
            "vitis_hls",
            "2024.1",
            {"lut": 44_405, "dsp": 42, "ff": 838, "clock_period_ns": 17.294},
        ),
        (
            "vivado_hls_2019.2_xc7z020/myproject_csynth.xml",
            "vivado_hls",
            "2019.2.1",
            {"lut": 33_365, "dsp": 118, "bram_18k": 285, "latency_cycles": 96_165},
        ),
        (
            "vivado_hls_2020.1_xc7z020/myproject_csynth.xml",
            "vivado_hls",
            "2020.1",
            {"lut": 2_532, "dsp": 73, "latency_cycles": 10, "ii_cycles": 8},
        ),
    ],
)
def test_reports_of_real_tools(
    file: str, tool: str, version: str, expected: dict[str, float]
) -> None:
    report = read_report(REPORTS / file)
    assert (report.tool, report.version) == (tool, version)
    found = values(report)
    assert {name: found[name] for name in expected} == expected
    assert {o.provenance for o in report.observations} == {"csynth"}


@needs_reports
def test_available_resources_come_along() -> None:
    report = read_report(REPORTS / "vivado_hls_2019.2_xc7z020" / "myproject_csynth.xml")
    available = {o.quantity: o.available for o in report.observations}
    assert available["bram_18k"] == 280  # the design does not fit, and says so
    assert available["latency_cycles"] is None


def test_only_the_top_function_counts(tmp_path: Path) -> None:
    found = values(read_report(written(tmp_path, REPORT.replace("LATENCY", "1044"))))
    assert found["latency_cycles"] == 1044
    assert found["ii_cycles"] == 1028
    assert found["clock_period_ns"] == 2.92
    assert "uram" not in found  # not reported is absent, never zero


@pytest.mark.parametrize("text", ["undef", "-", "?", "", "N/A"])
def test_an_undetermined_latency_is_absent(tmp_path: Path, text: str) -> None:
    found = values(read_report(written(tmp_path, REPORT.replace("LATENCY", text))))
    assert "latency_cycles" not in found
    assert found["ii_cycles"] == 1028


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB + REPORT, "document type or entities; refused"),
        (OUTSIDE + REPORT, "document type or entities; refused"),
        (REPORT[: len(REPORT) // 2], "not well formed"),
        ("", "empty; the tool may have been interrupted"),
        ("<profile></profile>", "not a report that trigforge reads"),
        ("<a>" * 200 + "\n<UserAssignments>", "nested deeper"),
        (REPORT.replace("LATENCY", "many"), "'many', expected a whole number"),
        (REPORT.replace("LATENCY", "-5"), "'-5', expected a whole number"),
        (REPORT.replace("LATENCY", "901").replace("2.920", "0"), "clock_period_ns is 0.0"),
        (REPORT.replace("<FF>30</FF>", "<FF>30</FF><FF>31</FF>"), "occurs twice"),
    ],
)
def test_broken_and_hostile_files_are_one_clear_error(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_report(written(tmp_path, text))


def test_utf16_hides_no_document_type(tmp_path: Path) -> None:
    path = tmp_path / "csynth.xml"
    path.write_bytes((BOMB + REPORT).encode("utf-16"))
    with pytest.raises(InputError, match="document type"):
        read_report(path)
    with pytest.raises(InputError, match="no such file"):
        read_report(tmp_path / "absent.xml")


# ------------------------------------------------------------------------------ the fake tool


def fake(folder: Path, name: str, body: str) -> str:
    """An executable in ``folder`` that runs a Python body; returns the search path."""
    folder.mkdir(exist_ok=True)
    script = folder / name
    script.write_text(f"#!{sys.executable}\nimport pathlib, subprocess, sys, time\n{body}\n")
    script.chmod(0o755)
    return str(folder)


def project(folder: Path) -> Path:
    folder.mkdir()
    (folder / "build_prj.tcl").write_text("source build_opt.tcl\n")
    (folder / "project.tcl").write_text('variable x\nset project_name "trigforge_model"\n')
    return folder


WRITE_REPORT = f"""
print("arguments", sys.argv[1:])
print(pathlib.Path("build_opt.tcl").read_text())
folder = pathlib.Path("trigforge_model_prj/solution1/syn/report")
folder.mkdir(parents=True, exist_ok=True)
(folder / "csynth.xml").write_text({REPORT.replace("LATENCY", "1044")!r})
"""


def test_no_tool_no_number(tmp_path: Path) -> None:
    assert find_vitis(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vitis_hls", "['-f', 'build_prj.tcl']"),
        ("vitis-run", "['--mode', 'hls', '--tcl', 'build_prj.tcl']"),
    ],
)
def test_the_tool_on_the_path_is_run(tmp_path: Path, name: str, arguments: str) -> None:
    tool = find_vitis(fake(tmp_path / "bin", name, WRITE_REPORT))
    assert tool is not None and tool.name == name
    log = tmp_path / "logs" / "csynth.log"
    report = run_csynth(tool, project(tmp_path / "my project; rm -rf"), log)
    assert values(report)["latency_cycles"] == 1044
    text = log.read_text()
    assert f"arguments {arguments}" in text
    assert "synth      1" in text and "csim       0" in text


def test_the_newer_tool_comes_first(tmp_path: Path) -> None:
    fake(tmp_path / "bin", "vitis_hls", "")
    found = find_vitis(fake(tmp_path / "bin", "vitis-run", ""))
    assert found is not None and found.name == "vitis-run"


def test_a_stale_report_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    folder, log = project(tmp_path / "prj"), tmp_path / "log"
    good = find_vitis(fake(tmp_path / "good", "vitis_hls", WRITE_REPORT))
    failing = "print('ERROR: [HLS 200-70] out of licences'); sys.exit(1)"
    bad = find_vitis(fake(tmp_path / "bad", "vitis_hls", failing))
    silent = find_vitis(fake(tmp_path / "silent", "vitis_hls", ""))
    assert good and bad and silent
    run_csynth(good, folder, log)
    with pytest.raises(ToolError, match=r"exit code 1: ERROR: \[HLS 200-70\] out of licences"):
        run_csynth(bad, folder, log)
    run_csynth(good, folder, log)
    with pytest.raises(ToolError, match="ended without a synthesis report"):
        run_csynth(silent, folder, log)


def test_an_incomplete_project_is_refused(tmp_path: Path) -> None:
    tool = find_vitis(fake(tmp_path / "bin", "vitis_hls", WRITE_REPORT))
    assert tool is not None
    with pytest.raises(ToolError, match=r"build_prj\.tcl is missing"):
        run_csynth(tool, tmp_path, tmp_path / "log")


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody collects does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


HANG = """
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path("child.pid").write_text(str(child.pid))
time.sleep(60)
"""


def test_a_tool_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    folder = project(tmp_path / "prj")
    tool = find_vitis(fake(tmp_path / "bin", "vitis_hls", HANG))
    assert tool is not None
    seconds: list[float] = []
    with pytest.raises(ToolError, match="took longer than 5 s and was stopped"):
        run_csynth(tool, folder, tmp_path / "log", timeout_s=5.0, progress=seconds.append)
    child = int((folder / "child.pid").read_text())
    assert wait_until(lambda: not alive(child))
    assert seconds and seconds == sorted(seconds)


def test_ctrl_c_stops_the_tool(tmp_path: Path) -> None:
    folder = project(tmp_path / "prj")
    search = fake(tmp_path / "bin", "vitis_hls", HANG)
    code = (
        "import sys, pathlib\n"
        "from trigforge.hls.backends.vitis import find_vitis, run_csynth\n"
        "tool = find_vitis(sys.argv[1])\n"
        "try:\n"
        "    run_csynth(tool, pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    arguments = [sys.executable, "-c", code, search, str(folder), str(tmp_path / "log")]
    process = subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": ""})
    assert wait_until(
        lambda: (folder / "child.pid").is_file() and (folder / "child.pid").read_text()
    )
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    child = int((folder / "child.pid").read_text())
    assert wait_until(lambda: not alive(child))
