"""Every operation in random, extreme and non-square cases: all executions agree.

Python integers, emulator, ONNX reference evaluator (where the operation exists there) and
C-simulation in io_parallel and io_stream; one compilation per io type.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx_oracle
import pytest
import reference
from cases import cases, merged, rounded_leakies, vectors

from trigforge.hls.backends.csim import compile_project, run_csim
from trigforge.hls.backends.hls4ml_project import WRITERS, ProjectConfig, build_project
from trigforge.hls.backends.layer_list import IoType
from trigforge.hls.backends.processes import is_fused
from trigforge.hls.coverage import CoverageObserver
from trigforge.hls.emulator import Emulator
from trigforge.hls.graph import Graph, Ints
from trigforge.hls.operations import OPERATIONS
from trigforge.hls.ops import Conv, InstanceNorm, Mul, Quantise, Sphere, Thresholds, Total

# the tests below refuse a seed whose draws leave out a corner
CASES, EVENTS, SEED = 3, 30, 36

# Integer arithmetic of our own: ONNX's operators of that name round elsewhere.
ABSENT_IN_ONNX = {InstanceNorm.op, Sphere.op}


def emulated(graphs: Mapping[str, Graph], x: Mapping[str, Ints]) -> dict[str, Ints]:
    """Output integers of every case."""
    return {case: Emulator(graph).run(x[case])[graph.outputs[0]] for case, graph in graphs.items()}


def check_twin(graphs: Mapping[str, Graph], x: Mapping[str, Ints]) -> None:
    """Compare the emulator and Python integers."""
    for case, y in emulated(graphs, x).items():
        for event, found in zip(x[case], y, strict=True):
            twin = reference.run(graphs[case], event)[graphs[case].outputs[0]]
            assert np.array_equal(twin.astype(np.int64), found), case


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


def test_the_emulator_equals_onnx_and_python_integers() -> None:
    graphs = cases(3, SEED + 1)
    x = vectors(graphs, 8, SEED)
    assert check_onnx(graphs, x) == ABSENT_IN_ONNX
    check_twin(graphs, x)


def test_no_operation_is_without_a_case() -> None:
    graphs = cases(CASES, SEED)
    for name, row in OPERATIONS.items():
        alone = [graph for case, graph in graphs.items() if case.rstrip("0123456789") == name]
        assert len(alone) >= CASES, name
        assert all(any(type(node) is row.node for node in graph.nodes) for graph in alone), name
    # and after lowering every operation with an hls4ml cell is among what is compiled
    assert {type(node) for node in merged(graphs).nodes} == set(WRITERS)


def test_the_cases_differ_in_what_they_ask_for() -> None:
    nodes = [graph.nodes[-1] for graph in cases(CASES, SEED).values()]
    quantisers = {
        (n.rounding, n.narrow, n.clip is not None) for n in nodes if isinstance(n, Quantise)
    }
    assert {(rounding, clipped) for rounding, _, clipped in quantisers} == {
        ("floor", False), ("floor", True), ("half_even", False), ("half_even", True)
    }  # fmt: skip
    assert ("floor", True, False) in quantisers and ("half_even", True, False) in quantisers
    assert {int(s) for n in nodes if isinstance(n, Thresholds) for s in n.step} == {-1, 1, 2}
    assert {n.groups for n in nodes if isinstance(n, Conv)} == {1, 2}
    assert {n.strides[0] == n.strides[1] for n in nodes if isinstance(n, Conv)} == {True, False}
    assert {len(set(n.inputs)) for n in nodes if isinstance(n, Mul)} == {1, 2}
    assert {n.channels for n in nodes if isinstance(n, Total)} == {True, False}


def test_some_quantisers_drop_more_bits_than_there_are() -> None:
    missing = {"floor": 0, "half_even": 0}
    for graph in cases(CASES, SEED).values():
        node = graph.nodes[-1]
        if isinstance(node, Quantise):
            (x,) = graph.node_inputs(node)
            missing[node.rounding] += x.fraction - node.format.fraction > x.format.width
    assert all(missing.values()), missing
    fused = [is_fused(graph, graph.nodes[-1]) for graph in rounded_leakies().values()]
    assert fused == [True, False]


def test_images_are_higher_or_wider_but_never_square() -> None:
    shapes = [next(iter(graph.inputs.values())).shape for graph in cases(CASES, SEED).values()]
    images = [shape for shape in shapes if len(shape) == 3]
    assert {shape[0] > shape[1] for shape in images} == {True, False}
    assert all(shape[0] != shape[1] for shape in images)
    assert {shape[axis] % 2 for shape in images for axis in (0, 1)} == {0, 1}


def test_the_vectors_reach_the_corners_of_every_operation() -> None:
    graphs = cases(CASES, SEED)
    x = vectors(graphs, EVENTS, SEED)
    seen: dict[str, list[dict[str, bool | None]]] = {}
    for case, graph in graphs.items():
        observer = CoverageObserver(graph)
        Emulator(graph, observe=observer).run(x[case])
        found = vars(observer.result()[graph.outputs[0]])
        seen.setdefault(case.rstrip("0123456789"), []).append(found)
        if isinstance(graph.nodes[-1], Quantise):
            seen.setdefault(graph.nodes[-1].rounding, []).append(found)
    for op in OPERATIONS:
        for corner in ("positive", "negative"):
            assert any(found[corner] for found in seen[op]), (op, corner)
    for rounding in ("floor", "half_even"):
        for corner in ("zero", "half", "saturated_low", "saturated_high"):
            assert any(found[corner] for found in seen[rounding]), (rounding, corner)


def test_values_lie_on_thresholds_and_next_to_them() -> None:
    graphs = cases(CASES, SEED)
    x = vectors(graphs, EVENTS, SEED)
    met = set()
    for case, graph in graphs.items():
        node = graph.nodes[-1]
        if isinstance(node, Thresholds):
            apart = x[case][..., None] - node.thresholds
            met |= {distance for distance in (-1, 0, 1) if (apart == distance).any()}
    assert met == {-1, 0, 1}


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("io_type", ["io_stream", "io_parallel"])
def test_c_simulation_equals_emulator_onnx_and_python_integers(
    io_type: IoType, tmp_path: Path
) -> None:
    graphs = cases(CASES, SEED) | rounded_leakies()
    x = vectors(graphs, EVENTS, SEED)
    some = {case: values[:8] for case, values in x.items()}
    check_twin(graphs, some)
    assert check_onnx(graphs, some) == ABSENT_IN_ONNX
    everything = merged(graphs)
    config = ProjectConfig(part="xcu250-figd2104-2L-e", clock_period_ns=4, io_type=io_type)
    project = build_project(everything, config, tmp_path / "model")
    inputs = {f"{case}_x": values for case, values in x.items()}
    got = run_csim(project, compile_project(project, optimise=1), everything, inputs)
    expected = emulated(graphs, x)
    differing = {
        case: int((got[f"{case}_{graphs[case].outputs[0]}"] != y).sum())
        for case, y in expected.items()
    }
    assert len(differing) == len(graphs) and not any(differing.values()), differing
