"""Running a vendor's tool: its output kept, everything it started stopped with it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from trigforge.train.errors import ToolError

_POLL_S = 0.2
_GRACE_S = 10.0


def run_tool(
    command: list[str],
    folder: Path,
    log: Path,
    timeout_s: float,
    progress: Callable[[float], None] | None = None,
) -> int:
    """Run a tool in a process group of its own; whatever happens, nothing of it is left running.

    Args:
        folder: where it works.
        log: takes its output and stays.
        progress: called a few times per second with the seconds that have passed.

    Returns:
        The exit code.

    Raises:
        ToolError: it cannot be started or takes longer than ``timeout_s``.
    """
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


def first_error(log: Path) -> str:
    """The first error line of the log."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("ERROR") or " ERROR:" in line:
            return line.strip()[:300]
    return "no error line in its output"


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
