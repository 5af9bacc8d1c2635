"""The pages of normalised autoencoders, built from untrained networks and made-up jets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from jet_samples import random_jets

from trigforge.hls.cli import main
from trigforge.train.bootstrap import auc_spread
from trigforge.train.errors import InputError
from trigforge.train.jets.jet_file import save_jets
from trigforge.train.jets.jets import Jets
from trigforge.train.jets.sample import load_jets, load_shipped_jets
from trigforge.train.metrics import auc
from trigforge.train.nae.network import (
    Autoencoder,
    JetAutoencoder,
    build_dense_autoencoder,
    build_jet_autoencoder,
)
from trigforge.train.nae.pictures import landscape
from trigforge.train.nae.prototypes import LatentScore, fit_prototypes
from trigforge.train.nae.released import architecture
from trigforge.train.nae.training import paper_training
from trigforge.train.physics import style
from trigforge.train.physics.nae import (
    images,
    images_page,
    paper,
    samples,
    tagging,
    variables_page,
    words,
)
from trigforge.train.physics.nae.networks import latest, load_dense_trainings, load_image_trainings
from trigforge.train.physics.nae.separation import Scored, rejection_cell, separation
from trigforge.train.physics.nae.tagging import mean_energies, sample_of
from trigforge.train.physics.options import PhysicsOptions
from trigforge.train.physics.run import ALIASES, MODELS, run_physics
from trigforge.train.weights import save_released

JETS = 120
EPOCH = {
    "energy": 2.0,
    "sample_energy": 1.0,
    "movers_distance": 0.1,
    "latent_acceptance": 1.0,
    "input_acceptance": 1.0,
    "buffer_age": 3.0,
}
HISTORY = {
    "reconstruction": [{"epoch": 0, "energy": 3.0}],
    "normalisation": [
        {"epoch": n, **EPOCH, "negative_movers_distance": d} for n, d in enumerate((-2.0, -1.0))
    ],
}


def write_training(folder: Path, name: str, background: str, **config: Any) -> str:
    networks: dict[str, Autoencoder] = {
        phase: build_dense_autoencoder(n) if background == "ttbar" else build_jet_autoencoder(n)
        for n, phase in enumerate(("autoencoder", "normalised"))
    }
    state = {f"{p}.{k}": v for p, net in networks.items() for k, v in net.state_dict().items()}
    manifest = {
        "config": {**architecture(networks["normalised"]), "background": background, **config},
        "training": {"stopping": "movers_distance"},
        "history": HISTORY,
        "metrics": {"training": {"iterations": 12345}, "machine": "a made-up one"},
    }
    save_released(folder, name, state, manifest)
    return str(folder / f"{name}.safetensors")


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


def test_without_dark_jets_the_section_says_so() -> None:
    absent = "There is no sample of dark jets."
    weights = "No weights of a training on QCD jets of 150 to 300 GeV are released."
    assert words.dark_paragraphs([], False, absent) == [absent, weights]
    assert words.dark_paragraphs([], True, absent) == [absent]
    assert words.dark_paragraphs([], False, "") == [weights]


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


def test_released_variables_give_what_their_manifest_says() -> None:
    training = load_dense_trainings(latest("nae_svj"))[0]
    found = variables_page.measure(training, load_shipped_jets("semivisible"), 3000)["signals"]
    for network, name in (("autoencoder", "ae"), ("normalised", "nae")):
        expected = training.manifest["metrics"]["auc"][network]
        assert set(expected) == set(found)
        for signal, area in expected.items():
            assert found[signal]["scores"][name]["auc"] == pytest.approx(area, abs=1e-4)


def test_the_bootstrap_error_is_near_delongs(rng: np.random.Generator) -> None:
    signal, background = rng.normal(1, 1, 400), rng.normal(0, 1, 600)
    spread = auc_spread(signal, background, rng)
    assert spread == pytest.approx(auc(signal, background).error, rel=0.15)


def test_few_background_jets_are_in_brackets() -> None:
    apart = separation(Scored(np.arange(100.0) + 200, np.arange(100.0)))
    assert rejection_cell(apart).text == "(> 100)"
    few = separation(Scored(np.arange(100.0), np.arange(100.0) - 16))
    assert rejection_cell(few).text == "(25)" and few["rejection_jets"] < 10
    many = separation(Scored(np.arange(1000.0), np.arange(1000.0)))
    assert rejection_cell(many).text == "5" and rejection_cell(many).error != ""


def test_the_verdict_says_what_is_better() -> None:
    number = {"auc": 0.8, "auc_error": 0.01, "auc_at_equal": 0.6, "auc_at_equal_error": 0.01}
    scores = {name: number for name in ("nae", "ae", "constituents", "pt", "squared_pixels")}
    scores["mass"] = {**number, "auc": 0.9, "auc_at_equal": 0.5}
    entry = {
        "direction": "direct",
        "background": "qcd",
        "signal": "top",
        "scores": scores,
        "gain": {"value": -0.01, "low": -0.02, "high": -0.005},
    }
    said = words.verdict(entry)
    assert "below the paper's 0.91, and loses by -0.010" in said
    assert "Better without a network: jet mass (0.900)." in said
    assert "it knows more than the mass" in said
    scores["nae"] = {**number, "auc": 0.95}
    said = words.verdict({**entry, "gain": {"value": 0.01, "low": 0.0, "high": 0.02}})
    assert "above the paper's 0.91, and changes, but not significantly," in said
    assert "No baseline separates as well." in said


def test_samples_are_told_apart_by_what_chance_gives() -> None:
    def both(value: float) -> dict[str, dict[str, float]]:
        return {space: {"value": value, "level": 0.01} for space in ("input", "latent")}

    far = {"weights": "w", "networks": {"ae": both(0.2), "nae": both(0.05), "longer": both(0.08)}}
    said = " ".join(words.discrepancy_paragraphs([far]))
    assert "in images from 0.200 to 0.050" in said and "still told apart" in said
    assert "they run on, further from the jets" in said
    near = {**far, "networks": {"ae": both(0.2), "nae": both(0.005), "longer": both(0.01)}}
    said = " ".join(words.discrepancy_paragraphs([near]))
    assert "no longer told apart" in said and "come no further from the jets" in said


def test_the_paper_has_a_number_for_every_power() -> None:
    powers = [0.5, 0.3, 0.2, 0.1, 0.01]
    assert all(list(row) == powers for row in paper.DARK.values())
    assert paper.TAGGING["reverse"]["ae"] == paper.Quoted(0.579, 12)
    assert {key: row["nae"].auc for key, row in paper.TAGGING.items()} == paper.TARGETS


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
