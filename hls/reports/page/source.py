"""Where a page gets its numbers: reports of recipes and of their variants, curves beside them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.recipe import RECIPES, load_deployable
from trigforge.hls.reports.report import Physics, Report, load_report, plain
from trigforge.hls.reports.review.fresh import BUILD, fresh_path
from trigforge.hls.reports.review.moves import Move
from trigforge.hls.reports.review.review import REPORTS, moves_since_review
from trigforge.train.artifacts import sha256_json
from trigforge.train.errors import InputError, unknown_name

IDENTITY = "physics_sha256"
"""Entry of ``<model>.npz`` that says which physics block the curves belong to."""


@dataclass(frozen=True)
class Places:
    """Folders that pages are made from."""

    reports: Path = REPORTS
    build: Path = BUILD
    recipes: Path = RECIPES


HERE = Places()
"""Those of the repository that the command runs in."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One page's material.

    Attributes:
        name: of the page: the model, with its variant where it is not the reviewed one.
        path: of the report.
        arrays: see ``reports/physics.curves``; empty with a ``reason`` when there are none.
        recipe: the YAML as it stands now, absent when there is none.
        recipe_note: whether it is the one that was judged.
        moves: since the last review; absent where there is nothing to compare with.
    """

    name: str
    path: Path
    report: Report
    arrays: Mapping[str, NDArray[Any]]
    reason: str
    recipe: str | None
    recipe_note: str
    moves: tuple[Move, ...] | None
    is_variant: bool


def physics_sha256(physics: Physics) -> str:
    """Hash that ties curves to the numbers made from the same events."""
    return sha256_json(plain(physics))


def report_paths(places: Places = HERE) -> dict[str, Path]:
    """Page name -> report, sorted: a fresh report before the reviewed one, then the variants."""
    found = {path.stem: path for path in places.reports.glob("*.json")}
    for path in places.build.glob("*/*/*.json"):
        model, variant = path.parts[-3:-1]
        if path.stem == model:
            fresh = path == fresh_path(model, places.build)
            found[model if fresh else f"{model}-{variant}"] = path
    return dict(sorted(found.items()))


def chosen_paths(models: Sequence[str], places: Places = HERE) -> dict[str, Path]:
    """The reports of some pages, or all there are; a model stands for its variants too.

    Raises:
        InputError: a model has no report, or there is none at all.
    """
    known = report_paths(places)
    if not known:
        raise InputError(
            f"{places.reports}: no report of any model; run make hls MODEL=... in the root of the "
            "repository first"
        )
    if not models:
        return known
    names = {name: path.stem for name, path in known.items()}
    for model in models:
        if model not in known and model not in names.values():
            raise unknown_name("report", model, known, f"{places.reports} and {places.build}")
    return {n: p for n, p in known.items() if n in models or names[n] in models}


def load_source(name: str, path: Path, places: Places = HERE) -> Source:
    """Everything that goes into the page of a report.

    Raises:
        InputError: the report is damaged.
    """
    report = load_report(path)
    is_variant = name != report.model
    arrays, reason = _curves(report, path, places)
    recipe, note = _recipe(report, places, is_variant)
    return Source(
        name=name,
        path=path,
        report=report,
        arrays=arrays,
        reason=reason,
        recipe=recipe,
        recipe_note=note,
        moves=None if is_variant else moves_since_review(report, places.reports),
        is_variant=is_variant,
    )


def _curves(report: Report, path: Path, places: Places) -> tuple[dict[str, NDArray[Any]], str]:
    """The arrays of a report's figures, or none and the reason."""
    if report.physics is None:
        return {}, "There are no events, so there are no curves."
    beside = path.with_suffix(".npz")
    if path.parent == places.reports:
        beside = fresh_path(report.model, places.build).with_suffix(".npz")
    again = f"run make hls MODEL={report.model} to draw them"
    if not beside.is_file():
        return {}, f"ROC curves and histograms are built, not committed: {again}."
    try:
        with beside.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, EOFError, KeyError, BadZipFile, zlib.error) as error:
        return {}, f"{beside.name} cannot be read ({error}): {again}."
    identity = arrays.pop(IDENTITY, None)
    if identity is None or str(identity) != physics_sha256(report.physics):
        return {}, f"{beside.name} belongs to other numbers than this report: {again}."
    return arrays, ""


def _recipe(report: Report, places: Places, is_variant: bool) -> tuple[str | None, str]:
    path = places.recipes / f"{report.model}.yaml"
    if not path.is_file():
        return None, "The recipe is not here."
    text = path.read_text(encoding="utf-8")
    if is_variant:
        return text, "As written; this report is of a variant of it."
    try:
        current = sha256_json(load_deployable(report.model, places.recipes))
    except InputError as error:
        return text, f"The recipe cannot be read any more: {error}"
    if current != report.recipe_sha256:
        return text, "The recipe has changed since this report was made."
    return text, "The recipe that this report was made from."
