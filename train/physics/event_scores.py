"""Scores of many events, kept on disk chunk by chunk so that nothing is computed twice.

A chunk is one file, named by its sample and its first event. Its folder is named by the weights,
the events and the code that decide its content; an interrupted run goes on at the next chunk.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trigforge.train import codae, layers, scores
from trigforge.train import ssim as similarity
from trigforge.train.artifacts import atomic_path, sha256_file, sha256_json
from trigforge.train.codae import CoDAE
from trigforge.train.scores import EVALUATION_BATCH, Float64, batches, reconstruction_scores
from trigforge.train.ssim import ssim

CHUNK = 200
"""Events of a chunk: a few seconds of work."""

Masks = npt.NDArray[np.uint8]


def score_events(model: CoDAE, masks: Masks) -> dict[str, Float64]:
    """All scores and ``ssim`` of masks (N, H, W), each (N,).

    Keys are those of :func:`trigforge.train.scores.evaluate_scores` and ``ssim``, in one pass.
    """
    model.eval()
    parts: list[dict[str, Tensor]] = []
    with torch.inference_mode():
        for batch in batches(masks, EVALUATION_BATCH):
            logits, latents = model(batch)
            part = reconstruction_scores(logits, batch)
            part.update({f"latent_{i}": z for i, z in enumerate(latents.unbind(1))})
            part["ssim"] = ssim(torch.sigmoid(logits), batch)
            parts.append(part)
    return {key: torch.cat([part[key] for part in parts]).double().numpy() for key in parts[0]}


class ScoreCache:
    """Scores of one network on one dataset.

    Args:
        root: folder of all caches.
        weights_sha256, dataset_sha256: what the scores depend on; the code is added here.
    """

    def __init__(self, root: Path, weights_sha256: str, dataset_sha256: str) -> None:
        code = [sha256_file(Path(str(m.__file__))) for m in (codae, layers, scores, similarity)]
        key = sha256_json({"weights": weights_sha256, "events": dataset_sha256, "code": code})
        self.folder = root / key[:24]

    def scores(
        self,
        model: CoDAE,
        sample: str,
        masks: Masks,
        finished: Callable[[int], object] = lambda count: None,
    ) -> dict[str, Float64]:
        """Scores of a sample, each (N,); chunks that are on disk are read.

        Args:
            masks: (N, H, W), the first N events of the sample.
            finished: is told the number of events of every chunk.

        Raises:
            StorageError: a chunk cannot be written.
        """
        parts = []
        for start in range(0, len(masks), CHUNK):
            chunk = masks[start : start + CHUNK]
            path = self.folder / f"{sample}-{start}.npz"
            found = _read(path, len(chunk))
            if found is None:
                found = score_events(model, chunk)
                with atomic_path(path) as temporary, temporary.open("wb") as stream:
                    np.savez(stream, allow_pickle=False, **found)
            parts.append(found)
            finished(len(chunk))
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _read(path: Path, count: int) -> dict[str, Float64] | None:
    """The first ``count`` events of a chunk, unless it is absent, shorter or damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            found = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
    lengths = {values.shape for values in found.values()}
    if len(lengths) != 1 or len(shape := lengths.pop()) != 1 or shape[0] < count:
        return None
    return {key: values[:count] for key, values in found.items()}
