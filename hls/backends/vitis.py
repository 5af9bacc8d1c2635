"""Run C-synthesis of an hls4ml project when Vitis is on the PATH.

Without Vitis nothing happens and the estimate remains. With it the tool runs in a process group of
its own, its output goes to a log file that is kept, and a run that was interrupted, timed out or
failed leaves no report behind that could be taken for a fresh one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trigforge.hls.reports.tools.recognise import read_report
from trigforge.hls.reports.tools.record import Record
from trigforge.train.errors import ToolError

TIMEOUT_S = 6 * 3600.0
_POLL_S = 0.2
_GRACE_S = 10.0

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
    code = _run(tool.command("build_prj.tcl"), project, log, timeout_s, progress)
    if code != 0:
        raise ToolError(f"{tool.name} failed with exit code {code}: {_reason(log)}; see {log}")
    reports = _reports(project)
    if not reports:
        raise ToolError(f"{tool.name} ended without a synthesis report: {_reason(log)}; see {log}")
    return read_report(reports[0])


def _reports(project: Path) -> list[Path]:
    """Reports of the top function, the plain ``csynth.xml`` first."""
    top = re.search(r"set project_name \"?(\w+)", (project / "project.tcl").read_text())
    folder = project / f"{top[1] if top else '*'}_prj" / "solution1" / "syn" / "report"
    names = ("csynth.xml", f"{top[1]}_csynth.xml") if top else ("csynth.xml",)
    return [path for name in names if (path := folder / name).is_file()]


def _run(
    command: list[str],
    folder: Path,
    log: Path,
    timeout_s: float,
    progress: Callable[[float], None] | None,
) -> int:
    with log.open("wb") as stream:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(f"{command[0]}: cannot be started ({error.strerror})") from None
        waited = 0.0
        try:
            while waited < timeout_s:
                try:
                    return process.wait(timeout=_POLL_S)
                except subprocess.TimeoutExpired:
                    waited += _POLL_S
                    if progress is not None:
                        progress(waited)
            raise ToolError(
                f"{Path(command[0]).name} took longer than {timeout_s:.0f} s and was stopped; "
                f"see {log}"
            )
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the tool and everything that it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _reason(log: Path) -> str:
    """The first error line of the log."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("ERROR") or " ERROR:" in line:
            return line.strip()[:300]
    return "no error line in its output"
