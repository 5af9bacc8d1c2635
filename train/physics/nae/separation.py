"""How well a score tells jets apart, with bootstrap errors, and what one score has over another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trigforge.train.bootstrap import Difference, auc_difference, auc_spread
from trigforge.train.equal_baseline import auc_at_equal
from trigforge.train.metrics import MIN_EVENTS, Scores, auc, background_efficiency
from trigforge.train.physics.cells import Cell

SIGNAL_EFFICIENCY = 0.2
SEED = 20220614
MIN_COMPARED = 20
"""An AUC at equal baseline of fewer signal jets (with partners) says little."""


@dataclass(frozen=True)
class Scored:
    """One score of signal jets (S,) and background jets (B,); higher is more anomalous."""

    signal: Scores
    background: Scores

    def kept(self, signal: Scores, background: Scores) -> Scored:
        """The score of a subset, by masks."""
        return Scored(self.signal[signal], self.background[background])


def separation(score: Scored, equal: Scored | None = None) -> dict[str, Any]:
    """Plain numbers: AUC, rejection at 20 % signal efficiency, AUC at equal baseline, all errors.

    Args:
        equal: the baseline of the same jets whose values must agree within 5 %.
    """
    area = auc(score.signal, score.background)
    efficiency = background_efficiency(score.signal, score.background, SIGNAL_EFFICIENCY)
    rejection = 1 / efficiency.value if efficiency.value > 0 else None
    numbers: dict[str, Any] = {
        "auc": area.value,
        "auc_error": auc_spread(score.signal, score.background, np.random.default_rng(SEED)),
        "rejection": rejection,
        "rejection_error": None if rejection is None else efficiency.error * rejection**2,
        "rejection_jets": efficiency.events,
        "signal_jets": len(score.signal),
        "background_jets": len(score.background),
    }
    if equal is not None:
        found = auc_at_equal(score.signal, score.background, equal.signal, equal.background)
        numbers["auc_at_equal"] = found.value
        numbers["auc_at_equal_error"] = found.error
        numbers["n_at_equal"] = found.n_used
    return numbers


def gain(first: Scored, second: Scored) -> Difference:
    """AUC of one score minus that of another on the same jets, with a paired 95 % interval."""
    return auc_difference(
        (first.signal, first.background),
        (second.signal, second.background),
        np.random.default_rng(SEED),
    )


def gain_text(found: Difference) -> str:
    """``+0.050 (0.041 to 0.058)``."""
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def auc_cell(numbers: dict[str, Any], *, rival: float | None = None, best: bool = False) -> Cell:
    """AUC with its error; coloured by its distance from a rival's."""
    value = numbers["auc"]
    return Cell(
        f"{value:.3f}",
        f"{numbers['auc_error']:.3f}",
        None if rival is None else value - rival,
        best=best,
    )


def rejection_cell(numbers: dict[str, Any]) -> Cell:
    """Rejection with its error; in brackets below ten background jets."""
    value = numbers["rejection"]
    if value is None:
        return Cell(f"(> {numbers['background_jets']})")
    if numbers["rejection_jets"] < MIN_EVENTS:
        return Cell(f"({value:.0f})")
    return Cell(f"{value:.0f}", f"{numbers['rejection_error']:.0f}")


def equal_cell(numbers: dict[str, Any], rival: float | None = None) -> Cell:
    """AUC at equal baseline with its error; in brackets where few jets have partners."""
    value = numbers["auc_at_equal"]
    if value is None:
        return Cell("–")
    if numbers["n_at_equal"] < MIN_COMPARED:
        return Cell(f"({value:.3f})")
    error = numbers["auc_at_equal_error"]
    return Cell(
        f"{value:.3f}",
        "" if error is None else f"{error:.3f}",
        None if rival is None else value - rival,
    )
