"""Release weights: what a training gave, committed with the package and with its origin."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from trigforge.train.artifacts import versions
from trigforge.train.codae import CoDAE
from trigforge.train.equal_baseline import auc_at_equal
from trigforge.train.errors import ToolError
from trigforge.train.events import EventDataset
from trigforge.train.metrics import auc
from trigforge.train.scores import evaluate_scores
from trigforge.train.weights import save_released

DISTRIBUTIONS = ("torch", "numpy", "brevitas")


def release(
    folder: Path,
    name: str,
    *,
    state: Mapping[str, Tensor],
    history: list[dict[str, float]],
    metrics: Mapping[str, Any],
    config: Mapping[str, Any],
    training: Mapping[str, Any],
    dataset: EventDataset,
    command: str,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write ``<name>.safetensors`` and its manifest ``<name>.json``.

    Args:
        config: what the weights depend on; a recipe that differs in it cannot load them.
        training: the schedule, seed included.
        command: what to type to make such weights again.
        extra: further entries of the manifest.

    Raises:
        ToolError: the sources are not a git checkout, so their version cannot be stated.
        StorageError: the files cannot be written.
    """
    manifest = {
        "name": name,
        "command": command,
        "commit": git_commit(Path(__file__).resolve().parent),
        "dataset": {
            "source": dataset.source,
            "sha256": dataset.sha256,
            "masks_sha256": dataset.masks_sha256,
            "preselection": dataset.preselection,
            "train_events": len(dataset.train),
            "validation_events": len(dataset.validation),
        },
        "config": dict(config),
        "training": dict(training),
        "metrics": dict(metrics),
        "history": history,
        "versions": versions(*DISTRIBUTIONS),
        **(extra or {}),
    }
    save_released(folder, name, state, manifest)


def score_aucs(model: CoDAE, dataset: EventDataset, sign: int, latent: int) -> dict[str, Any]:
    """AUC of every score for every signal, plain and at equal mask sum, on the test events.

    Returns:
        ``{score: {signal: {"auc": ..., "auc_at_equal_mask_sum": ... or None}}}`` with the scores of
        :func:`trigforge.train.scores.evaluate_scores`, latents replaced by ``latent``: the chosen
        one with its sign.
    """
    background = _signed(evaluate_scores(model, dataset.test.masks), sign, latent)
    found: dict[str, Any] = {score: {} for score in background}
    for signal, events in dataset.signals.items():
        scores = _signed(evaluate_scores(model, events.masks), sign, latent)
        for score, values in scores.items():
            equal = auc_at_equal(
                values, background[score], scores["mask_sum"], background["mask_sum"]
            )
            found[score][signal] = {
                "auc": auc(values, background[score]).value,
                "auc_at_equal_mask_sum": equal.value,
            }
    return found


def git_commit(folder: Path) -> str:
    """The commit that is checked out in ``folder``.

    Raises:
        ToolError: git is missing or the folder is not in a checkout.
    """
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        raise ToolError(
            f"{folder}: git cannot name the commit; release weights from a checkout"
        ) from None
    return result.stdout.strip()


def _signed(scores: Mapping[str, Any], sign: int, latent: int) -> dict[str, Any]:
    kept = {key: values for key, values in scores.items() if not key.startswith("latent_")}
    return {"latent": sign * scores[f"latent_{latent}"], **kept}
