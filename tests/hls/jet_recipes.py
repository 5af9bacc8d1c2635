"""Recipes of jets for tests: the committed ones, and one of variables."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "firmware_projects"

VARIABLES = """
network:
  architecture: nae_variables
  input: fixed<12,3>
data:
  sample: semivisible
  background: ttbar
  signals: [svj_1000_30, svj_4000_30]
  signals_are: heavier
train:
  reconstruction: {epochs: 60, batch_size: 128, learning_rate: 2.0e-3}
  normalisation:
    epochs: 12
    batch_size: 128
    learning_rate: 1.0e-3
    input_chain: {steps: 20, step_size: 0.5, noise: 0.1, clip: 1.0}
    loss: log_cosh
  spectral: false
quantize:
  full_weight_bits: 8
  full_activation_bits: 10
hls:
  part: xcu250-figd2104-2L-e
  io_type: io_parallel
budget:
  name: hlt
  min_auc:
    svj_4000_30: 0.5
"""


def written(folder: Path, name: str, text: str) -> Path:
    """A folder of recipes with one of this text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    return folder


def committed(name: str) -> str:
    """The text of a committed recipe."""
    return (FOLDER / f"{name}.yaml").read_text()
