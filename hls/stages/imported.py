"""Imported files: compared and judged without events, on random integers and extremes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigforge.hls.recipe import ImportedConfig
from trigforge.hls.reports.report import BitAccuracy, Inputs, Report, plain
from trigforge.hls.session import Session
from trigforge.hls.stages.comparison import (
    against_csim,
    comparison,
    differing,
)
from trigforge.hls.stages.firmware import ACCURACY, MODEL, export, library, lowered, read_model
from trigforge.train.artifacts import StageResult, write_json

if TYPE_CHECKING:
    from trigforge.hls.graph import Graph, Ints
    from trigforge.hls.read_qonnx import QonnxGraph

RANDOM = 400
SEED = 2023
STAGES = ("qonnx", "emulator", "csim")
REQUIRED: dict[Inputs, tuple[str, ...]] = {"random": STAGES, "extreme": STAGES}


def vectors(graph: Graph, count: int = RANDOM) -> dict[Inputs, Ints]:
    """Integers that an imported network is compared on."""
    import numpy as np

    from trigforge.hls.grid_vectors import extreme_inputs, random_inputs

    (edge,) = graph.inputs.values()
    return {
        "random": random_inputs(np.random.default_rng(SEED), count, edge),
        "extreme": extreme_inputs(graph),
    }


def against_oracle(
    source: QonnxGraph, graph: Graph, path: Path, kind: Inputs, x: Ints
) -> BitAccuracy:
    """The file itself against the emulated, lowered graph.

    Args:
        source: what was read from ``path``.
        graph: ``source.graph`` lowered.
        x: (N, ...) input integers.
    """
    from trigforge.hls import accuracy
    from trigforge.hls.coverage import CoverageObserver
    from trigforge.hls.emulator import Emulator
    from trigforge.hls.oracle import Oracle

    (output,), (edge,) = graph.outputs, graph.inputs.values()
    y = graph.edges[output]
    values = Oracle(path, source.output.name).run(x, edge)[source.output.name]
    left = accuracy.on_grid(source.output.to_edge(values), y.fraction, "QONNX")
    observer = CoverageObserver(graph)
    right = Emulator(graph, observe=observer).run(x)[output]
    left = left.reshape(right.shape)
    differs = differing(left, right)
    first = None
    if len(differs):
        first = _locate(source, path, x[differs]) or "lowering"
    return accuracy.compare(
        "qonnx", "emulator", kind, left, right, first_layer=first, coverage=observer.result()
    )


def imported_comparison(session: Session) -> StageResult:
    """Compare qonnx = emulator = csim, and locate what differs."""

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        source, graph = read_model(session), lowered(session)
        found: list[BitAccuracy] = []
        for kind, x in vectors(graph).items():
            path = export(session).folder / MODEL
            found.append(against_oracle(source, graph, path, kind, x))
            found.append(against_csim(session, kind, x))
        write_json(folder / ACCURACY, plain(found))

    return session.stage(
        "comparison",
        [session.deployable.hls.csim_events, RANDOM, SEED],
        {
            "model": export(session).manifest.outputs[MODEL],
            "library": library(session).manifest.key,
        },
        ("hls",),
        run,
    )


def judge_imported(session: Session, config: ImportedConfig, reports: Path) -> Report:
    """Run what is missing, judge without physics, and write JSON and Markdown."""
    from trigforge.hls.reports.verdict import judge
    from trigforge.hls.stages.evidence import evidence
    from trigforge.hls.stages.hardware import hardware
    from trigforge.hls.stages.judgement import assemble, write

    for stage in (library, comparison, hardware):
        stage(session)
    found = evidence(session, REQUIRED)
    cut = "" if config.output is None else f", cut at {config.output}"
    said = (
        f"Imported from {config.file} (sha256 {config.sha256[:12]}{cut}): no events, so nothing is "
        "said about physics.",
        *read_model(session).notes,
    )
    verdict = judge(
        session.budget,
        session.deployable.budget,
        observations=found.observations,
        compute_units=found.compute_units,
        physics=None,
        bit_accuracy=found.accuracy,
        required=found.required,
        remarks=(*said, *found.notes),
    )
    report = assemble(session, verdict=verdict, found=found, physics=None, dataset=None)
    write(session, report, reports)
    return report


def _locate(source: QonnxGraph, path: Path, x: Ints) -> str | None:
    """First node, as read, whose tensor differs from the file's."""
    from trigforge.hls import accuracy
    from trigforge.hls.emulator import Emulator
    from trigforge.hls.oracle import Oracle

    graph = source.graph
    edges = [node.output for node in graph.nodes if node.output in source.tensors]
    names = {edge: source.tensors[edge].name for edge in edges}
    (start,) = graph.inputs.values()
    tensors = Oracle(path, source.output.name, tuple(names.values())).run(x, start)
    left = Emulator(graph, edges).run(x)
    right = {}
    for edge, name in names.items():
        values = source.tensors[edge].to_edge(tensors[name])
        found = accuracy.on_grid(values, graph.edges[edge].fraction, f"tensor {name}")
        right[edge] = found.reshape(left[edge].shape)
    return accuracy.first_difference(graph, left, right)
