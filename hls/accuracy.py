"""Do two stages give the same integers, and if not, which layer differs first?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.backends.csim import run_csim
from trigforge.hls.backends.hls4ml_project import Project
from trigforge.hls.emulator import Emulator
from trigforge.hls.graph import Graph, Ints
from trigforge.hls.read_qonnx import QonnxGraph
from trigforge.hls.reports.report import BitAccuracy, EdgeCoverage, Inputs, Stage
from trigforge.hls.samples import values_of
from trigforge.hls.vectors import to_input
from trigforge.quantize.equality import run_qonnx_tensors
from trigforge.train.errors import TrigforgeError


def on_grid(values: NDArray[np.float64], fraction: int, what: str) -> Ints:
    """Integers behind floating-point values.

    Raises:
        TrigforgeError: a value is not a multiple of 2^-fraction.
    """
    scaled = values.astype(np.float64) * 2.0**fraction
    integers = scaled.astype(np.int64)
    if not np.array_equal(integers, scaled):
        worst = float(np.abs(scaled - np.rint(scaled)).max())
        raise TrigforgeError(
            f"{what} gives values up to {worst:.3g} LSB off the grid 2^-{fraction}; "
            "its scales are not powers of two, or a sum left float32's 24 bits"
        )
    return integers


def compare(
    a: Stage,
    b: Stage,
    inputs: Inputs,
    left: Ints,
    right: Ints,
    *,
    first_layer: str | None = None,
    coverage: Mapping[str, EdgeCoverage] | None = None,
) -> BitAccuracy:
    """Count differences between two arrays of integers of the same shape, (N, ...)."""
    if left.shape != right.shape:
        raise ValueError(f"{a} gives {left.shape}, {b} gives {right.shape}")
    difference = np.abs(left - right)
    return BitAccuracy(
        a=a,
        b=b,
        inputs=inputs,
        vectors=len(left),
        values=left.size,
        mismatches=int(np.count_nonzero(difference)),
        max_abs_lsb=int(difference.max(initial=0)),
        first_layer=first_layer,
        coverage=coverage or {},
    )


def first_difference(
    graph: Graph, left: Mapping[str, Ints], right: Mapping[str, Ints]
) -> str | None:
    """Name of the first node, in execution order, whose output differs where both are known."""
    for node in graph.nodes:
        if node.output in left and node.output in right:
            a, b = left[node.output], right[node.output]
            if not np.array_equal(a, b):
                return node.name
    return None


def locate_against_qonnx(
    emulated: Graph, source: QonnxGraph, path: Path, integers: NDArray[Any]
) -> str | None:
    """First layer where an emulated, unlowered graph and its QONNX file differ.

    Args:
        emulated: the graph under suspicion, with the edges of ``source.graph``.
        source: what :func:`~trigforge.hls.read_qonnx.read_qonnx` read from ``path``.
        integers: (N, ...) inputs, on the grid of the graph's, that show the difference; a few are
            enough.
    """
    edges = [node.output for node in source.graph.nodes]
    names = {edge: source.tensors[edge].name for edge in edges}
    (start,) = emulated.inputs.values()
    values = values_of(integers, start.fraction)
    tensors = run_qonnx_tensors(path, values, tuple(names.values()))
    right = {}
    for edge, name in names.items():
        found = source.tensors[edge].to_edge(tensors[name])
        right[edge] = on_grid(found, source.graph.edges[edge].fraction, f"QONNX tensor {name}")
    left = Emulator(emulated, edges).run(to_input(integers, start, start.fraction))
    return first_difference(source.graph, left, right)


def locate_against_csim(graph: Graph, project: Project, library: Path, x: Ints) -> str | None:
    """First layer where the emulator and C-simulation differ, from C-simulation's traces."""
    edges = [node.output for node in graph.nodes if node.output in project.traced]
    left = Emulator(graph, edges).run(x)
    right = run_csim(project, library, graph, x, keep=edges)
    return first_difference(graph, left, right)
