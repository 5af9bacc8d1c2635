"""C-simulation: compile an hls4ml project and run events through it, in other processes."""

from __future__ import annotations

import math
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from trigforge.hls.backends.hls4ml_project import Project
from trigforge.hls.emulator import check_input
from trigforge.hls.graph import Graph, Ints
from trigforge.train.errors import ToolError

Values = NDArray[np.float64]

WORKER = Path(__file__).with_name("csim_worker.py")
COMPILER = "g++"
# What g++ 12 writes when the system denies it memory, or ends it for lack of some.
STARVED = ("out of memory", "memory exhausted", "cannot allocate memory", "killed signal")


def require_compiler() -> str:
    """Path of the C++ compiler.

    Raises:
        ToolError: there is none on the PATH.
    """
    found = shutil.which(COMPILER)
    if found is None:
        raise ToolError(
            f"no {COMPILER} on the PATH; C-simulation compiles the generated C++: install g++ "
            "(Debian: apt-get install g++) and run the command again"
        )
    return found


def compiler_version() -> str:
    """Version that the compiler states."""
    command = [require_compiler(), "-dumpfullversion"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def compile_project(project: Project, *, optimise: int = 3) -> Path:
    """Compile the project's library; the compiler's words are kept in ``compile.log``.

    Args:
        optimise: g++'s level, 0 to 3, which is hls4ml's; a low one compiles sooner and runs slower.

    Raises:
        ToolError: no compiler, it failed, or it was killed.
    """
    require_compiler()
    log = project.folder / "compile.log"
    for old in (project.folder / "firmware").glob("*.so"):
        old.unlink()
    script = (project.folder / "build_lib.sh").read_text(encoding="utf-8")
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(
            ["bash", "-c", script.replace("-O3", f"-O{optimise}"), "build_lib.sh"],
            cwd=project.folder,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    libraries = sorted((project.folder / "firmware").glob("*.so"))
    if done.returncode or len(libraries) != 1:
        raise ToolError(why_not_compiled(done.returncode, log))
    return libraries[0]


def why_not_compiled(code: int, log: Path) -> str:
    """One sentence; a compiler without memory says so in its log, or is killed by the system."""
    words = log.read_text(encoding="utf-8", errors="replace").splitlines()
    short = [line for line in words if any(sign in line.lower() for sign in STARVED)]
    if code > 128:
        code = 128 - code  # bash's way of naming the signal that ended its child
    if short or code == -signal.SIGKILL:
        said = short[-1].strip() if short else f"it ended with {_status(code)}"
        return (
            f"{COMPILER} was killed or ran out of memory on the generated C++ ({said}): "
            f"free some memory, or run with fewer processes, and compile again; see {log}"
        )
    ended = f"exit {code}" if code >= 0 else _status(code)
    return f"{COMPILER} failed on the generated C++ ({ended}): see {log}"


def run_csim(
    project: Project,
    library: Path,
    graph: Graph,
    x: Ints | Mapping[str, Ints],
    *,
    workers: int = 2,
    keep: Sequence[str] = (),
    progress: bool = False,
) -> dict[str, Ints]:
    """Integers of the outputs, and of the edges in ``keep``, for input integers ``x``.

    Args:
        x: (N, H, W, C) or (N, C) integers on the input grid; by input where there are several.
        workers: processes to share the events.
        keep: edges that the project has a layer for; see :attr:`Project.traced`.

    Returns:
        Edge name -> (N, ...) integers.

    Raises:
        InputError: ``x`` does not fit the graph.
        ToolError: the generated code aborted; the message carries its last words.
    """
    given = x if isinstance(x, Mapping) else dict.fromkeys(graph.inputs, x)
    for name, edge in graph.inputs.items():
        check_input(edge, given[name], graph.name)
    events = [
        given[name].reshape(len(given[name]), -1) * np.float64(2.0**-edge.fraction)
        for name, edge in graph.inputs.items()
    ]
    count = len(events[0])
    sizes = {project.traced[name]: math.prod(graph.edges[name].shape) for name in keep}
    parts = np.array_split(np.arange(count), min(workers, count))
    with tempfile.TemporaryDirectory(prefix="trigforge-csim-") as folder:
        jobs = [
            _start(Path(folder), i, project, library, graph, [e[part] for e in events], sizes)
            for i, part in enumerate(parts)
        ]
        _wait(jobs, count, progress, project.folder)
        results = [dict(np.load(Path(folder) / f"out{i}.npz")) for i in range(len(parts))]
    wanted = {name: f"output {i}" for i, name in enumerate(graph.outputs)}
    wanted |= {name: project.traced[name] for name in keep}
    return {
        edge_name: _integers(np.concatenate([r[key] for r in results]), graph, edge_name)
        for edge_name, key in wanted.items()
    }


def _start(
    folder: Path,
    index: int,
    project: Project,
    library: Path,
    graph: Graph,
    events: list[Values],
    sizes: dict[str, int],
) -> subprocess.Popen[str]:
    np.savez(folder / f"in{index}.npz", *events)
    widths = ",".join(str(math.prod(graph.edges[name].shape)) for name in graph.outputs)
    command = [
        *(sys.executable, str(WORKER), str(library.resolve()), f"{project.name}_double"),
        *(str(folder / f"in{index}.npz"), str(folder / f"out{index}.npz"), widths),
        *(f"{layer}={size}" for layer, size in sizes.items()),
    ]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder
    )


def _wait(jobs: list[subprocess.Popen[str]], total: int, progress: bool, where: Path) -> None:
    """Follow the workers' event counters to the end; end them all if anything goes wrong."""
    try:
        with (
            selectors.DefaultSelector() as selector,
            tqdm(total=total, desc="C-simulation", unit="event", disable=not progress) as bar,
        ):
            for job in jobs:
                selector.register(_pipe(job.stdout), selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    stream: IO[str] = key.fileobj  # type: ignore[assignment]
                    if stream.readline():
                        bar.update()
                    else:
                        selector.unregister(stream)
        for job in jobs:
            words = _pipe(job.stderr).read().strip().splitlines()
            if job.wait():
                raise ToolError(
                    f"C-simulation of {where} ended with {_status(job.returncode)}: "
                    f"{words[-1] if words else 'no message'}; the generated C++ asserted or left "
                    "its arrays: look there, or write the project anew"
                )
    finally:
        for job in jobs:
            if job.poll() is None:
                job.kill()
            with job:
                pass


def _status(code: int) -> str:
    """An exit status, or the name of the signal behind a negative one."""
    return signal.Signals(-code).name if code < 0 else f"status {code}"


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise ValueError("the worker was started without a pipe")
    return stream


def _integers(values: Values, graph: Graph, name: str) -> Ints:
    edge = graph.edges[name]
    scaled = values * 2.0**edge.fraction
    integers = scaled.astype(np.int64)
    if not np.array_equal(integers, scaled):
        raise ToolError(f"C-simulation gave values of edge {name} that are off its grid")
    return integers.reshape(-1, *edge.shape)
