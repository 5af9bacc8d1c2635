"""Bit accuracy: every pair of neighbouring stages on events, random masks and extremes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trigforge.hls.reports.report import BitAccuracy, Inputs, plain
from trigforge.hls.session import Session
from trigforge.hls.stages.firmware import (
    ACCURACY,
    MODEL,
    export,
    library,
    load_project,
    lowered,
    read_model,
)
from trigforge.hls.stages.models import architecture, load_quantised
from trigforge.hls.stages.progress import in_parts
from trigforge.train.artifacts import StageResult, read_json, write_json
from trigforge.train.schema import parse

if TYPE_CHECKING:
    from trigforge.hls.graph import Ints
    from trigforge.hls.vectors import Images

EVENTS = 1000
RANDOM = 1000
SEED = 2023
LOCATE_VECTORS = 4


def comparison(session: Session) -> StageResult:
    """Compare brevitas = qonnx = emulator = csim, and locate what differs."""
    if session.imported is not None:
        from trigforge.hls.stages.imported import imported_comparison

        return imported_comparison(session)

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        found: list[BitAccuracy] = []
        for kind, integers in vectors(session).items():
            found += _compare_kind(session, kind, integers)
        write_json(folder / ACCURACY, plain(found))

    before = export(session)
    return session.stage(
        "comparison",
        [session.recipe.hls.csim_events, EVENTS, RANDOM, SEED],
        {
            "model": before.manifest.outputs[MODEL],
            "library": library(session).manifest.key,
            "events": session.data_key,
        },
        ("train", "quantize", "hls"),
        run,
    )


def load_comparison(session: Session) -> tuple[BitAccuracy, ...]:
    """The comparisons of the finished stage."""
    path = comparison(session).folder / ACCURACY
    return tuple(parse(BitAccuracy, entry, str(path)) for entry in read_json(path))


def vectors(session: Session) -> dict[Inputs, Images]:
    """What is compared: half background and half signal events, random integers, extremes.

    Returns:
        Integers (N, H, W) or (N, V) on the grid of the input.
    """
    from trigforge.hls.grid_vectors import random_inputs
    from trigforge.hls.vectors import random_masks

    data, row = session.samples, architecture(session)
    shape, bits = row.input_shape(session.recipe), data.format.width
    share = EVENTS // 2 // max(len(data.signals), 1) + 1
    signal = [events.integers[:share] for events in data.signals.values()]
    events = np.concatenate([data.test.integers[: EVENTS - share * len(signal)], *signal])
    rng = np.random.default_rng(SEED)
    mixed = rng.permutation(events)
    if len(shape) == 2:
        random = random_masks(rng, RANDOM, *shape, bits)
    else:
        (edge,) = lowered(session).inputs.values()
        random = random_inputs(rng, RANDOM, edge)
    return {"events": mixed, "random": random, "extreme": extremes(session)}


def extremes(session: Session) -> Images:
    """Integers (N, H, W) or (N, V) at the ends of the input's format."""
    from trigforge.hls.grid_vectors import extreme_inputs
    from trigforge.hls.vectors import extreme_masks

    shape = architecture(session).input_shape(session.recipe)
    if len(shape) == 2:
        return extreme_masks(*shape, session.samples.format.width)
    return extreme_inputs(lowered(session))


def _compare_kind(session: Session, kind: Inputs, integers: Images) -> list[BitAccuracy]:
    from trigforge.hls import accuracy
    from trigforge.hls.coverage import CoverageObserver
    from trigforge.hls.emulator import Emulator
    from trigforge.hls.samples import values_of
    from trigforge.hls.vectors import to_input
    from trigforge.quantize.equality import run_brevitas, run_qonnx

    source, graph = read_model(session), lowered(session)
    path = export(session).folder / MODEL
    (output,) = graph.outputs
    (edge,) = graph.inputs.values()
    fraction = graph.edges[output].fraction
    grid = session.samples.format.fraction
    x, values = to_input(integers, edge, grid), values_of(integers, grid)

    twin = load_quantised(session)
    brevitas = in_parts(lambda v: run_brevitas(twin, v), values, f"{kind}: brevitas")
    qonnx = in_parts(lambda v: run_qonnx(path, v), values, f"{kind}: qonnx")
    left = accuracy.on_grid(brevitas, fraction, "Brevitas")
    right = accuracy.on_grid(qonnx, fraction, "QONNX")
    observer = CoverageObserver(graph)
    emulated = Emulator(graph, observe=observer).run(x, progress=f"{kind}: emulator")[output]

    differs = differing(right, emulated)
    first = None
    if len(differs):
        first = accuracy.locate_against_qonnx(source.graph, source, path, integers[differs])
        first = first or "lowering"
    results = [
        accuracy.compare(
            "brevitas", "qonnx", kind, left, right, first_layer=_some(left, right, "export")
        ),
        accuracy.compare(
            "qonnx",
            "emulator",
            kind,
            right,
            emulated,
            first_layer=first,
            coverage=observer.result(),
        ),
    ]
    if kind != "random":
        results.append(against_csim(session, kind, x))
    return results


def against_csim(session: Session, kind: Inputs, x: Ints) -> BitAccuracy:
    """The emulator against C-simulation, for all extremes and as many others as the recipe says.

    Args:
        x: (N, ...) input integers.
    """
    from trigforge.hls import accuracy
    from trigforge.hls.backends.csim import run_csim
    from trigforge.hls.coverage import CoverageObserver
    from trigforge.hls.emulator import Emulator

    if kind != "extreme":
        x = x[: session.deployable.hls.csim_events]
    graph = lowered(session)
    (output,) = graph.outputs
    project, compiled = load_project(session)
    observer = CoverageObserver(graph)
    emulated = Emulator(graph, observe=observer).run(x)[output]
    simulated = run_csim(
        project, compiled, graph, x, workers=session.options.workers, progress=True
    )[output]
    differs = differing(emulated, simulated)
    first = None
    if len(differs):
        first = accuracy.locate_against_csim(graph, project, compiled, x[differs]) or output
    return accuracy.compare(
        "emulator",
        "csim",
        kind,
        emulated,
        simulated,
        first_layer=first,
        coverage=observer.result(),
    )


def differing(left: Ints, right: Ints) -> Ints:
    """The first few vectors, of (N, ...), on which two stages differ."""
    return np.flatnonzero((left != right).reshape(len(left), -1).any(axis=1))[:LOCATE_VECTORS]


def _some(left: Any, right: Any, name: str) -> str | None:
    return None if np.array_equal(left, right) else name
