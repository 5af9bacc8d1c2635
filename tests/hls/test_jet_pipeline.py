"""Networks of jets through the pipeline: same integers everywhere, remarks that can be wrong."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jet_recipes import FOLDER, VARIABLES, committed, written

from trigforge.hls.emulator import Emulator
from trigforge.hls.jet_recipe import ImageRecipe
from trigforge.hls.recipe import load_deployable
from trigforge.hls.reports.report import load_report
from trigforge.hls.samples import values_of
from trigforge.hls.session import Options, Session
from trigforge.hls.stages import normalisation
from trigforge.hls.stages.comparison import vectors
from trigforge.hls.stages.firmware import MODEL, export, lowered
from trigforge.hls.stages.jet_images import ImageEncoder, ImageEnergy
from trigforge.hls.stages.jet_networks import AFTER, BEFORE, Weights, joined
from trigforge.hls.stages.jet_remarks import sentences
from trigforge.hls.stages.models import WEIGHTS, float_model, load_quantised
from trigforge.hls.stages.normalisation import normalisation_gains
from trigforge.hls.stages.scoring import COARSE
from trigforge.hls.vectors import to_input
from trigforge.quantize.equality import run_brevitas, run_qonnx
from trigforge.train.artifacts import sha256_file
from trigforge.train.errors import InputError
from trigforge.train.nae import released
from trigforge.train.nae.network import build_jet_autoencoder
from trigforge.train.nae.released import ReleasedNae
from trigforge.train.weights import save_weights


def test_variables_have_the_same_integers_in_every_stage(tmp_path: Path) -> None:
    recipes = written(tmp_path / "recipes", "svj", VARIABLES)
    options = Options(model="svj", preset="smoke", from_scratch=True)
    session = Session(options, recipes, tmp_path / "build")
    graph, found = lowered(session), vectors(session)
    (edge,), (output,) = graph.inputs.values(), graph.outputs
    assert set(found) == {"events", "random", "extreme"}
    for integers in found.values():
        values = values_of(integers[:40], edge.fraction)
        twin = run_brevitas(load_quantised(session), values)
        file = run_qonnx(export(session).folder / MODEL, values)
        emulated = Emulator(graph).run(to_input(integers[:40], edge, edge.fraction))[output]
        assert np.array_equal(twin, file)
        assert np.array_equal(twin, emulated * 2.0 ** -graph.edges[output].fraction)
        assert len(np.unique(emulated)) > 10
    info = float_model(session).manifest.info
    assert (info["metrics"]["reconstruction_epochs"], len(info["history"])) == (1, 2)


def test_an_encoder_keeps_its_prototypes(tmp_path: Path) -> None:
    recipe = load_deployable("nae_encoder", FOLDER)
    assert isinstance(recipe, ImageRecipe)
    row, model = ImageEncoder(), build_jet_autoencoder(3)
    session = Session(Options(model="nae_encoder", preset="smoke"), FOLDER, tmp_path)
    states = {phase: model.state_dict() for phase in (BEFORE, AFTER)}
    plain = {f"{phase}.{name}": v for phase, state in states.items() for name, v in state.items()}
    state = row.completed(recipe, plain, session.data)  # type: ignore[arg-type]
    assert state["prototypes.weights"].shape == (8, 3)
    save_weights(tmp_path / "w.safetensors", state)
    score = row.float_network(recipe, tmp_path / "w.safetensors")
    images = torch.from_numpy(session.samples.test.floats[:20])[:, None]
    with torch.no_grad():
        found, latents = score(images)[:, 0].numpy(), model.encode(images).numpy()
    terms = latents @ state["prototypes.weights"].numpy().T + state["prototypes.offsets"].numpy()
    assert np.allclose(found, terms.max(1), rtol=1e-4, atol=1e-4)


def test_released_weights_are_for_the_recipes_jets(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = build_jet_autoencoder(1).eval(), build_jet_autoencoder(2).eval()
    config = {"background": "qcd", "preprocessing": {"power": 1.0, "sigma_pixels": 1.0}}
    history = {"reconstruction": [{"energy": 1.0}], "normalisation": [{"energy": 2.0}]}
    found = ReleasedNae(before, after, history, {"machine": "a test"}, config)
    monkeypatch.setattr(released, "load_released_nae", lambda name: found)
    direct, reverse = (load_deployable(name, FOLDER) for name in ("nae", "nae_reverse"))
    assert isinstance(direct, ImageRecipe) and isinstance(reverse, ImageRecipe)
    trained = ImageEnergy().released(direct, "some_v1")
    assert trained.history == [{"energy": 1.0}, {"energy": 2.0}]
    for phase, network in ((BEFORE, before), (AFTER, after)):
        for name, value in network.state_dict().items():
            assert torch.equal(trained.state[f"{phase}.{name}"], value)
    with pytest.raises(InputError, match=r"= qcd, the recipe has data\.background = top"):
        ImageEnergy().released(reverse, "some_v1")
    powered = replace(direct, data=replace(direct.data, power=0.5))
    with pytest.raises(InputError, match=r"power = 1\.0, the recipe has data\.power = 0\.5"):
        ImageEnergy().released(powered, "some_v1")


def test_remarks_measure_the_input_format() -> None:
    recipe = load_deployable("nae", FOLDER)
    assert isinstance(recipe, ImageRecipe)
    rng = np.random.default_rng(2)
    b, s = rng.normal(0, 1, 2000), rng.normal(1, 1, 2000)
    noise = rng.normal(0, 1, (2, 2000))
    tables = {
        "float": {"qcd": b, "top": s},
        COARSE: {"qcd": b + 0.5 * noise[0], "top": s + 0.5 * noise[1]},
    }
    taken, divided, cost = sentences(tables, recipe, np.random.default_rng(1))
    assert "heavier than qcd" in taken and "1,600 pixels" in divided
    # AUC of a shift by 1 is 0.760; smeared by a half 0.737
    lost = float(cost.split("top ")[1].split()[0])
    assert 0.015 < lost < 0.03
    same = {**tables, COARSE: tables["float"]}
    (_, _, sentence) = sentences(same, recipe, np.random.default_rng(1))
    assert "+0.0000 (95 % interval +0.0000 to +0.0000)" in sentence


def test_gains_are_those_of_both_directions(tmp_path: Path) -> None:
    session = Session(Options(model="nae", preset="smoke"), FOLDER, tmp_path)
    other = session.reverse
    assert other is not None
    row, recipe = ImageEnergy(), other.recipe
    states = {BEFORE: build_jet_autoencoder(3), AFTER: build_jet_autoencoder(4)}
    rng = np.random.default_rng(1)
    # float energies of the model itself: a shift by 1 has an AUC of 0.760
    own = {"qcd": rng.normal(0, 1, 2000), "top": rng.normal(1, 1, 2000)}
    scores = {"float": own, BEFORE: {**own, "top": own["top"] - 0.5}}

    def trained(self: object, recipe: ImageRecipe, *rest: object) -> Weights:
        assert recipe.data.background == "top"
        return Weights(joined({phase: n.state_dict() for phase, n in states.items()}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageEnergy, "train", trained)
        patch.setattr(normalisation, "load_scores", lambda session: scores)
        direct, reverse = normalisation_gains(session, other, np.random.default_rng(2))
    assert (direct.recipe, direct.trained_on, direct.signal) == ("nae", "qcd", "top")
    assert 0.11 < direct.gain < 0.135
    assert (reverse.recipe, reverse.trained_on, reverse.signal) == ("nae_reverse", "top", "qcd")
    assert "nae_reverse float" in session.results
    path = float_model(other).folder / WEIGHTS
    networks = {
        "before": row.rivals(recipe, path)[BEFORE],
        "after": row.float_network(recipe, path),
    }
    images = {
        "qcd": session.samples.test.floats[: recipe.data.limit_signal],
        "top": other.samples.test.floats,
    }
    for phase, network in networks.items():
        with torch.no_grad():
            energies = {
                label: network(torch.from_numpy(part)[:, None])[:, 0].double().numpy()
                for label, part in images.items()
            }
        plain = np.mean(energies["qcd"][:, None] > energies["top"][None])
        assert abs(getattr(reverse, phase) - plain) < 1e-3


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("model", ["nae", "nae_encoder", "svj"])
def test_from_nothing_to_a_verdict(tmp_path: Path, model: str) -> None:
    text = VARIABLES if model == "svj" else committed(model)
    written(tmp_path / "firmware_projects", model, text)
    written(tmp_path / "firmware_projects", "nae_reverse", committed("nae_reverse"))
    command = [sys.executable, "-m", "trigforge.hls.cli", "hls", model]
    command += ["--preset", "smoke", "--from-scratch"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    report = load_report(tmp_path / "build" / model / "smoke-scratch" / f"{model}.json")
    pairs = {(c.a, c.b) for c in report.bit_accuracy}
    assert pairs == {("brevitas", "qonnx"), ("qonnx", "emulator"), ("emulator", "csim")}
    assert [c.mismatches for c in report.bit_accuracy if c.mismatches] == []
    assert report.dataset is not None and report.dataset.name == "jets"
    said = "\n".join(report.verdict.statements)
    assert "cost the float network" in said
    assert ("as an autoencoder, before the normalisation" in said) == (model != "nae_encoder")
    gains = [(gain.recipe, gain.trained_on) for gain in report.normalisation]
    expected = {
        "nae": [("nae", "qcd"), ("nae_reverse", "top")],
        "nae_encoder": [],
        "svj": [("svj", "ttbar")] * 2,
    }
    assert gains == expected[model]
    assert ("Reverse tagging (nae_reverse, trained on top jets" in said) == (model == "nae")


def weights_after(folder: Path, model: str, killed_after: float | None) -> str:
    """Digest of the weights of a training, killed seconds after its first sign of life or not."""
    written(folder / "firmware_projects", "svj", VARIABLES)
    written(folder / "firmware_projects", "nae", committed("nae"))
    command = [sys.executable, "-m", "trigforge.hls.cli", "train", model]
    command += ["--preset", "smoke", "--from-scratch"]
    if killed_after is not None:
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            seen = ""
            while "autoencoder 1:" not in seen and (character := process.stderr.read(1)):
                seen += character
            with suppress(subprocess.TimeoutExpired):
                process.wait(killed_after)
            process.kill()
            process.stderr.read()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    stage = folder / "build" / model / "smoke-scratch" / "float"
    return sha256_file(stage / "weights.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("model", ["nae", "svj"])
def test_a_training_killed_at_any_moment_goes_on_with_identical_numbers(
    tmp_path: Path, model: str
) -> None:
    start = time.monotonic()
    whole = weights_after(tmp_path / "whole", model, None)
    # half of the time goes into starting
    moment = np.random.default_rng().uniform(0, (time.monotonic() - start) / 2)
    assert weights_after(tmp_path / "killed", model, moment) == whole, f"killed after {moment} s"
