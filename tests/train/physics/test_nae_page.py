"""The pages of normalised autoencoders, built from untrained networks and made-up jets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from jet_samples import random_jets
from nae_trainings import write_training

from trigforge.hls.cli import main
from trigforge.train.errors import InputError
from trigforge.train.jets.jet_file import save_jets
from trigforge.train.jets.jets import Jets
from trigforge.train.jets.sample import load_jets, load_shipped_jets
from trigforge.train.metrics import auc
from trigforge.train.nae.network import (
    JetAutoencoder,
)
from trigforge.train.nae.pictures import landscape
from trigforge.train.nae.prototypes import LatentScore, fit_prototypes
from trigforge.train.physics import style
from trigforge.train.physics.nae import (
    images,
    images_page,
    samples,
    tagging,
    variables_page,
)
from trigforge.train.physics.nae.networks import latest, load_dense_trainings, load_image_trainings
from trigforge.train.physics.nae.tagging import mean_energies, sample_of
from trigforge.train.physics.options import PhysicsOptions
from trigforge.train.physics.run import ALIASES, MODELS, run_physics

JETS = 120


def write_jets(path: Path, labels: dict[str, Jets]) -> Path:
    save_jets(path, labels, info={}, selection="made up", seed=1)
    return path


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    """Few samples, short chains, coarse landscapes and figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images_page, "DRAWN", 8)
        patch.setattr(variables_page, "COMPARED", 8)
        patch.setattr(samples, "STEPS", 3)
        chain = replace(samples.PAPER_SAMPLER.input, steps=1)
        patch.setattr(samples, "PAPER_SAMPLER", replace(samples.PAPER_SAMPLER, input=chain))
        patch.setattr(images, "landscape", partial(landscape, latitudes=4))
        patch.setattr(images, "SAMPLES", 2)
        patch.setattr(style, "PNG_DPI", 20)
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page of a direct, a reverse and two dark trainings."""
    here = tmp_path_factory.mktemp("nae")
    labels = ("qcd", "top", "qcd_low", "aachen", "heidelberg")
    jets = {f"{name}/test": random_jets(JETS, seed) for seed, name in enumerate(labels)}
    jets["qcd/train"] = random_jets(30, 9)
    spectrum = jets["aachen/test"].pt
    for name in ("qcd_low", "heidelberg"):
        jets[f"{name}/test"] = replace(jets[f"{name}/test"], pt=spectrum)
    data = write_jets(here / "jets.npz", jets)
    networks = [
        write_training(here, "direct", "qcd"),
        write_training(here, "backwards", "top"),
        write_training(here, "dark_2", "qcd_low", preprocessing={"power": 0.2}),
        write_training(here, "dark_5", "qcd_low", preprocessing={"power": 0.5}),
    ]
    page = run_physics(options("nae", networks, data, here / "page"))
    assert page == here / "page" / "index.html"
    return here


def options(model: str, networks: list[str], data: Path, folder: Path) -> PhysicsOptions:
    return PhysicsOptions(
        model=model,
        networks=tuple(networks),
        data=data,
        events=JETS,
        folder=folder,
        progress=False,
    )


def result(built: Path) -> Any:
    return json.loads((built / "page" / "physics.json").read_text())


def test_the_page_stands_alone_with_every_figure(built: Path) -> None:
    html = (built / "page" / "index.html").read_text()
    assert html.lstrip().startswith("<!doctype html>")
    assert not re.search(r'(src|href)="(?!#|data:)', html), "it must not load anything"
    names = {"roc", "energies", "dark", "landscape", "averages", "samples"}
    names |= {"reconstructions-direct", "reconstructions-reverse"}
    names |= {f"history-{name}" for name in ("direct", "backwards", "dark_2", "dark_5")}
    assert {path.stem for path in (built / "page" / "figures").glob("*.png")} == names
    for name in names:
        assert f'<figure id="{name}"><svg' in html
    assert "nan" not in (built / "page" / "physics.md").read_text().lower().split()


def test_numbers_are_those_of_the_networks(built: Path) -> None:
    direct, reverse = result(built)["tagging"]
    assert (direct["background"], direct["signal"]) == ("qcd", "top")
    assert (reverse["background"], reverse["signal"]) == ("top", "qcd")
    training = load_image_trainings([str(built / "direct.safetensors")])[0]
    sample = load_jets(built / "jets.npz")
    found = {
        label: mean_energies(training.normalised, sample_of(sample, label, training, JETS).images)
        for label in ("qcd", "top")
    }
    expected = auc(found["top"], found["qcd"]).value
    assert direct["scores"]["nae"]["auc"] == pytest.approx(expected, abs=1e-12)
    assert "latent_nae" in direct["scores"], "fitted to training jets"
    assert "latent_nae" not in reverse["scores"], "there are none of top"
    assert f"{expected:.3f}" in (built / "page" / "physics.md").read_text()
    mass = {label: sample.part("test", label).mass for label in ("qcd", "top")}
    expected = auc(mass["top"], mass["qcd"]).value
    assert direct["scores"]["mass"]["auc"] == pytest.approx(expected, abs=1e-12)
    assert reverse["scores"]["mass"]["auc"] == pytest.approx(expected, abs=1e-12), "turned twice"


def test_the_latent_score_is_that_of_the_encoder_alone(built: Path) -> None:
    training = load_image_trainings([str(built / "direct.safetensors")])[0]
    sample = load_jets(built / "jets.npz")
    points = {
        label: tagging.latents(
            training.normalised, torch.from_numpy(sample.images(split, label)[:JETS])
        )
        for split, label in (("train", "qcd"), ("test", "top"))
    }
    rng = np.random.default_rng(tagging.SEED)
    prototypes = fit_prototypes(points["qcd"], tagging.PROTOTYPES, rng)
    score = LatentScore.of(cast(JetAutoencoder, training.normalised), prototypes).double()
    with torch.no_grad():
        expected = -score(torch.from_numpy(sample.images("test", "top")[:JETS]).double())[:, 0]
    found = prototypes.scores(points["top"])
    assert found == pytest.approx(expected.numpy(), rel=1e-3, abs=1e-3)
    test = sample_of(sample, "top", training, JETS), sample_of(sample, "qcd", training, JETS)
    learnt = torch.from_numpy(sample.images("train", "qcd"))
    scored = tagging.latent_scores(training, learnt, *test)["latent_nae"]
    np.testing.assert_array_equal(scored.signal, found)
    shown = result(built)["tagging"][0]["scores"]["latent_nae"]["auc"]
    assert shown == pytest.approx(auc(scored.signal, scored.background).value, abs=1e-12)


def test_dark_jets_are_ordered_by_power_with_the_paper_beside(built: Path) -> None:
    assert [entry["power"] for entry in result(built)["dark"]] == [0.5, 0.2]
    text = (built / "page" / "physics.md").read_text()
    assert "0.746" not in text and "0.75 ± 0.01" in text and "0.68 ± 0.01" in text
    assert "Without weights: n = 0.3, 0.1, 0.01." in text


def test_what_the_manifest_says_of_the_training_is_shown(built: Path) -> None:
    text = (built / "page" / "physics.md").read_text()
    assert "direct, on QCD jets: 1 epoch of reconstruction; 2 epochs of normalisation" in text
    assert "iterations 12,345; a made-up one" in text
    assert "epoch 2 of the normalisation kept, that of the smallest energy mover's" in text
    assert load_image_trainings([str(built / "direct.safetensors")])[0].chosen_epoch == 1


@pytest.mark.parametrize("name", ALIASES)
def test_a_recipe_on_the_page_of_another_builds_that_page(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[PhysicsOptions] = []
    monkeypatch.setitem(MODELS, ALIASES[name], lambda o: asked.append(o) or o.output)
    assert run_physics(PhysicsOptions(model=name, events=60)) == Path("build/physics/nae")
    assert asked == [PhysicsOptions(model="nae", events=60)]


def test_every_recipe_of_jets_has_a_page() -> None:
    recipes = Path(__file__).resolve().parents[3] / "firmware_projects"
    assert {path.stem for path in recipes.glob("nae*.yaml")} <= {*MODELS, *ALIASES}
    with pytest.raises(InputError, match=r"unknown model 'nae_revers'.*did you mean 'nae_reverse'"):
        run_physics(PhysicsOptions(model="nae_revers"))


def test_variables_have_their_page(tmp_path: Path) -> None:
    jets = {"ttbar/train": random_jets(1000, 1), "ttbar/test": random_jets(JETS, 2)}
    jets |= {f"svj_{m}_30/test": random_jets(JETS, m) for m in (1000, 2000)}
    data = write_jets(tmp_path / "jets.npz", jets)
    network = write_training(tmp_path, "own", "ttbar")
    page = run_physics(options("nae_svj", [network], data, tmp_path / "page"))
    text = page.with_name("physics.md").read_text()
    assert "| score | network | 1,000 GeV, 0.3 | 2,000 GeV, 0.3 |" in text
    found = json.loads(page.with_name("physics.json").read_text())["networks"][0]
    sample = load_jets(data)
    expected = auc(sample.part("test", "svj_2000_30").pt, sample.part("test", "ttbar").pt)
    assert found["signals"]["svj_2000_30"]["scores"]["pt"]["auc"] == pytest.approx(expected.value)
    assert (page.parent / "figures" / "history-own.png").is_file()


def test_released_variables_give_what_their_manifest_says() -> None:
    training = load_dense_trainings(latest("nae_svj"))[0]
    found = variables_page.measure(training, load_shipped_jets("semivisible"), 3000)["signals"]
    for network, name in (("autoencoder", "ae"), ("normalised", "nae")):
        expected = training.manifest["metrics"]["auc"][network]
        assert set(expected) == set(found)
        for signal, area in expected.items():
            assert found[signal]["scores"][name]["auc"] == pytest.approx(area, abs=1e-4)


WRONG = {
    "absent": (["--network", "x/y.safetensors"], "x/y.safetensors: no such weights in x"),
    "dense": (["--network", "own.safetensors"], "made for architecture = dense_autoencoder"),
    "events": (["--events", "3"], "--events is 3, expected at least 50"),
    "data": (
        ["--network", "direct.safetensors", "--data", "none.npz"],
        "none.npz: no such jet file",
    ),
    "class": (["--network", "odd.safetensors"], "trained on 'gluino' jets, expected one of"),
    "dark": (["--network", "dark.safetensors"], "no training on QCD or top jets"),
    "folder": (["--network", "."], "4 files of weights, expected one"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_sentence(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, label in (
        ("own", "ttbar"),
        ("direct", "qcd"),
        ("odd", "gluino"),
        ("dark", "qcd_low"),
    ):
        write_training(tmp_path, name, label)
    arguments, message = WRONG[case]
    assert main(["physics", "nae", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said
    assert not (tmp_path / "build").exists()


def test_without_released_weights_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for module, model in ((images_page, "nae"), (variables_page, "nae_svj")):
        monkeypatch.setattr(module, "latest", lambda *stems: [])
        assert main(["physics", model]) == 2
        said = capsys.readouterr().err.strip()
        assert f"no released weights of {model}" in said and "--network" in said
        assert "\n" not in said
