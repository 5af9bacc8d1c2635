"""Placing and routing the Verilog with Vivado, where it is on the PATH.

Out of context: without the board around it, pads and clock buffers. Products stay in LUTs, because
level 1 grants no DSPs.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from trigforge.hls.backends.vendor_tool import first_error, run_tool
from trigforge.hls.reports.observations import Observation
from trigforge.hls.reports.tools.recognise import read_report
from trigforge.hls.reports.tools.record import Record
from trigforge.hls.rtl.blocks import Design
from trigforge.train.errors import InputError, ToolError

SCRIPT = "vivado.tcl"
LOG = "vivado.log"
UTILISATION = "vivado_utilization.rpt"
TIMING = "vivado_timing.rpt"
TIMEOUT_S = 6 * 3600.0


@dataclass(frozen=True)
class Routed:
    """What Vivado said of the routed design."""

    utilisation: Record
    timing: Record

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Resources and the clock that was reached."""
        return (*self.utilisation.observations, *self.timing.observations)

    @property
    def note(self) -> str:
        """One sentence for the verdict."""
        timing = self.timing.timing
        assert timing is not None  # noqa: S101 # place_and_route has looked
        met = "meets" if timing.met else "does not meet"
        slack = "" if timing.wns_ns is None else f" with a slack of {timing.wns_ns:.3f} ns"
        asked = (
            "its clock" if timing.target_ns is None else f"a period of {timing.target_ns:.3f} ns"
        )
        return (
            f"Vivado {self.timing.version} placed and routed the RTL for {self.timing.part} out of "
            f"context: it {met} {asked}{slack}."
        )


def find_vivado(search_path: str | None = None) -> Path | None:
    """Vivado on the PATH, absent when there is none.

    Args:
        search_path: used instead of the PATH of the environment.
    """
    found = shutil.which("vivado", path=search_path)
    return None if found is None else Path(found)


def script(design: Design, part: str) -> str:
    """What Vivado is told; the clock is called ``clk``, see :mod:`trigforge.hls.rtl.verilog`."""
    files = [*(f"{block.name}.v" for block in design.blocks), f"{design.name}.v"]
    return "\n".join(
        [
            f"read_verilog {{{' '.join(files)}}}",
            f"synth_design -top {design.name} -part {part} -mode out_of_context -max_dsp 0",
            f"create_clock -name clk -period {design.period_ns:.3f} [get_ports clk]",
            "opt_design",
            "place_design",
            "phys_opt_design",
            "route_design",
            f"report_utilization -file {UTILISATION}",
            f"report_timing_summary -file {TIMING}",
            "",
        ]
    )


def place_and_route(
    vivado: Path, design: Design, part: str, folder: Path, timeout_s: float = TIMEOUT_S
) -> Routed:
    """Synthesise, place and route the Verilog in ``folder``, and read the reports.

    Args:
        part: as the vendor names it, package and speed grade included.

    Raises:
        ToolError: Vivado failed, took too long, or left no report of a routed design.
        InputError: a report is damaged.
    """
    (folder / SCRIPT).write_text(script(design, part), encoding="utf-8")
    for stale in (UTILISATION, TIMING):
        (folder / stale).unlink(missing_ok=True)
    log = folder / LOG
    command = [str(vivado), "-mode", "batch", "-nojournal", "-nolog", "-source", SCRIPT]
    code = run_tool(command, folder, log, timeout_s)
    if code:
        raise ToolError(f"vivado failed with exit code {code}: {first_error(log)}; see {log}")
    utilisation, timing = (_report(folder / name, log) for name in (UTILISATION, TIMING))
    if timing.timing is None or timing.timing.provenance != "routed":
        raise ToolError(f"{folder / TIMING}: not the timing of a routed design; see {log}")
    return Routed(utilisation, timing)


def _report(path: Path, log: Path) -> Record:
    if not path.is_file():
        raise ToolError(f"vivado ended without {path.name}: {first_error(log)}; see {log}")
    try:
        return read_report(path)
    except InputError as error:
        raise InputError(f"vivado's report cannot be used: {error}") from None
