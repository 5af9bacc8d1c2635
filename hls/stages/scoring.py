"""Scores of all test events in three arithmetics, and the cheap baselines beside them."""

from __future__ import annotations

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

Samples = dict[str, NDArray[Any]]


def scores(session: Session) -> StageResult:
    """Per sample: float, quantised and firmware score (integers), and the baselines."""
    network = session.recipe.network

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.hls.emulator import Emulator
        from trigforge.train.scores import evaluate_latents

        graph = lowered(session)
        emulator = Emulator(graph)
        float_encoder, quantised = load_float(session), load_quantised(session)
        data = session.dataset
        samples = {session.recipe.data.background: data.test, **data.signals}
        masks = np.concatenate([events.masks for events in samples.values()])
        latents = {
            "float": in_parts(lambda m: evaluate_latents(float_encoder, m), masks, "float"),
            "quantised": in_parts(lambda m: evaluate_latents(quantised, m), masks, "quantised"),
            "firmware": emulator.run(masks[..., None], progress="firmware")[graph.outputs[0]],
        }
        arrays: Samples = {}
        ends = np.cumsum([len(events) for events in samples.values()])[:-1]
        for stage, values in latents.items():
            column = network.score_sign * values[:, network.score_latent]
            for sample, part in zip(samples, np.split(column, ends), strict=True):
                arrays[f"{stage}/{sample}"] = part
        for sample, events in samples.items():
            for name, values in architecture(session).baselines(events).items():
                arrays[f"{name}/{sample}"] = values
        with atomic_path(folder / SCORES) as path, path.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type] # the stub takes keywords for flags

    return session.stage(
        "scores",
        [network.score, network.score_latent, network.score_sign],
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


def load_scores(session: Session) -> dict[str, Samples]:
    """Table (``float``, ``mask_sum``...) -> sample -> (N,)."""
    tables: dict[str, Samples] = {}
    with np.load(scores(session).folder / SCORES, allow_pickle=False) as stored:
        for key in stored.files:
            table, _, sample = key.partition("/")
            tables.setdefault(table, {})[sample] = stored[key]
    return tables
