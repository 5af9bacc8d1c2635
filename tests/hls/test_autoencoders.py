"""Whole autoencoders, score heads included: generated C++ against the emulator, edge by edge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import autoencoders
import numpy as np
import pytest
import reference
import torch
from samples import random_values

from trigforge.hls.backends.csim import compile_project, run_csim
from trigforge.hls.backends.hls4ml_project import ProjectConfig, build_project
from trigforge.hls.coverage import CoverageObserver
from trigforge.hls.emulator import Emulator
from trigforge.hls.graph import Graph
from trigforge.hls.ops import ConvTranspose, Split
from trigforge.hls.passes import lower

networks = pytest.mark.parametrize(
    "build", [autoencoders.nae, autoencoders.codae], ids=lambda build: build.__name__
)
Build = Callable[[np.random.Generator], Graph]


@networks
def test_lowering_and_the_emulator_keep_every_integer(build: Build) -> None:
    graph = build(np.random.default_rng(1))
    lowered = lower(graph)
    assert not any(isinstance(node, ConvTranspose) for node in lowered.nodes)
    x = random_values(np.random.default_rng(2), graph.edges["x"], 20)
    scores = Emulator(graph).run(x)["score"]
    assert np.array_equal(Emulator(lowered).run(x)["score"], scores)
    for event in range(3):
        assert np.array_equal(reference.run(graph, x[event])["score"], scores[event])
    assert len(np.unique(scores)) > 15


@networks
def test_the_activations_are_alive(build: Build) -> None:
    graph = build(np.random.default_rng(1))
    observer = CoverageObserver(graph)
    x = random_values(np.random.default_rng(2), graph.edges["x"], 60)
    Emulator(graph, observe=observer).run(x)
    signs = [(s.positive, s.negative) for s in observer.result().values()]
    assert sum(False in pair for pair in signs) <= 2


@networks
@pytest.mark.parametrize("lowered", [False, True])
def test_any_edge_on_request_equals_the_pure_integer_twin(build: Build, lowered: bool) -> None:
    graph = build(np.random.default_rng(1))
    graph = lower(graph) if lowered else graph
    x = random_values(np.random.default_rng(4), graph.edges["x"], 5)
    whole = Emulator(graph, tuple(graph.edges))
    together = whole.run(x)
    whole.batch_size = 2
    batches = list(whole.stream(x))
    assert [len(part["score"]) for part in batches] == [2, 2, 1]
    twin = reference.run(graph, x[4])
    for name in graph.edges:
        assert np.array_equal(together[name][4], twin[name].astype(np.int64)), name
        assert np.array_equal(np.concatenate([part[name] for part in batches]), together[name])
    for name in tuple(graph.edges)[::5]:
        # alone, with everything around it fused
        assert np.array_equal(Emulator(graph, (name,)).run(x[3:])[name], together[name][3:]), name


def test_threads_do_not_change_a_bit() -> None:
    graph = lower(autoencoders.codae(np.random.default_rng(1)))
    x = random_values(np.random.default_rng(5), graph.edges["x"], 64)
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 3):
            torch.set_num_threads(count)
            found.append(Emulator(graph).run(x)["score"])
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(*found)


@networks
@pytest.mark.slow
def test_the_generated_code_gives_the_same_integers(build: Build, tmp_path: Path) -> None:
    graph = lower(build(np.random.default_rng(1)))
    config = ProjectConfig(part="xcu250-figd2104-2L-e", clock_period_ns=4)
    project = build_project(graph, config, tmp_path / "model")
    library = compile_project(project)
    x = random_values(np.random.default_rng(3), graph.edges["x"], 100)
    keep = list(project.traced)
    expected = Emulator(graph, keep).run(x)
    got = run_csim(project, library, graph, x, keep=keep)
    for edge in ("score", *keep):
        assert np.array_equal(got[edge], expected[edge]), edge
    assert any(isinstance(node, Split) for node in graph.nodes) == (build is autoencoders.codae)
