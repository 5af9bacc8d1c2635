"""Logic synthesis with Yosys for UltraScale+: what the Verilog costs, before place and route."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigforge.hls.reports.tools.yosys import occupied, read_yosys_json
from trigforge.hls.rtl.blocks import Design
from trigforge.train.errors import ToolError

STATISTICS = "yosys.json"
SCRIPT = "synthesis.ys"
LOG = "yosys.log"
SECONDS = 3600
QUANTITIES = ("lut", "ff", "carry4", "dsp", "bram_18k", "uram")
SENTENCE = "logic synthesis, before place and route"

# pads and clock buffers belong to the board; products are LUTs, because level 1 grants no DSPs
FLAGS = "-family xcup -noiopad -noclkbuf -nodsp"

WORKER = """
import sys
try:
    from pyosys import libyosys
except ImportError as error:
    sys.exit(f"{error}: synthesis needs the packages of the extra 'rtl'; "
             "run pip install 'trigforge[rtl]'")
libyosys.run_pass("script " + sys.argv[1], libyosys.Design())
"""


@dataclass(frozen=True)
class Synthesised:
    """Cells by what they occupy.

    Attributes:
        total: what the design occupies: :data:`QUANTITIES`, carry chains in blocks of four bits.
        modules: the same of every module.
        version: of Yosys.
    """

    total: Mapping[str, int]
    modules: Mapping[str, Mapping[str, int]]
    version: str


def script(design: Design) -> str:
    """What Yosys is told."""
    names = [f"{block.name}.v" for block in design.blocks]
    return "\n".join(
        [
            f"read_verilog {' '.join([*names, f'{design.name}.v'])}",
            f"synth_xilinx {FLAGS} -top {design.name}",
            f"tee -q -o {STATISTICS} stat -json",
            "",
        ]
    )


def synthesise(design: Design, folder: Path) -> Synthesised:
    """Synthesise the Verilog in ``folder``.

    Raises:
        ToolError: Yosys is missing or failed.
    """
    (folder / SCRIPT).write_text(script(design), encoding="utf-8")
    with (folder / LOG).open("w", encoding="utf-8") as log:
        try:
            done = subprocess.run(
                [sys.executable, "-c", WORKER, SCRIPT],
                cwd=folder,
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"Yosys took more than {SECONDS} s, see {folder / LOG}") from error
    if done.returncode or not (folder / STATISTICS).is_file():
        said = " ".join(done.stderr.strip().splitlines()[-2:])
        raise ToolError(f"Yosys failed: {said}; see {folder / LOG}")
    return read(folder / STATISTICS)


def read(path: Path) -> Synthesised:
    """The statistics that Yosys wrote, checked as every report is.

    Raises:
        InputError: they are cut short, or name cells that are no part of a device.
    """
    data = json.loads(path.read_text(encoding="utf-8"))
    record = read_yosys_json(data, path.name)
    modules = {
        str(name).lstrip("\\"): _counts(entry["num_cells_by_type"])
        for name, entry in data["modules"].items()
    }
    return Synthesised(
        total={key: sum(module[key] for module in modules.values()) for key in QUANTITIES},
        modules=modules,
        version=record.version,
    )


def _counts(cells: Mapping[str, Any]) -> dict[str, int]:
    """What the cells of a module occupy; the modules inside it count for themselves."""
    return {**occupied(cells), "carry4": int(cells.get("CARRY4", 0))}
