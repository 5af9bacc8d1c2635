from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from trigforge.hls.session import Options, Session
from trigforge.train.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
MODEL = "codae_mask_encoder"


def session(tmp_path: Path, **options: Any) -> Session:
    recipes = tmp_path / "recipes"
    if not recipes.is_dir():
        recipes.mkdir()
        shutil.copy(ROOT / "firmware_projects" / f"{MODEL}.yaml", recipes)
    return Session(Options(model=MODEL, **options), recipes, tmp_path / "build")


def test_variants_keep_apart(tmp_path: Path) -> None:
    plain = session(tmp_path)
    assert (plain.variant, plain.is_reviewed) == ("demo", True)
    assert plain.project_folder == tmp_path / "recipes" / MODEL
    scratch = session(tmp_path, preset="smoke", from_scratch=True)
    assert (scratch.variant, scratch.is_reviewed) == ("smoke-scratch", False)
    assert scratch.project_folder.name == f"{MODEL}-smoke-scratch"
    assert scratch.recipe.train.released is None
    assert session(tmp_path, data="generated").recipe.data.dataset == "generated"
    other = session(tmp_path, data=str(tmp_path / "a"))
    assert other.variant.startswith("demo-a-") and not other.is_reviewed
    assert other.variant != session(tmp_path, data=str(tmp_path / "b" / "a")).variant


def test_a_stage_runs_once_and_again_when_what_it_reads_changes(tmp_path: Path) -> None:
    calls = []

    def body(folder: Path, work: Path, info: dict[str, Any]) -> None:
        calls.append(folder)
        (folder / "x").write_text("x")

    first = session(tmp_path).stage("s", {"a": 1}, {"in": "1"}, ("train",), body)
    assert not first.cached
    again = session(tmp_path).stage("s", {"a": 1}, {"in": "1"}, ("train",), body)
    assert again.cached and again.manifest.outputs == first.manifest.outputs
    session(tmp_path).stage("s", {"a": 1}, {"in": "2"}, ("train",), body)
    assert len(calls) == 2


def test_events_are_cut_to_the_preset_and_identified_without_loading(tmp_path: Path) -> None:
    smoke = session(tmp_path, preset="smoke")
    data = smoke.dataset
    assert (len(data.train), len(data.validation), len(data.test)) == (512, 128, 512)
    assert list(data.signals) == list(smoke.recipe.data.signals)
    assert all(len(events) == 128 for events in data.signals.values())
    assert smoke.data_key != session(tmp_path).data_key
    assert smoke.data_key == session(tmp_path, preset="smoke").data_key


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workers": 0}, "--workers is 0, expected at least 1"),
        ({"data": "nowhere"}, "nowhere: no such file or folder; DATA names a folder"),
    ],
)
def test_wrong_options_are_one_sentence(
    tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        print(session(tmp_path, **options).data_key)


def test_a_signal_that_the_events_lack_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipes" / f"{MODEL}.yaml"
    session(tmp_path)
    names = ", ".join([*session(tmp_path).recipe.data.signals, "zprime"])
    path.write_text(path.read_text().replace("dataset: shipped", f"signals: [{names}]"))
    with pytest.raises(InputError, match="shipped sample: no events of zprime"):
        print(session(tmp_path).dataset)


def test_a_part_that_is_not_the_budgets_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipes" / f"{MODEL}.yaml"
    session(tmp_path)
    path.write_text(path.read_text().replace("xcu250-figd2104-2L-e", "xcvu9p-flga2104-2L-e"))
    with pytest.raises(InputError, match=r"hls\.part is xcvu9p.* but budget hlt is for xcu250"):
        session(tmp_path)
