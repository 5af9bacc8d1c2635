"""``trigforge physics``: networks and events in, one page with figures and numbers out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from trigforge.train.errors import unknown_name
from trigforge.train.physics.codae import run_codae
from trigforge.train.physics.nae.images_page import run_nae
from trigforge.train.physics.nae.variables_page import run_nae_svj
from trigforge.train.physics.options import PhysicsOptions

MODELS: dict[str, Callable[[PhysicsOptions], Path]] = {
    "codae": run_codae,
    "nae": run_nae,
    "nae_svj": run_nae_svj,
}
ALIASES = {"nae_encoder": "nae", "nae_reverse": "nae"}
"""Recipes whose scores are on the page of another."""


def run_physics(options: PhysicsOptions) -> Path:
    """Score, measure, draw and write; returns the path of the page.

    Raises:
        InputError: unknown model or network, or events that cannot be read.
        StorageError: an output cannot be written.
    """
    options = replace(options, model=ALIASES.get(options.model, options.model))
    if options.model not in MODELS:
        raise unknown_name("model", options.model, (*MODELS, *ALIASES))
    options.check()
    return MODELS[options.model](options)
