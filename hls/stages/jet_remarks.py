"""What a verdict says about networks of jets: the sign of baselines, cost of the input format."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trigforge.hls.jet_recipe import ImageNetwork, JetRecipe
from trigforge.hls.reports.statements import with_interval
from trigforge.hls.session import Session
from trigforge.hls.stages.evidence import SIMULATED
from trigforge.hls.stages.scoring import COARSE, Tables, load_scores
from trigforge.train.bootstrap import Difference, auc_difference

SEED = 41
NO_CROSSINGS = (
    "This sample holds jets of one process and no zero-bias crossings, so it supports no zero-bias "
    "rate at all: what is kept at 1 kHz of crossings is unknown."
)


def jet_remarks(session: Session, recipe: JetRecipe) -> list[str]:
    """Sentences for the verdict; intervals are paired bootstraps on the test jets."""
    rng = np.random.default_rng(SEED)
    found = sentences(load_scores(session), recipe, rng)
    if session.budget.weakest_accepted.cycles == SIMULATED:  # a trigger of every crossing
        found.append(NO_CROSSINGS)
    return found


def sentences(
    tables: Mapping[str, Tables], recipe: JetRecipe, rng: np.random.Generator
) -> list[str]:
    """The same from tables: float score, the same on firmware inputs.

    Args:
        tables: name -> sample -> (N,).
        rng: of the bootstraps.
    """
    data = recipe.data
    found = [
        f"Signals are taken to be {data.signals_are} than {data.background}, on physics grounds: "
        f"jet mass and its like have their sign from that, not from these jets."
    ]
    if isinstance(recipe.network, ImageNetwork) and recipe.network.export == "full":
        found.append(
            "The energy is a sum of squared errors over 1,600 pixels; the paper divides by that."
        )
    if COARSE in tables:
        costs = {
            signal: _difference(tables["float"], tables[COARSE], data.background, signal, rng)
            for signal in data.signals
        }
        listed = "; ".join(
            f"{signal} {with_interval(cost.value, cost.low, cost.high)}"
            for signal, cost in costs.items()
        )
        found.append(
            f"Inputs as {recipe.network.input} cost the float network, in AUC (positive is lost): "
            f"{listed}."
        )
    return found


def _difference(
    first: Tables, second: Tables, background: str, signal: str, rng: np.random.Generator
) -> Difference:
    return auc_difference(
        (first[signal], first[background]), (second[signal], second[background]), rng
    )
