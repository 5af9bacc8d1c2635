"""The generated C++ against the emulator, layer by layer."""

from __future__ import annotations

from pathlib import Path

import graphs
import numpy as np
import pytest

from trigforge.hls.accuracy import locate_against_csim
from trigforge.hls.backends.csim import compile_project, run_csim
from trigforge.hls.backends.hls4ml_project import Project, ProjectConfig, build_project
from trigforge.hls.emulator import Emulator
from trigforge.hls.graph import Graph
from trigforge.hls.ops import Conv
from trigforge.hls.passes import lower
from trigforge.hls.vectors import extreme_masks, random_masks, to_input
from trigforge.train.errors import ToolError

Built = tuple[Graph, Project, Path]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    graph = lower(graphs.mask_encoder(np.random.default_rng(7)))
    config = ProjectConfig(
        part="xcu250-figd2104-2L-e",
        clock_period_ns=4,
        reuse={"conv2_g0": 3, "conv2_g1": 3, "dense": 16},
    )
    project = build_project(graph, config, tmp_path_factory.mktemp("project") / "model")
    return graph, project, compile_project(project, optimise=1)


def test_every_traced_layer_gives_the_same_integers(built: Built) -> None:
    graph, project, library = built
    rng = np.random.default_rng(1)
    masks = np.concatenate([extreme_masks(12, 9), random_masks(rng, 40, 12, 9)])
    x = to_input(masks, graph.edges["x"])
    keep = list(project.traced)
    assert {"conv1_g0", "quant3_g1", "pool2_g0", "conv3_concat"} <= set(keep)
    got = run_csim(project, library, graph, x, keep=keep)
    expected = Emulator(graph, keep).run(x)
    for edge in ("z", *keep):
        assert np.array_equal(got[edge], expected[edge]), edge


def test_one_worker_and_three_agree(built: Built) -> None:
    graph, project, library = built
    x = to_input(random_masks(np.random.default_rng(2), 5, 12, 9), graph.edges["x"])
    one = run_csim(project, library, graph, x, workers=1)["z"]
    assert np.array_equal(run_csim(project, library, graph, x, workers=3)["z"], one)


def test_a_flipped_weight_bit_is_located(built: Built) -> None:
    graph, project, library = built
    nodes = list(graph.nodes)
    index = next(i for i, node in enumerate(nodes) if node.name == "conv2_g1")
    node = nodes[index]
    assert isinstance(node, Conv)
    weight = node.weight.copy()
    weight[1, 1, 0, 0] ^= 1
    nodes[index] = type(node)(**{**vars(node), "weight": weight})
    x = to_input(random_masks(np.random.default_rng(3), 8, 12, 9), graph.edges["x"])
    assert locate_against_csim(graph, project, library, x) is None
    assert locate_against_csim(graph.rebuilt(nodes), project, library, x) == "conv2_g1"


def test_no_type_is_left_to_a_default(built: Built) -> None:
    _, project, _ = built
    defines = (project.folder / "firmware" / "defines.h").read_text()
    leaked = [line for line in defines.splitlines() if "ap_uint<1>" in line]
    assert all(line.endswith("_index;") for line in leaked), leaked


def test_shared_multipliers_use_the_resource_strategy(built: Built) -> None:
    _, project, _ = built
    parameters = (project.folder / "firmware" / "parameters.h").read_text()
    # twice for each convolution, of which conv2_g0 and conv2_g1 share; once for the dense layer
    assert parameters.count("strategy = nnet::resource") == 5
    assert parameters.count("strategy = nnet::latency") == 8


def test_a_missing_compiler_is_one_sentence(
    built: Built, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, project, _ = built
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"no g\+\+ on the PATH"):
        compile_project(project)


def test_failing_cpp_names_the_log(tmp_path: Path) -> None:
    (tmp_path / "firmware").mkdir()
    (tmp_path / "build_lib.sh").write_text("echo broken; exit 3\n")
    with pytest.raises(ToolError, match=r"exit 3.*compile.log"):
        compile_project(Project(tmp_path, "broken", {}))
    assert (tmp_path / "compile.log").read_text() == "broken\n"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "echo 'virtual memory exhausted: Cannot allocate memory'; exit 1",
            r"ran out of memory .*\(virtual memory exhausted: .*free some memory.*compile.log$",
        ),
        (
            "echo 'g++: fatal error: Killed signal terminated program cc1plus'; exit 1",
            r"was killed .*\(g\+\+: fatal error: Killed signal terminated program cc1plus\)",
        ),
        ("bash -c 'kill -KILL $$'", r"was killed .*\(it ended with SIGKILL\): free some memory"),
        ("kill -KILL $$", r"was killed .*\(it ended with SIGKILL\): free some memory"),
        ("kill -TERM $$", r"failed on the generated C\+\+ \(SIGTERM\): see .*compile.log"),
    ],
)
def test_a_compiler_without_memory_is_one_sentence(tmp_path: Path, script: str, words: str) -> None:
    (tmp_path / "firmware").mkdir()
    (tmp_path / "build_lib.sh").write_text(f"set -e\n{script}\necho not reached\n")
    with pytest.raises(ToolError, match=words) as raised:
        compile_project(Project(tmp_path, "broken", {}))
    assert "\n" not in str(raised.value)


def test_the_compiler_is_started_at_the_level_asked_for(tmp_path: Path) -> None:
    (tmp_path / "firmware").mkdir()
    (tmp_path / "build_lib.sh").write_text('C="-O3 -fPIC"\necho $C in $(dirname "$0"); exit 3\n')
    project = Project(tmp_path, "broken", {})
    with pytest.raises(ToolError, match="exit 3"):
        compile_project(project)
    assert (tmp_path / "compile.log").read_text() == "-O3 -fPIC in .\n"
    with pytest.raises(ToolError, match="exit 3"):
        compile_project(project, optimise=1)
    assert (tmp_path / "compile.log").read_text() == "-O1 -fPIC in .\n"
