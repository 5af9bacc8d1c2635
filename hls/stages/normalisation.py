"""Gains by the normalisation of autoencoders of jets, of the reverse recipe's as well."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trigforge.hls.jet_recipe import JetRecipe
from trigforge.hls.reports.normalisation import normalisation_gain
from trigforge.hls.reports.report import NormalisationGain
from trigforge.hls.session import Session
from trigforge.hls.stages.jet_networks import BEFORE
from trigforge.hls.stages.models import WEIGHTS, architecture, float_model
from trigforge.hls.stages.progress import in_parts
from trigforge.hls.stages.scoring import Tables, load_scores, save_arrays, tables_of
from trigforge.train.artifacts import StageResult

ENERGIES = "energies.npz"
FLOAT = "float"


def reverse_energies(session: Session, other: Session) -> StageResult:
    """Float energies of the reverse network on its test jets, before and after the normalisation.

    Args:
        other: ``session.reverse``; its float network is trained or taken from the release.
    """
    recipe, weights = other.recipe, float_model(other)
    session.results[f"{other.options.model} float"] = weights

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.train.scores import evaluate_latents

        row, path = architecture(other), weights.folder / WEIGHTS
        networks = {FLOAT: row.float_network(recipe, path), **row.rivals(recipe, path)}
        arrays: Tables = {}
        for name, network in networks.items():
            for label, sample in other.samples.all.items():
                shown = f"{other.label}{name}: {label}"
                energies = in_parts(partial(evaluate_latents, network), sample.floats, shown)
                arrays[f"{name}/{label}"] = energies[:, 0]
        save_arrays(folder / ENERGIES, arrays)

    return session.stage(
        "reverse",
        other.options.model,
        {"float": weights.manifest.outputs[WEIGHTS], "events": other.data_key},
        ("train", "hls"),
        run,
    )


def normalisation_gains(
    session: Session, other: Session | None, rng: np.random.Generator
) -> list[NormalisationGain]:
    """For each signal of the recipe, then for the reverse one; nothing without a normalisation.

    Args:
        other: ``session.reverse``.
        rng: of the bootstraps.
    """
    if not isinstance(session.recipe, JetRecipe):
        return []
    tables, data, model = load_scores(session), session.recipe.data, session.options.model
    asked = [(model, tables, data.background, signal) for signal in data.signals]
    if other is not None:
        energies = tables_of(reverse_energies(session, other).folder / ENERGIES)
        own = other.recipe.data.background
        asked.append((other.options.model, energies, own, data.background))
    return [
        normalisation_gain(
            name, found[BEFORE], found[FLOAT], trained_on=trained_on, signal=signal, rng=rng
        )
        for name, found, trained_on, signal in asked
        if BEFORE in found
    ]
