"""The teacher of a score student: any CoDAE on disk, and its score of any images."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trigforge.train.artifacts import read_json, sha256_file
from trigforge.train.codae import CoDAE
from trigforge.train.config import NetworkConfig, TeacherConfig, check_image
from trigforge.train.errors import InputError
from trigforge.train.schema import parse
from trigforge.train.scores import evaluate_scores
from trigforge.train.train_codae import codae_from_state
from trigforge.train.weights import RELEASED, load_weights


@dataclass(frozen=True)
class Teacher:
    """A CoDAE in evaluation mode, one of its scores, and the digest of its weights."""

    model: CoDAE
    network: NetworkConfig
    score: str
    sha256: str

    def all_scores(self, masks: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float64]]:
        """Every score of masks (N, H, W), see :func:`trigforge.train.scores.evaluate_scores`."""
        return evaluate_scores(self.model, masks)

    def scores(self, masks: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """The chosen score (N,) of masks (N, H, W)."""
        return self.all_scores(masks)[self.score]


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
    return Teacher(codae_from_state(network, state), network, config.score, digest)


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
