"""Every operation in random, extreme and non-square cases: emulator and ONNX agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_oracle
import pytest
from cases import cases, vectors
from samples import SAMPLES

from trigforge.hls.coverage import CoverageObserver
from trigforge.hls.emulator import Emulator
from trigforge.hls.graph import Graph, Ints
from trigforge.hls.ops import InstanceNorm, Sphere

CASES, EVENTS, SEED = 3, 30, 14

# Integer arithmetic of our own: ONNX's operators of that name round elsewhere.
ABSENT_IN_ONNX = {InstanceNorm.op, Sphere.op}


def emulated(graphs: Mapping[str, Graph], x: Mapping[str, Ints]) -> dict[str, Ints]:
    """Output integers of every case."""
    return {case: Emulator(graph).run(x[case])[graph.outputs[0]] for case, graph in graphs.items()}


def check_onnx(graphs: Mapping[str, Graph], x: Mapping[str, Ints]) -> set[str]:
    """Compare emulator and ONNX; returns the operations that ONNX lacks."""
    absent = set()
    for case, y in emulated(graphs, x).items():
        graph = graphs[case]
        (source,) = graph.inputs.values()
        target = graph.edges[graph.outputs[0]]
        found = onnx_oracle.run(graph, x[case] * 2.0**-source.fraction)
        if found is None:
            absent.add(case.rstrip("0123456789"))
        else:
            assert np.array_equal(found, y * 2.0**-target.fraction), case
    return absent


def test_the_emulator_equals_onnx() -> None:
    graphs = cases(3, SEED + 1)
    assert check_onnx(graphs, vectors(graphs, 8, SEED)) == ABSENT_IN_ONNX


def test_images_are_higher_or_wider_but_never_square() -> None:
    shapes = [next(iter(graph.inputs.values())).shape for graph in cases(CASES, SEED).values()]
    images = [shape for shape in shapes if len(shape) == 3]
    assert {shape[0] > shape[1] for shape in images} == {True, False}
    assert all(shape[0] != shape[1] for shape in images)
    assert {shape[axis] % 2 for shape in images for axis in (0, 1)} == {0, 1}


@pytest.mark.slow
def test_the_vectors_reach_the_corners_of_every_operation() -> None:
    graphs = cases(CASES, SEED)
    x = vectors(graphs, EVENTS, SEED)
    seen: dict[str, list[dict[str, bool | None]]] = {}
    for case, graph in graphs.items():
        observer = CoverageObserver(graph)
        Emulator(graph, observe=observer).run(x[case])
        found = observer.result()[graph.outputs[0]]
        seen.setdefault(case.rstrip("0123456789"), []).append(vars(found))
    assert set(seen) == {kind.op for kind in SAMPLES}
    for op, found_by_case in seen.items():
        for corner in ("positive", "negative"):
            assert any(found[corner] for found in found_by_case), (op, corner)
    for corner in ("zero", "half", "saturated_low", "saturated_high"):
        assert any(found[corner] for found in seen["quantise"]), corner
