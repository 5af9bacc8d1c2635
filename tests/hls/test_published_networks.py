"""The NAE at its published size and the whole CoDAE at reduced width against C-simulation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import published_networks
import pytest

from trigforge.hls.backends.csim import compile_project, run_csim
from trigforge.hls.backends.hls4ml_project import ProjectConfig, build_project
from trigforge.hls.coverage import CoverageObserver
from trigforge.hls.emulator import Emulator
from trigforge.hls.graph import Graph, Ints
from trigforge.hls.ops import Conv, ConvTranspose, Dense, LeakyRelu, Lookup, Mul, Total
from trigforge.hls.passes import lower

Build = Callable[[np.random.Generator], Graph]
Draw = Callable[[np.random.Generator, int], Ints]

networks = pytest.mark.parametrize(
    ("build", "draw", "events"),
    [
        pytest.param(published_networks.nae, published_networks.jets, 100, id="nae"),
        pytest.param(published_networks.codae, published_networks.masks, 10, id="codae"),
    ],
)


def test_the_nae_has_the_published_number_of_parameters() -> None:
    graph = published_networks.nae(np.random.default_rng(1))
    layers = [n for n in graph.nodes if isinstance(n, Conv | ConvTranspose | Dense)]
    weights = sum(node.weight.size + node.bias.size for node in layers)
    slopes = sum(isinstance(node, LeakyRelu) for node in graph.nodes)
    assert weights + slopes == 42_315 + 42_127


@networks
def test_lowering_keeps_scores_and_every_layer_is_alive(
    build: Build, draw: Draw, events: int
) -> None:
    graph = build(np.random.default_rng(1))
    x = draw(np.random.default_rng(2), events)
    observer = CoverageObserver(graph)
    scores = Emulator(graph, observe=observer).run(x)["score"]
    assert np.array_equal(Emulator(lower(graph)).run(x)["score"], scores)
    assert len(np.unique(scores)) == events
    # only what is never negative by definition may lack a sign
    kinds = {node.output: type(node) for node in graph.nodes}
    seen = observer.result()
    one_sided = {kinds[edge] for edge, s in seen.items() if not (s.positive and s.negative)}
    assert one_sided <= {Lookup, Mul, Total}


@networks
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_generated_code_gives_the_same_integers(
    build: Build, draw: Draw, events: int, tmp_path: Path
) -> None:
    graph = lower(build(np.random.default_rng(1)))
    config = ProjectConfig(part="xcu250-figd2104-2L-e", clock_period_ns=4)
    project = build_project(graph, config, tmp_path / "model")
    library = compile_project(project)
    x = draw(np.random.default_rng(2), events)
    keep = list(project.traced)
    expected = Emulator(graph, keep).run(x)
    got = run_csim(project, library, graph, x, keep=keep)
    differing = {edge: int((got[edge] != expected[edge]).sum()) for edge in ("score", *keep)}
    assert not any(differing.values()), {e: n for e, n in differing.items() if n}
