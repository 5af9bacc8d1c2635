"""What a review says after real runs: on another processor, with another weight, width, reuse."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

RECIPE = """
network:
  architecture: codae
  export: encoder
  filters: [4, 8]
  groups: [1, 2]
  residual_filters: [4, 8]
  residual_groups: 2
  bottleneck: 2
data:
  {dataset: shipped, limit_train: 256, limit_validation: 64, limit_test: 512, limit_signal: 128}
train:
  {epochs: 1, learning_rate: 3.0e-3}
quantize:
  {weight_bits: [6, 6, 8], activation_bits: [8, 8], epochs: 1}
hls:
  {part: xcu250-figd2104-2L-e, csim_events: 4, reuse: {conv1: 1, conv2: 1, dense: 1}}
budget:
  {name: hlt, max_auc_drop: 1.0}
"""
# what a processor without vector units has torch, oneDNN and numpy do
OLDER = {
    "ATEN_CPU_CAPABILITY": "default",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
    "OMP_NUM_THREADS": "1",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # a compilation each
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]


def trigforge(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and what was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "trigforge.hls.cli", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def run(folder: Path, **environment: str) -> None:
    code, said = trigforge(folder, "hls", "tiny", **environment)
    assert code in (0, 1), said  # the verdict is not the point


def moved(folder: Path) -> set[str]:
    """Metrics that the review names as regressions."""
    code, said = trigforge(folder, "review")
    lines = [line.split() for line in said.splitlines()]
    found = {words[1] for words in lines if words[0] == "regression"}
    assert code == (1 if found else 0)
    assert found or said == "tiny: nothing moved\n"
    return found


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose only recipe has been run, reviewed and committed."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "firmware_projects").mkdir()
    (folder / "firmware_projects" / "tiny.yaml").write_text(RECIPE)
    run(folder)
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-c"]
    subprocess.run([*git, "init.defaultBranch=main", "init", "-q"], cwd=folder, check=True)
    subprocess.run([*git, "gc.auto=0", "add", "latency_reports"], cwd=folder, check=True)
    subprocess.run([*git, "commit.gpgsign=false", "commit", "-qm", "x"], cwd=folder, check=True)
    return folder


@pytest.fixture
def clone(reviewed: Path, tmp_path: Path) -> Path:
    """A copy with the weights that were reviewed."""
    folder = tmp_path / "clone"
    shutil.copytree(reviewed, folder)
    return folder


def test_another_processor_gives_the_same_numbers(clone: Path) -> None:
    demo = clone / "build" / "tiny" / "demo"
    for stage in ("export", "library", "comparison", "scores", "hardware"):
        shutil.rmtree(demo / stage)
    (demo / "tiny.json").unlink()
    run(clone, **OLDER)
    assert moved(clone) == set()


def test_a_flipped_weight_bit_is_named(clone: Path) -> None:
    stage = clone / "build" / "tiny" / "demo" / "quantised"
    path, manifest = stage / "weights.safetensors", stage / "manifest.json"
    weights = load_file(path)
    weights["blocks.0.conv.weight"].view(-1)[0].neg_()  # the sign
    save_file(weights, path)
    data = json.loads(manifest.read_text())
    data["outputs"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(data))
    run(clone)
    found = moved(clone)
    assert any(metric.startswith("physics/scores/z_m[0]/firmware/") for metric in found)
    assert not any("latency_cycles" in metric for metric in found)


def test_a_narrower_width_and_a_raised_reuse_factor_are_named(clone: Path) -> None:
    recipe = clone / "firmware_projects" / "tiny.yaml"
    text = recipe.read_text()
    recipe.write_text(text.replace("[6, 6, 8]", "[6, 5, 8]").replace("conv1: 1", "conv1: 3"))
    code, _ = trigforge(clone, "review")
    assert code == 2  # the report is of the old recipe
    run(clone)
    layers = "hardware/hls4ml/layers"
    assert {f"{layers}/conv2_g0/weight_bits", f"{layers}/conv2_g1/weight_bits"} <= moved(clone)
    assert {f"{layers}/conv1_g0/reuse", f"{layers}/conv1_g0/latency_cycles"} <= moved(clone)
