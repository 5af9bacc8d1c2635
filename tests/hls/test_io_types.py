"""Every operation in one chain: generated C++ of both io types against the emulator."""

from __future__ import annotations

from pathlib import Path

import chains
import numpy as np
import pytest
from samples import random_values

from trigforge.hls.backends.csim import compile_project, run_csim
from trigforge.hls.backends.hls4ml_project import (
    WRITERS,
    Project,
    ProjectConfig,
    build_project,
    layer_list,
)
from trigforge.hls.backends.layer_list import IoType
from trigforge.hls.coverage import CoverageObserver
from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Flatten, Quantise, Scale
from trigforge.train.errors import UnsupportedError

Built = tuple[Graph, Project, Path]

IO_TYPES: tuple[IoType, ...] = ("io_stream", "io_parallel")


@pytest.fixture(scope="module", params=IO_TYPES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    graph = chains.every_operation(np.random.default_rng(10))
    config = ProjectConfig(part="xcu250-figd2104-2L-e", clock_period_ns=4, io_type=request.param)
    project = build_project(graph, config, tmp_path_factory.mktemp("chain") / "model")
    return graph, project, compile_project(project, optimise=1)


def test_the_chain_holds_every_operation_with_a_mapping(built: Built) -> None:
    assert {type(node) for node in built[0].nodes} == set(WRITERS)


def test_every_operation_gives_the_same_integers(built: Built) -> None:
    graph, project, library = built
    x = random_values(np.random.default_rng(3), graph.edges["x"], 60)
    keep = list(project.traced)
    expected = Emulator(graph, keep).run(x)
    got = run_csim(project, library, graph, x, keep=keep)
    for edge in (*graph.outputs, *keep):
        assert np.array_equal(got[edge], expected[edge]), edge
    # a LeakyReLU's own edge is not traced where a quantiser is its result type
    untraced = {node.output for node in graph.nodes} - set(keep)
    assert untraced == {"leaky", "leaky3", "flatten"}


def test_the_vectors_reach_the_corners(built: Built) -> None:
    graph, _, _ = built
    observer = CoverageObserver(graph)
    x = random_values(np.random.default_rng(3), graph.edges["x"], 60)
    Emulator(graph, observe=observer).run(x)
    found = observer.result()
    for node in graph.nodes:
        seen = found[node.output]
        assert False not in (seen.positive, seen.negative), node.name
        if isinstance(node, Quantise):
            corners = (seen.zero, seen.half, seen.saturated_low, seen.saturated_high)
            assert False not in corners, (node.name, seen)


def test_a_flattened_image_is_not_streamed_as_a_vector() -> None:
    x = Edge.full((2, 3, 2), Format(4, 4, True))
    scale = Scale(
        name="s", inputs=("f",), output="y", factor=np.ones(12, np.int64),
        offset=np.ones(12, np.int64), factor_fraction=0, offset_fraction=0,
    )  # fmt: skip
    nodes = [Flatten(name="f", inputs=("x",), output="f"), scale]
    with pytest.raises(UnsupportedError, match=r"node s .*streams pixel by pixel"):
        layer_list(Graph.build("g", {"x": x}, nodes, ["y"]))
    assert layer_list(Graph.build("g", {"x": x}, nodes, ["y"]), "io_parallel").where["y"] == "s"
