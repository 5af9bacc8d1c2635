"""The teacher of a score student: any CoDAE on disk, and its score of any images.

Batches are scored side by side, each by one thread. Threads that share the operations of one batch
wait for each other after every operation, which on a machine with other work takes longer than the
operations.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trigforge.train.artifacts import read_json, sha256_file
from trigforge.train.codae import CoDAE
from trigforge.train.config import NetworkConfig, TeacherConfig, check_image
from trigforge.train.errors import InputError
from trigforge.train.narrow_codae import NarrowCodae
from trigforge.train.schema import parse
from trigforge.train.scores import EVALUATION_BATCH, batches, reconstruction_scores
from trigforge.train.train_codae import codae_from_state
from trigforge.train.weights import RELEASED, load_weights


@dataclass(frozen=True)
class Teacher:
    """A CoDAE for inference, one of its scores, and the digest of its weights."""

    model: NarrowCodae
    network: NetworkConfig
    score: str
    sha256: str

    def all_scores(self, masks: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float64]]:
        """Every score of masks (N, H, W), N > 0: :func:`trigforge.train.scores.evaluate_scores`."""
        threads = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(threads, "teacher", torch.set_num_threads, (1,)) as pool:
                starts = range(0, len(masks), EVALUATION_BATCH)
                parts = list(
                    pool.map(
                        lambda start: self._batch(masks[start : start + EVALUATION_BATCH]), starts
                    )
                )
        finally:
            torch.set_num_threads(threads)
        return {key: torch.cat([part[key] for part in parts]).numpy() for key in parts[0]}

    def scores(self, masks: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """The chosen score (N,) of masks (N, H, W)."""
        return self.all_scores(masks)[self.score]

    @torch.inference_mode()
    def _batch(self, masks: npt.NDArray[np.uint8]) -> dict[str, Tensor]:
        """Every score (B,) of one batch (B, H, W), in float64."""
        (images,) = batches(masks, len(masks))
        logits, latents = self.model(images)
        columns = latents.double().unbind(1)
        return {
            **reconstruction_scores(logits, images),
            **{f"latent_{index}": column for index, column in enumerate(columns)},
        }


def weights_path(name: str) -> Path:
    """The safetensors file that ``weights`` of a recipe's teacher means."""
    path = Path(name)
    return path if path.suffix == ".safetensors" else RELEASED / f"{name}.safetensors"


def load_teacher(config: TeacherConfig, height: int, width: int) -> Teacher:
    """The teacher of a recipe, for images of height x width.

    Raises:
        InputError: no such weights, a manifest that is missing or of another network, damaged
            bytes, or a network for images of another size.
    """
    path = weights_path(config.weights)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RELEASED.glob("*.safetensors")))
        raise InputError(
            f"train.teacher.weights is {config.weights!r}, but {path} is not there; name one of "
            f"{known}, or the path of a safetensors file (import one with trigforge import-codae)"
        )
    manifest = read_json(path.with_suffix(".json"))
    network = _network(manifest, path.with_suffix(".json"))
    check_image(network, height, width, "events")
    digest = sha256_file(path)
    if manifest.get("weights_sha256", digest) != digest:
        raise InputError(f"{path}: the bytes are not those of its manifest; restore both files")
    state = load_weights(path, CoDAE(network).state_dict())
    model = NarrowCodae(codae_from_state(network, state))
    return Teacher(model, network, config.score, digest)


def _network(manifest: object, path: Path) -> NetworkConfig:
    """The network that a manifest's ``config`` describes; what is not the network is left out."""
    config = manifest.get("config") if isinstance(manifest, dict) else None
    if not isinstance(config, dict) or config.get("architecture") != "codae":
        raise InputError(
            f"{path}: 'config' does not describe a codae; a teacher needs the manifest that was "
            "written beside its weights"
        )
    known = {field.name for field in fields(NetworkConfig)}
    chosen = {key: value for key, value in config.items() if key in known}
    return parse(NetworkConfig, {**chosen, "export": "full"}, str(path), "config")
