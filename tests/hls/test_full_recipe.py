"""A recipe with ``export: full``: the reconstruction score of a whole CoDAE, from nothing to a
compared firmware model.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trigforge.hls.recipe import load_recipe
from trigforge.hls.reports.report import load_report
from trigforge.hls.stages.architectures import FullCodae, architecture_of
from trigforge.train.errors import InputError

# the preset smoke makes an eighth of it
RECIPE = """
network:
  architecture: codae
  export: full
  filters: [32, 32]
  groups: [1, 2]
  normalization: instance
  residual_filters: [16, 32]
  residual_groups: 2
  bottleneck: 16
  score: bce
data:
  dataset: shipped
train:
  epochs: 1
  learning_rate: 3.0e-3
quantize:
  weight_bits: [6, 6, 8]
  activation_bits: [8, 8]
hls:
  part: xcu250-figd2104-2L-e
budget:
  name: hlt
"""


def written(folder: Path, text: str = RECIPE) -> Path:
    (folder / "codae_full.yaml").write_text(text)
    return folder


def test_the_whole_network_is_a_row_of_its_own(tmp_path: Path) -> None:
    recipe = load_recipe("codae_full", written(tmp_path))
    row = architecture_of(recipe.network)
    assert isinstance(row, FullCodae)
    assert row.score_name(recipe) == "bce"
    with pytest.raises(InputError, match="no whole autoencoder is released yet; remove it"):
        row.released_quantised(recipe, "some")


def test_only_a_codae_is_exported_whole(tmp_path: Path) -> None:
    text = RECIPE.replace("architecture: codae", "architecture: mask_sum")
    with pytest.raises(InputError, match="export is 'full', but a mask_sum has only 'encoder'"):
        load_recipe("codae_full", written(tmp_path, text))


@pytest.mark.slow
@pytest.mark.timeout(1500)  # one compilation of two hundred layers
def test_from_nothing_to_a_compared_score(tmp_path: Path) -> None:
    folder = tmp_path / "firmware_projects"
    folder.mkdir()
    written(folder)
    command = [sys.executable, "-m", "trigforge.hls.cli", "hls", "codae_full"]
    command += ["--preset", "smoke", "--from-scratch"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    report = load_report(tmp_path / "build" / "codae_full" / "smoke-scratch" / "codae_full.json")
    pairs = {(c.a, c.b) for c in report.bit_accuracy}
    assert pairs == {("brevitas", "qonnx"), ("qonnx", "emulator"), ("emulator", "csim")}
    assert [c.mismatches for c in report.bit_accuracy if c.mismatches] == []
    assert list(report.physics.scores) == ["bce"]
