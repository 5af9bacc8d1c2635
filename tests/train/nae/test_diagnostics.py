"""Pictures and event files of a training, and what happens without TensorBoard."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trigforge.train.nae.chain import ChainConfig
from trigforge.train.nae.diagnostics import Diagnostics, contact_sheet
from trigforge.train.nae.losses import LossConfig
from trigforge.train.nae.network import build_jet_autoencoder
from trigforge.train.nae.objectives import JetInputs, NormalisationConfig
from trigforge.train.nae.sampler import SamplerConfig
from trigforge.train.nae.training import NaeTraining, schedule, train_nae

SIZE = 8
CHAIN = ChainConfig(steps=1, step_size=1.0, noise=1e-2)
TRAINING = NaeTraining(
    reconstruction=schedule(epochs=2, batch_size=8, learning_rate=1e-3),
    normalisation=schedule(epochs=2, batch_size=8, learning_rate=1e-5),
    config=NormalisationConfig(
        sampler=SamplerConfig(latent=CHAIN, input=CHAIN, buffer=50),
        loss=LossConfig(),
        distance_inputs=8,
    ),
)


def inputs() -> JetInputs:
    images = torch.from_numpy(np.random.default_rng(1).random((32, 1, SIZE, SIZE), np.float32))
    return JetInputs(images[:24] / SIZE**2, images[24:] / SIZE**2)


def test_a_training_leaves_pictures_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    found = train_nae(
        lambda seed: build_jet_autoencoder(seed, size=SIZE),
        inputs(),
        TRAINING,
        tmp_path / "work",
        progress=False,
        diagnostics=tmp_path / "seen",
    )
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == [
        "history.png",
        "samples.png",
    ]
    said = capsys.readouterr().err
    assert said.count("TensorBoard is not installed") == 1 and "trigforge[tensorboard]" in said
    plain = train_nae(
        lambda seed: build_jet_autoencoder(seed, size=SIZE),
        inputs(),
        TRAINING,
        tmp_path / "again",
        progress=False,
    )
    for name, value in found.normalised.items():
        assert torch.equal(value, plain.normalised[name]), "looking must change nothing"


class Written:
    """Stands in for a TensorBoard writer."""

    def __init__(self) -> None:
        self.scalars: dict[tuple[str, int], float] = {}
        self.images: dict[str, tuple[int, ...]] = {}

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars[name, step] = value

    def add_image(self, name: str, image: Any, step: int) -> None:
        self.images[name] = tuple(image.shape)

    def flush(self) -> None:
        pass


def test_every_number_of_every_epoch_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Written()
    module = "trigforge.train.nae.diagnostics"
    monkeypatch.setattr(f"{module}.event_writer", lambda folder: written)
    for pictures in ("save_history", "save_samples"):
        monkeypatch.setattr(f"{module}.{pictures}", lambda *arguments: None)
    train_nae(
        lambda seed: build_jet_autoencoder(seed, size=SIZE),
        inputs(),
        TRAINING,
        tmp_path / "work",
        progress=False,
        diagnostics=tmp_path / "seen",
    )
    names = {name for name, _ in written.scalars}
    assert {"reconstruction/loss", "normalisation/movers_distance"} <= names
    assert "normalisation/buffer_age" in names
    assert "normalisation/latent_acceptance" not in names, "these chains have no acceptance step"
    assert {step for _, step in written.scalars} == {1, 2}
    assert written.images == {"normalisation/samples": (1, SIZE, 8 * SIZE)}


def test_event_files_hold_the_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    watch = Diagnostics(tmp_path, torch.rand(4, 1, SIZE, SIZE), "loss")
    watch("reconstruction", [{"epoch": 0, "loss": 0.25}], None)
    watch("reconstruction", [{"epoch": 0, "loss": 0.25}, {"epoch": 1, "loss": 0.125}], None)
    found = EventAccumulator(str(tmp_path)).Reload().Scalars("reconstruction/loss")
    assert [(event.step, event.value) for event in found] == [(1, 0.25), (2, 0.125)]


def test_a_sheet_shows_samples_in_rows() -> None:
    samples = torch.zeros(10, 1, 2, 2)
    samples[1, 0, 0, 1], samples[9, 0, 1, 0], samples[2] = 4.0, 1.0, -1.0
    sheet = contact_sheet(samples)
    assert sheet.shape == (1, 4, 16)
    assert float(sheet[0, 0, 3]) == 1.0 and float(sheet[0, 3, 2]) == 0.5
    assert float(sheet.sum()) == 1.5, "nothing else, and nothing below zero"
    assert float(contact_sheet(torch.zeros(3, 1, 2, 2)).sum()) == 0.0
