"""The report that the last ``make hls`` wrote, if it still belongs to the recipe."""

from __future__ import annotations

from pathlib import Path

from trigforge.hls.recipe import RECIPES, load_deployable
from trigforge.hls.reports.report import Report, load_report
from trigforge.train.artifacts import sha256_json
from trigforge.train.errors import InputError

BUILD = Path("build")


def fresh_path(model: str, build: Path = BUILD) -> Path:
    """Where ``make hls`` leaves the report of a recipe as it is written."""
    return build / model / "demo" / f"{model}.json"


def fresh_models(build: Path = BUILD) -> list[str]:
    """Models with a fresh report."""
    found = (path.name for path in build.glob("*") if fresh_path(path.name, build).is_file())
    return sorted(found)


def fresh_report(model: str, build: Path = BUILD, recipes: Path = RECIPES) -> Report:
    """The fresh report of a model.

    Raises:
        InputError: none was written, it is damaged, or the recipe has changed since.
    """
    path = fresh_path(model, build)
    if not path.is_file():
        raise InputError(f"{path}: no fresh report of {model}; run make hls MODEL={model} first")
    report = load_report(path)
    if report.recipe_sha256 != sha256_json(load_deployable(model, recipes)):
        raise InputError(
            f"{path}: {recipes / model}.yaml has changed since; run make hls MODEL={model} again"
        )
    return report
