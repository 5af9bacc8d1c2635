"""Run C-synthesis of an hls4ml project when Vitis is on the PATH.

Without Vitis nothing happens and the estimate remains. With it the tool runs in a process group of
its own, its output goes to a log file that is kept, and a run that was interrupted, timed out or
failed leaves no report behind that could be taken for a fresh one.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trigforge.hls.backends.vendor_tool import first_error, run_tool
from trigforge.hls.reports.tools.recognise import read_report
from trigforge.hls.reports.tools.record import Record
from trigforge.train.errors import ToolError

TIMEOUT_S = 6 * 3600.0

# options that hls4ml's build_prj.tcl reads: synthesis only, from scratch
_OPTIONS = {
    "reset": 1,
    "csim": 0,
    "synth": 1,
    "cosim": 0,
    "validation": 0,
    "export": 0,
    "vsynth": 0,
    "fifo_opt": 0,
}


@dataclass(frozen=True)
class VitisTool:
    """An executable that runs hls4ml's Tcl script."""

    name: str
    path: Path

    def command(self, script: str) -> list[str]:
        """The argument list that runs a Tcl script."""
        if self.name == "vitis-run":  # Vitis 2024 and later
            return [str(self.path), "--mode", "hls", "--tcl", script]
        return [str(self.path), "-f", script]


def find_vitis(search_path: str | None = None) -> VitisTool | None:
    """The tool on the PATH, ``vitis-run`` before ``vitis_hls``; absent when there is none.

    Args:
        search_path: used instead of the PATH of the environment.
    """
    for name in ("vitis-run", "vitis_hls"):
        found = shutil.which(name, path=search_path)
        if found:
            return VitisTool(name, Path(found))
    return None


def run_csynth(
    tool: VitisTool,
    project: Path,
    log: Path,
    timeout_s: float = TIMEOUT_S,
    progress: Callable[[float], None] | None = None,
) -> Record:
    """Synthesise an hls4ml project and read its report.

    Args:
        project: folder with ``build_prj.tcl`` and ``project.tcl``.
        log: where the tool's output goes; kept whatever happens.
        progress: called a few times per second with the seconds that have passed.

    Raises:
        ToolError: the project is incomplete, the tool failed or took too long, or no report came.
        KeyboardInterrupt: passed on after the tool has been stopped.
    """
    for name in ("build_prj.tcl", "project.tcl"):
        if not (project / name).is_file():
            raise ToolError(f"{project}: {name} is missing; write the hls4ml project first")
    for stale in _reports(project):
        stale.unlink()
    options = "".join(f"    {name:<10} {value}\n" for name, value in _OPTIONS.items())
    (project / "build_opt.tcl").write_text(f"array set opt {{\n{options}}}\n", encoding="utf-8")
    log.parent.mkdir(parents=True, exist_ok=True)
    code = run_tool(tool.command("build_prj.tcl"), project, log, timeout_s, progress)
    if code != 0:
        raise ToolError(f"{tool.name} failed with exit code {code}: {first_error(log)}; see {log}")
    reports = _reports(project)
    if not reports:
        raise ToolError(
            f"{tool.name} ended without a synthesis report: {first_error(log)}; see {log}"
        )
    return read_report(reports[0])


def _reports(project: Path) -> list[Path]:
    """Reports of the top function, the plain ``csynth.xml`` first."""
    top = re.search(r"set project_name \"?(\w+)", (project / "project.tcl").read_text())
    folder = project / f"{top[1] if top else '*'}_prj" / "solution1" / "syn" / "report"
    names = ("csynth.xml", f"{top[1]}_csynth.xml") if top else ("csynth.xml",)
    return [path for name in names if (path := folder / name).is_file()]
