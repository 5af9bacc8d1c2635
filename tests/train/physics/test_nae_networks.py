"""Which trainings a page of normalised autoencoders finds, and what it reads of their manifests."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from nae_trainings import EPOCH, HISTORY, write_training

from trigforge.train.errors import InputError
from trigforge.train.nae.training import paper_training
from trigforge.train.physics.nae import images_page, paper, samples, words
from trigforge.train.physics.nae.networks import latest, load_image_trainings


def test_released_trainings_on_images_are_all_found() -> None:
    names = latest(*images_page.RELEASED, *images_page.DARK_RELEASED)
    trainings = load_image_trainings(names)
    assert [t.background for t in trainings] == ["qcd", "top", *["qcd_low"] * 5]
    powers = {training.preprocessing.power for training in trainings[2:]}
    assert powers == set(paper.DARK["aachen"])
    for training in trainings:
        kept = training.manifest["metrics"]["training"]["best_of_normalisation"]
        assert training.chosen_epoch == kept - 1
        assert training.sampler is not None and training.buffer_age > 10
        assert f"epoch {kept} of the normalisation kept" in words.trained(training)


def test_fresh_chains_have_the_temperatures_of_the_training(tmp_path: Path) -> None:
    training = asdict(paper_training())
    path = write_training(tmp_path, "own", "qcd")
    manifest = json.loads(Path(path).with_suffix(".json").read_text())
    for factor in (1, 2):
        training["config"]["sampler"]["latent"]["noise"] *= factor
        manifest["training"] = {"stopping": "loss", **training}
        Path(path).with_suffix(".json").write_text(json.dumps(manifest))
        training_found = load_image_trainings([path])[0]
        found = training_found.sampler
        fresh = samples.fresh_sampler(found, training_found.buffer_age, spherical=True)
        assert found is not None and found.latent is not None and fresh.latent is not None
        assert fresh.latent.temperature == pytest.approx(found.latent.temperature)
        assert fresh.latent.temperature == pytest.approx(5e-7 * factor**2)
        path_length = fresh.latent.steps * fresh.latent.step_size
        assert path_length == pytest.approx(EPOCH["buffer_age"] * 30 * 100)
        assert fresh.replay == 0 and fresh.input == found.input
        longer = samples.longer_sampler(fresh).latent
        assert longer is not None and longer.temperature == pytest.approx(5e-7 * factor**2)
        assert longer.steps * longer.step_size == pytest.approx(10 * path_length)
    assert load_image_trainings([write_training(tmp_path, "other", "qcd")])[0].sampler is None


def test_the_highest_version_is_the_latest(tmp_path: Path) -> None:
    for name in ("nae_v2", "nae_v10", "nae_reverse_v1", "nae_dark_050_v1", "other"):
        (tmp_path / f"{name}.safetensors").touch()
    assert latest("nae", "nae_none", "nae_reverse", folder=tmp_path) == [
        "nae_v10",
        "nae_reverse_v1",
    ]


def test_a_preprocessing_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = write_training(tmp_path, "own", "qcd", preprocessing={"power": 3.0})
    with pytest.raises(InputError, match="power is 3, expected above 0 and at most 1"):
        load_image_trainings([path])


def test_a_folder_with_one_file_of_weights_is_enough(tmp_path: Path) -> None:
    write_training(tmp_path / "train", "weights", "top")
    assert load_image_trainings([str(tmp_path / "train")])[0].background == "top"


def test_the_folder_of_a_stage_of_make_train_is_understood(tmp_path: Path) -> None:
    folder = tmp_path / "nae" / "demo-scratch" / "float"
    write_training(folder, "weights", "top")
    (folder / "weights.json").unlink()
    first, second = HISTORY.values()
    data = {"background": "top", "power": 0.5, "sigma_pixels": 2.0, "signals": ["qcd"]}
    manifest = {
        "config": [{"architecture": "nae"}, {"normalisation": {"stopping": "movers_distance"}}],
        "outputs": {"weights.safetensors": "0123"},
        "info": {
            "history": [*first, *second],
            "metrics": {"data": data, "reconstruction_epochs": len(first)},
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = load_image_trainings([str(folder)])[0]
    assert (found.name, found.background) == ("nae_demo-scratch_float", "top")
    assert (found.preprocessing.power, found.preprocessing.sigma_pixels) == (0.5, 2.0)
    assert found.history == HISTORY and found.chosen_epoch == 1
    del manifest["info"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="not the manifest of a training of both phases"):
        load_image_trainings([str(folder / "weights.safetensors")])
