"""The standalone emulator: built from the hls4ml project, checked against the integer emulator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trigforge.hls.session import Session
from trigforge.hls.stages.comparison import differing, vectors
from trigforge.hls.stages.firmware import library, load_project, lowered
from trigforge.train.artifacts import StageResult, sha256_json, versions
from trigforge.train.errors import ToolError

if TYPE_CHECKING:
    from trigforge.hls.backends.standalone import Identity
    from trigforge.hls.graph import Graph, Ints


def identity(session: Session) -> Identity:
    """What the library says of itself."""
    from trigforge.hls.backends.standalone import Identity

    return Identity(
        model=session.options.model,
        version=versions("trigforge")["trigforge"],
        recipe_sha256=sha256_json(session.deployable),
    )


def standalone(session: Session) -> StageResult:
    """A folder with the library, its header, its sources and an example.

    Raises:
        ToolError: it did not compile, or differs from the integer emulator.
    """
    before, who = library(session), identity(session)
    limit = session.deployable.hls.csim_events

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.hls.backends.csim import compiler_version
        from trigforge.hls.backends.standalone import compile_standalone, write_standalone
        from trigforge.hls.emulator import Emulator

        project, _ = load_project(session)
        graph = lowered(session)
        work.mkdir(parents=True, exist_ok=True)
        write_standalone(project, graph, who, folder)
        compiled = compile_standalone(who, folder, work / "compile.log")
        x = _inputs(session, graph)
        found, seconds = evaluate(who, compiled, x, graph, session.options.workers, work)
        emulated = Emulator(graph).run(x)
        expected = np.concatenate([emulated[y].reshape(len(x), -1) for y in graph.outputs], axis=1)
        if len(differs := differing(found, expected)):
            raise ToolError(
                f"{compiled.name} differs from the integer emulator, first in vector {differs[0]} "
                f"of {len(x)}; run trigforge csim {who.model}, which names the layer"
            )
        info["compiler"] = f"g++ {compiler_version()}"
        info["vectors"] = len(x)
        info["events_per_s"] = round(len(x) / seconds, 3)
        info["threads"] = session.options.workers

    return session.stage(
        "emulator",
        [who, limit],
        {"library": before.manifest.key},
        ("train", "quantize", "hls"),
        run,
    )


def evaluate(
    who: Identity, library: Path, x: Ints, graph: Graph, threads: int, work: Path
) -> tuple[Ints, float]:
    """What a built library gives for (N, ...) input integers, in a process of its own.

    Returns:
        (N, values of all outputs) integers, and the seconds that the events took.

    Raises:
        ToolError: it refused the inputs or ended early.
    """
    from trigforge.hls.backends.standalone import tensors

    width = sum(t.values for t in tensors(graph, graph.outputs))
    source, target = work / "in.npy", work / "out.npy"
    np.save(source, x.reshape(len(x), -1).astype(np.int64))
    worker = Path(__file__).parents[1] / "backends" / "standalone_worker.py"
    done = subprocess.run(
        [
            *(sys.executable, str(worker), str(library.resolve()), who.prefix),
            *(str(source), str(target), str(width), str(threads)),
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise ToolError(
            f"{library.name} ended with status {done.returncode}: "
            f"{words[-1] if words else 'no message'}; write the project anew"
        )
    found: Ints = np.load(target, allow_pickle=False)
    return found, float(done.stdout.splitlines()[-1])


def _inputs(session: Session, graph: Graph) -> Ints:
    """(N, ...) integers: as many events (or random inputs) as C-simulation gets, and extremes."""
    from trigforge.hls.stages import imported
    from trigforge.hls.vectors import to_input

    if session.imported is not None:
        found = imported.vectors(graph)
    else:
        (edge,) = graph.inputs.values()
        grid = session.samples.format.fraction
        found = {kind: to_input(x, edge, grid) for kind, x in vectors(session).items()}
    usual = next(x for kind, x in found.items() if kind != "extreme")
    return np.concatenate([usual[: session.deployable.hls.csim_events], found["extreme"]])
