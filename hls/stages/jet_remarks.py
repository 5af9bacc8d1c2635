"""What a verdict says about networks of jets: cost of the input format, gain by normalisation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trigforge.hls.jet_recipe import ImageNetwork, JetRecipe
from trigforge.hls.session import Session
from trigforge.hls.stages.evidence import SIMULATED
from trigforge.hls.stages.jet_networks import BEFORE
from trigforge.hls.stages.reverse import FLOAT, load_reverse_energies
from trigforge.hls.stages.scoring import COARSE, Tables, load_scores, score_name
from trigforge.train.bootstrap import Difference, auc_difference
from trigforge.train.metrics import auc

SEED = 41
NO_CROSSINGS = (
    "This sample holds jets of one process and no zero-bias crossings, so it supports no zero-bias "
    "rate at all: what is kept at 1 kHz of crossings is unknown."
)


def jet_remarks(session: Session, recipe: JetRecipe) -> list[str]:
    """Sentences for the verdict; intervals are paired bootstraps on the test jets."""
    rng = np.random.default_rng(SEED)
    found = sentences(load_scores(session), recipe, score_name(session), rng)
    if (other := session.reverse) is not None:
        tables, own = load_reverse_energies(session, other), other.recipe.data.background
        model, signal = other.options.model, recipe.data.background
        found.append(reverse_tagging(tables, model, own, signal, rng))
    if session.budget.weakest_accepted.cycles == SIMULATED:  # a trigger of every crossing
        found.append(NO_CROSSINGS)
    return found


def sentences(
    tables: Mapping[str, Tables], recipe: JetRecipe, score: str, rng: np.random.Generator
) -> list[str]:
    """The same from tables: float score, the same on firmware inputs, the autoencoder's.

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
        listed = "; ".join(f"{signal} {_shown(cost)}" for signal, cost in costs.items())
        found.append(
            f"Inputs as {recipe.network.input} cost the float network, in AUC (positive is lost): "
            f"{listed}."
        )
    if BEFORE in tables:
        gains = [_gain(tables, data.background, signal, rng) for signal in data.signals]
        found.append(
            f"AUC of the float {score} as an autoencoder, before the normalisation, and after it, "
            f"on the same jets: {'; '.join(gains)}."
        )
    return found


def reverse_tagging(
    tables: Mapping[str, Tables], model: str, background: str, signal: str, rng: np.random.Generator
) -> str:
    """The gain by the normalisation of a network that was trained on a signal of the recipe."""
    gain = _difference(tables[FLOAT], tables[BEFORE], background, signal, rng)
    before, after = (auc(tables[n][signal], tables[n][background]).value for n in (BEFORE, FLOAT))
    if gain.low > 0:
        judged = "the normalisation improves it"
    elif gain.high < 0:
        judged = "the normalisation makes it worse"
    else:
        judged = "no change by the normalisation can be shown"
    return (
        f"Reverse tagging ({model}, trained on {background} jets, {signal} the anomaly): AUC of "
        f"the float energy as an autoencoder {before:.3f}, after the normalisation {after:.3f}, on "
        f"the same jets {_shown(gain)}: {judged}."
    )


def _gain(
    tables: Mapping[str, Tables], background: str, signal: str, rng: np.random.Generator
) -> str:
    before, after = (
        auc(tables[name][signal], tables[name][background]) for name in (BEFORE, "float")
    )
    gain = _difference(tables["float"], tables[BEFORE], background, signal, rng)
    return f"{signal} {before.value:.3f} and {after.value:.3f}, {_shown(gain)}"


def _difference(
    first: Tables, second: Tables, background: str, signal: str, rng: np.random.Generator
) -> Difference:
    return auc_difference(
        (first[signal], first[background]), (second[signal], second[background]), rng
    )


def _shown(difference: Difference) -> str:
    return (
        f"{difference.value:+.4f} (95 % interval {difference.low:+.4f} to {difference.high:+.4f})"
    )
