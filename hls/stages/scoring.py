"""Scores of all test events in three arithmetics, the cheap baselines and what stands beside."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.session import Session
from trigforge.hls.stages.firmware import MODEL, export, lowered
from trigforge.hls.stages.models import (
    WEIGHTS,
    architecture,
    float_model,
    load_float,
    load_quantised,
)
from trigforge.hls.stages.progress import in_parts
from trigforge.train.artifacts import StageResult, atomic_path

SCORES = "scores.npz"
# the float network on the inputs of firmware, where they are coarser
COARSE = "float on firmware inputs"

Tables = dict[str, NDArray[Any]]


def scores(session: Session) -> StageResult:
    """Per sample: float, quantised and firmware score (integers), the baselines, the rivals."""
    recipe, row = session.recipe, architecture(session)
    column, sign = row.score_column(recipe)

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.hls.emulator import Emulator
        from trigforge.hls.samples import values_of
        from trigforge.hls.vectors import as_input
        from trigforge.train.scores import evaluate_latents

        graph = lowered(session)
        emulator = Emulator(graph)
        float_network, quantised = load_float(session), load_quantised(session)
        data = session.samples
        floats = np.concatenate([sample.floats for sample in data.all.values()])
        integers = np.concatenate([sample.integers for sample in data.all.values()])
        values = values_of(integers, data.format.fraction)
        outputs = {
            "float": in_parts(lambda v: evaluate_latents(float_network, v), floats, "float"),
            "quantised": in_parts(lambda v: evaluate_latents(quantised, v), values, "quantised"),
            "firmware": emulator.run(as_input(integers), progress="firmware")[graph.outputs[0]],
        }
        if data.truncated:
            outputs[COARSE] = in_parts(lambda v: evaluate_latents(float_network, v), values, COARSE)
        weights = float_model(session).folder / WEIGHTS
        for name, rival in row.rivals(recipe, weights).items():
            outputs[name] = in_parts(partial(evaluate_latents, rival), floats, name)
        arrays: Tables = {}
        ends = np.cumsum([len(sample) for sample in data.all.values()])[:-1]
        for stage, found in outputs.items():
            for name, part in zip(data.all, np.split(sign * found[:, column], ends), strict=True):
                arrays[f"{stage}/{name}"] = part
        for name, sample in data.all.items():
            for baseline, scored in sample.baselines.items():
                arrays[f"{baseline}/{name}"] = scored
        save_arrays(folder / SCORES, arrays)

    return session.stage(
        "scores",
        [row.score_name(recipe), column, sign],
        {
            "float": float_model(session).manifest.outputs[WEIGHTS],
            "model": export(session).manifest.outputs[MODEL],
            "events": session.data_key,
        },
        ("train", "quantize", "hls"),
        run,
    )


def score_name(session: Session) -> str:
    """What the score is called: ``z_m[0]``, ``student``."""
    return architecture(session).score_name(session.recipe)


def load_scores(session: Session) -> dict[str, Tables]:
    """Table (``float``, a baseline, :data:`COARSE`, a rival) -> sample -> (N,)."""
    return tables_of(scores(session).folder / SCORES)


def save_arrays(path: Path, arrays: Tables) -> None:
    """Write an npz file, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type] # the stub takes keywords for flags


def tables_of(path: Path) -> dict[str, Tables]:
    """Table -> sample -> (N,), from arrays called ``<table>/<sample>``."""
    tables: dict[str, Tables] = {}
    with np.load(path, allow_pickle=False) as stored:
        for key in stored.files:
            table, _, sample = key.partition("/")
            tables.setdefault(table, {})[sample] = stored[key]
    return tables
