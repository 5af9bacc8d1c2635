"""Recipes of jets: what they say, what is refused, what their presets change."""

from __future__ import annotations

from pathlib import Path

import pytest
from jet_recipes import FOLDER, VARIABLES, committed, written

from trigforge.hls.jet_recipe import JET_PRESETS, ImageRecipe, VariableRecipe
from trigforge.hls.recipe import load_deployable
from trigforge.hls.session import Options, Session
from trigforge.train.errors import InputError
from trigforge.train.nae.config import training_of
from trigforge.train.nae.training import demo_training

RECIPES = ("nae", "nae_encoder", "nae_reverse")


@pytest.mark.parametrize("name", RECIPES)
def test_committed_recipes_are_of_images(name: str) -> None:
    recipe = load_deployable(name, FOLDER)
    assert isinstance(recipe, ImageRecipe)
    for preset in JET_PRESETS.values():
        assert preset(recipe).network == recipe.network
    smoke = JET_PRESETS["smoke"](recipe)
    assert smoke.train.released is None and smoke.quantize.released is None
    assert smoke.train.normalisation.input_chain.steps == 1 and smoke.data.limit_train < 1000


def test_reverse_tagging_exchanges_background_and_signal() -> None:
    direct, reverse = (load_deployable(name, FOLDER) for name in ("nae", "nae_reverse"))
    assert isinstance(direct, ImageRecipe) and isinstance(reverse, ImageRecipe)
    assert (direct.data.background, *direct.data.signals) == ("qcd", "top")
    assert (reverse.data.background, *reverse.data.signals) == ("top", "qcd")
    assert (direct.data.signals_are, reverse.data.signals_are) == ("heavier", "lighter")
    assert training_of(reverse.train) == demo_training()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "nae_reverse",
            "nae_encoder",
            r"edited\.yaml: reverse is 'nae_encoder', which is no whole",
        ),
        ("nae_reverse", "nae_revers", "did you mean 'nae_reverse'"),
        ("nae_reverse", "nae", "has background qcd and signals top, expected one of top as"),
        ("power: 1.0", "power: 0.5", r"sample, power and sigma_pixels .*1\.0.*expected .*0\.5"),
    ],
)
def test_the_reverse_recipe_is_this_one_the_other_way_round(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    for name in RECIPES:
        written(tmp_path, name, committed(name))
    folder = written(tmp_path, "edited", committed("nae").replace(old, new, 1))
    with pytest.raises(InputError, match=sentence):
        print(Session(Options(model="edited"), folder, tmp_path / "build").reverse)


def test_the_reverse_run_has_the_options_of_this_one(tmp_path: Path) -> None:
    options = Options(model="nae", preset="smoke", from_scratch=True)
    other = Session(options, FOLDER, tmp_path / "build").reverse
    assert other is not None and other.reverse is None
    assert other.root == tmp_path / "build" / "nae_reverse" / "smoke-scratch"
    assert other.recipe.train.released is None and other.recipe.data.limit_train > 0
    released = Session(Options(model="nae"), FOLDER, tmp_path / "build").reverse
    assert released is not None and released.recipe.train.released == "nae_reverse_v1"


def test_variables_have_a_recipe_of_their_own(tmp_path: Path) -> None:
    recipe = load_deployable("svj", written(tmp_path, "svj", VARIABLES))
    assert isinstance(recipe, VariableRecipe)
    assert training_of(recipe.train).config.sampler.latent is None


@pytest.mark.parametrize(
    ("recipe", "old", "new", "sentence"),
    [
        ("nae", "ufixed<12,0>", "fixed<12,0>", "pixels are never negative, take ufixed"),
        ("nae", "ufixed<12,0>", "12", "input is 12, expected a text"),
        ("nae", "ufixed<12,0>", "ufixed<20,0>", "expected at most 16 bits"),
        ("nae", "export: full", "export: encoder", "prototypes is None, expected 1 to 32"),
        ("nae_encoder", "export: encoder", "export: full", "prototypes are the score of 'encoder'"),
        ("nae_encoder", "prototypes: 8", "prototypes: 33", "prototypes is 33, expected 1 to 32"),
        ("nae", "signals: [top]", "signals: [qcd]", "signals names 'qcd', which is the background"),
        ("nae", "signals: [top]", "signals: []", "expected at least one label of jets"),
        ("nae", "signals_are: heavier", "signals_are: wider", "expected one of heavier, lighter"),
        ("nae", "power: 1.0", "power: 2.0", "power is 2, expected above 0 and at most 1"),
        ("nae", "sigma_pixels", "sigma_pixel", "unknown key 'sigma_pixel'.*mean 'sigma_pixels'"),
        ("nae", "sample: top_tagging", "sample: top", "expected one of top_tagging, semivisible"),
        ("nae", "learning_rate: 2.0e-3", "learning_rate: 2.0", r"expected within \(0, 1\)"),
        ("nae", "step_size: 200.0", "step_size: 0.0", "expected above 0"),
        ("nae", "    top: 0", "    w: 0", "min_auc names 'w', which data"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(
    tmp_path: Path, recipe: str, old: str, new: str, sentence: str
) -> None:
    text = committed(recipe)
    assert old in text
    folder = written(tmp_path, "edited", text.replace(old, new, 1))
    with pytest.raises(InputError, match=rf"edited\.yaml: .*{sentence}"):
        load_deployable("edited", folder)


def test_latent_chains_belong_to_spheres(tmp_path: Path) -> None:
    text = committed("nae")
    start, _, rest = text.partition("    latent_chain")
    without = start + rest.partition("\n")[2]
    with pytest.raises(InputError, match="latent_chain is absent; it lives on the sphere"):
        load_deployable("edited", written(tmp_path, "edited", without))
    chained = VARIABLES.replace(
        "    loss: log_cosh", "    latent_chain: {steps: 1, step_size: 1.0, noise: 0.1}"
    )
    with pytest.raises(InputError, match="latent_chain is given; it lives on the sphere"):
        load_deployable("edited", written(tmp_path, "edited", chained))


def with_signal(text: str, signal: str) -> str:
    """The recipe of another signal than top jets."""
    assert "[top]" in text and "    top: 0" in text
    return text.replace("[top]", f"[{signal}]").replace("    top: 0", f"    {signal}: 0")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("generated", "nae is a model of jets, which are not generated on the way"),
        ("nowhere.npz", "nowhere.npz: no such file or folder"),
        ("events", "this is not a jet file of this version"),
    ],
)
def test_other_data_than_jets_are_refused(tmp_path: Path, data: str, sentence: str) -> None:
    if data == "events":
        data = str(FOLDER.parent / "train" / "samples" / "events_v2.npz")
    folder = written(tmp_path, "nae", committed("nae"))
    with pytest.raises(InputError, match=sentence):
        session = Session(Options(model="nae", data=data), folder, tmp_path / "build")
        print(session.data_key, session.samples)


def test_parts_that_a_sample_lacks_are_named(tmp_path: Path) -> None:
    folder = written(tmp_path, "nae", with_signal(committed("nae"), "gluino"))
    with pytest.raises(InputError, match="gluino/test"):
        print(Session(Options(model="nae"), folder, tmp_path / "build").samples)
    text = committed("nae").replace("top_tagging", "semivisible").replace("qcd", "ttbar")
    folder = written(tmp_path, "nae", with_signal(text, "svj_1000_30"))
    with pytest.raises(InputError, match="has no constituents, which images need"):
        print(Session(Options(model="nae"), folder, tmp_path / "build").samples)


def test_a_model_of_jets_has_no_events(tmp_path: Path) -> None:
    session = Session(Options(model="nae"), FOLDER, tmp_path / "build")
    with pytest.raises(InputError, match="nae is a model of jets, which has no events"):
        print(session.dataset)
