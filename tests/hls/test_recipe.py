from __future__ import annotations

from pathlib import Path

import pytest

from trigforge.hls.budget import load_budget
from trigforge.hls.recipe import PRESETS, RECIPES, load_deployable, load_recipe, recipe_names
from trigforge.hls.session import Options, adapted
from trigforge.train.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / RECIPES


@pytest.mark.parametrize("name", recipe_names(FOLDER))
def test_every_committed_recipe_parses_in_every_preset(name: str) -> None:
    for preset in PRESETS:
        recipe = adapted(load_deployable(name, FOLDER), Options(model=name, preset=preset))
        load_budget(recipe.budget.name).check_part(recipe.hls.part)


def edited(tmp_path: Path, old: str, new: str) -> None:
    text = (FOLDER / "codae_mask_encoder.yaml").read_text()
    assert old in text
    (tmp_path / "edited.yaml").write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("weight_bits", "wieght_bits", r"quantize: unknown key 'wieght_bits'.*mean 'weight_bits'"),
        ("groups: [1, 2", "groups: [1, 3", r"network: groups\[1\] is 3, which does not divide 64"),
        ("groups: [1, 2, 2, 2]", "groups: [1, 2]", "one group count per convolution"),
        ("bias_bits: 14", "bias_bits: 1", r"bias_bits is \[1\], expected widths from 2 to 16"),
        ("[10, 10, 10, 10]", "[10, 10, 10]", "expected one more than activation_bits"),
        ("latents: 2", "latents: two", "network.latents is 'two', expected an integer"),
        ("architecture: codae", "architecture: coda", "expected one of codae"),
        ("compute_units: 1", "compute_units: 0", "compute_units is 0, expected at least 1"),
        ("export: encoder", "export: full", "'full' has network.score: remove them"),
        ("normalization: batch", "normalization: instance", "or use export: full"),
        ("conv2: ", "conv2: -", r"reuse\.conv2 is -\d+, expected at least 1"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    edited(tmp_path, old, new)
    with pytest.raises(InputError, match=rf"edited\.yaml: .*{sentence}"):
        load_recipe("edited", tmp_path)


@pytest.mark.parametrize(
    ("model", "old", "new", "sentence"),
    [
        ("l1_regions", "  shift: 3\n", "", "network.shift is missing, expected an integer"),
        ("l1_regions", "shift: 3", "shift: 12", "shift is 12, expected 0 to 9 bits"),
        ("l1_regions", "input_bits: 5", "input_bits: 9", "input_bits is 9, expected 2 to 8"),
        ("l1_objects", "[5, 3, 0, 5]", "[5, 3, 0]", "shifts has 3 entries, expected 4"),
        ("l1_objects", "export: full", "export: encoder", "network.export is 'encoder'; the score"),
        ("l1_objects", "objective: zero_bias", "objective: bce_sum", "l1_regions and l1_objects"),
    ],
)
def test_a_wrong_grid_of_level_one_is_one_sentence(
    tmp_path: Path, model: str, old: str, new: str, sentence: str
) -> None:
    text = (FOLDER / f"{model}.yaml").read_text()
    assert old in text
    (tmp_path / "edited.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=rf"edited\.yaml: .*{sentence}"):
        load_recipe("edited", tmp_path)


def test_an_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown model 'nope', known are .*codae_mask_encoder"):
        load_recipe("nope", FOLDER)


def test_a_missing_folder_says_where_to_stand(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run in the root of the repository"):
        load_recipe("codae_mask_encoder", tmp_path / "none")


def test_smoke_shrinks_and_forgets_released_weights() -> None:
    recipe = PRESETS["smoke"](load_recipe("codae_mask_encoder", FOLDER))
    assert recipe.network.filters == (8, 16, 16, 32)
    assert recipe.train.released is None and recipe.quantize.released is None
    assert recipe.data.limit_train == 512


def test_paper_trains_as_published_whatever_the_recipe_does() -> None:
    train = PRESETS["paper"](load_recipe("codae_mask_encoder", FOLDER)).train
    assert (train.epochs, train.batch_size, train.learning_rate) == (30, 128, 1e-3)
    assert (train.schedule, train.precision, train.released) == ("constant", "float32", None)


def test_teachers_belong_to_students(tmp_path: Path) -> None:
    text = (FOLDER / "codae_score_student.yaml").read_text()
    (tmp_path / "student.yaml").write_text(text.replace("score_student", "codae"))
    with pytest.raises(InputError, match=r"objective is 'teacher' for a codae"):
        load_recipe("student", tmp_path)
    start, _, rest = text.partition("  teacher:")
    (tmp_path / "student.yaml").write_text(start + rest.partition("    ranking: 1.0\n")[2])
    with pytest.raises(InputError, match=r"train: objective is 'teacher' and teacher is absent"):
        load_recipe("student", tmp_path)
    smoke = PRESETS["smoke"](load_recipe("codae_score_student", FOLDER))
    assert smoke.train.teacher is not None and smoke.train.teacher.images < 1000
