"""A network of jet images the other way round: trained on what is a signal of the recipe.

An autoencoder finds jets that are more complex than its own. Whether its normalisation has mended
that shows in this direction only (arXiv:2206.14225, table 1), so both stand in one report.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trigforge.hls.session import Session
from trigforge.hls.stages.models import WEIGHTS, architecture, float_model
from trigforge.hls.stages.progress import in_parts
from trigforge.hls.stages.scoring import Tables, tables_of
from trigforge.train.artifacts import StageResult, atomic_path

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
        with atomic_path(folder / ENERGIES) as target, target.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type] # as in scoring.py

    return session.stage(
        "reverse",
        other.options.model,
        {"float": weights.manifest.outputs[WEIGHTS], "events": other.data_key},
        ("train", "hls"),
        run,
    )


def load_reverse_energies(session: Session, other: Session) -> dict[str, Tables]:
    """Table (:data:`FLOAT`, the rivals) -> sample -> (N,)."""
    return tables_of(reverse_energies(session, other).folder / ENERGIES)
