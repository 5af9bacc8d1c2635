"""What the normalisation of an autoencoder is worth: numbers, table and sentences.

An autoencoder finds jets that are more complex than its own. Whether the normalisation has mended
that shows in reverse tagging (arXiv:2206.14225, table 1), so both directions stand side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.reports.report import NormalisationGain
from trigforge.hls.reports.statements import with_interval
from trigforge.train.bootstrap import auc_difference
from trigforge.train.metrics import auc

Samples = Mapping[str, NDArray[Any]]

REPLICAS = 4000
"""Place the ends of an interval to 3 % of its width; the sign of an end is read as a verdict."""
LEGEND = (
    "Float energies of the same test jets before and after the normalisation; AUC with DeLong's "
    "error, the gain with its paired 95 % bootstrap interval."
)


def normalisation_gain(
    recipe: str,
    before: Samples,
    after: Samples,
    *,
    trained_on: str,
    signal: str,
    rng: np.random.Generator,
) -> NormalisationGain:
    """Compare an autoencoder with its normalised self.

    Args:
        before, after: sample -> energies (N,) of the same jets.
        rng: of the bootstrap.

    Raises:
        InputError: the samples do not fit together.
    """
    pairs = [(table[signal], table[trained_on]) for table in (after, before)]
    gain = auc_difference(pairs[0], pairs[1], rng, REPLICAS)
    normalised, plain = (auc(*pair) for pair in pairs)
    return NormalisationGain(
        recipe=recipe,
        trained_on=trained_on,
        signal=signal,
        before=plain.value,
        before_err=plain.error,
        after=normalised.value,
        after_err=normalised.error,
        gain=gain.value,
        gain_low=gain.low,
        gain_high=gain.high,
    )


def normalisation_statements(found: Sequence[NormalisationGain], model: str) -> list[str]:
    """What the model itself gains, and in a sentence of its own what the reverse one gains."""
    own = [gain for gain in found if gain.recipe == model]
    said = []
    if own:
        shown = [f"{g.signal} {g.before:.3f} and {g.after:.3f}, {_interval(g)}" for g in own]
        verdicts = [_judged(g) for g in own]
        if len(set(verdicts)) > 1:
            listed = "; ".join(map(", ".join, zip(shown, verdicts, strict=True)))
        else:
            listed = f"{'; '.join(shown)}: {verdicts[0]}"
        said.append(
            "AUC of the float energy as an autoencoder, before the normalisation, and after it, "
            f"on the same jets: {listed}."
        )
    said += [
        f"Reverse tagging ({g.recipe}, trained on {g.trained_on} jets, {g.signal} the anomaly): "
        f"AUC of the float energy as an autoencoder {g.before:.3f}, after the normalisation "
        f"{g.after:.3f}, on the same jets {_interval(g)}: {_judged(g)}."
        for g in found
        if g.recipe != model
    ]
    return said


def normalisation_rows(
    found: Sequence[NormalisationGain],
) -> tuple[list[str], list[list[str]]]:
    """Header and rows: AUC before and after, and the gain."""
    header = [
        *("recipe", "trained on", "signal", "AUC as an autoencoder", "AUC normalised"),
        *("gain", "95 % interval"),
    ]
    rows = [
        [
            *(g.recipe, g.trained_on, g.signal),
            f"{g.before:.4f} ± {g.before_err:.4f}",
            f"{g.after:.4f} ± {g.after_err:.4f}",
            f"{g.gain:+.4f}",
            f"{g.gain_low:+.4f} to {g.gain_high:+.4f}",
        ]
        for g in found
    ]
    return header, rows


def _judged(gain: NormalisationGain) -> str:
    if gain.gain_low > 0:
        return "the normalisation improves it"
    if gain.gain_high < 0:
        return "the normalisation makes it worse"
    return "no change by the normalisation can be shown"


def _interval(gain: NormalisationGain) -> str:
    return with_interval(gain.gain, gain.gain_low, gain.gain_high)
