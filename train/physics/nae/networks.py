"""Which trainings stand on the page: released ones by name, others by path.

A file holds both phases, ``autoencoder.*`` and ``normalised.*``; its manifest says what jets it was
trained on, how long, and how its epochs went.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from trigforge.train.artifacts import read_json
from trigforge.train.errors import InputError
from trigforge.train.fit import best_epoch
from trigforge.train.jets.images import Preprocessing
from trigforge.train.nae.network import Autoencoder, DenseAutoencoder, JetAutoencoder
from trigforge.train.nae.objectives import SELECTION
from trigforge.train.weights import RELEASED, load_released

PHASES = ("autoencoder", "normalised")
VERSIONED = re.compile(r"(.*)_v(\d+)")


@dataclass(frozen=True)
class Training:
    """Both networks of one training.

    Attributes:
        background: label of the jets it was trained on.
        history: per phase (``reconstruction``, ``normalisation``) what every epoch gave.
        manifest: everything that is said about the weights.
    """

    name: str
    background: str
    autoencoder: Autoencoder
    normalised: Autoencoder
    history: Mapping[str, Sequence[Mapping[str, float]]]
    manifest: Mapping[str, Any]

    @property
    def networks(self) -> dict[str, Autoencoder]:
        """By the names that tables and figures use."""
        return {"ae": self.autoencoder, "nae": self.normalised}

    @property
    def preprocessing(self) -> Preprocessing:
        """How its images were made."""
        said = _said(self.manifest, "preprocessing")
        return Preprocessing(**said) if isinstance(said, dict) else Preprocessing()

    @property
    def chosen_epoch(self) -> int | None:
        """Which epoch of the normalisation was kept, where the manifest names the rule."""
        history = [dict(epoch) for epoch in self.history.get("normalisation", ())]
        rule = SELECTION.get(_said(self.manifest, "stopping"))
        if rule is None or not history or rule not in history[0]:
            return None
        return best_epoch(history, rule)

    @property
    def about(self) -> list[str]:
        """How long it was trained and where, in words."""
        said = [
            f"{len(epochs)} epochs of {phase}" for phase, epochs in self.history.items() if epochs
        ]
        metrics = self.manifest.get("metrics", {})
        for key in ("training", "machine"):
            if key in metrics:
                said.append(_words(metrics[key]))
        return said

    @property
    def weights_sha256(self) -> str:
        """Of the file of both networks."""
        return str(self.manifest["weights_sha256"])


def latest(*stems: str, folder: Path = RELEASED) -> list[str]:
    """Of every stem the released name with the highest version, ``<stem>_v<version>``."""
    found: dict[str, tuple[int, str]] = {}
    for path in folder.glob("*.safetensors"):
        match = VERSIONED.fullmatch(path.stem)
        if match and match[1] in stems:
            found[match[1]] = max(found.get(match[1], (0, "")), (int(match[2]), path.stem))
    return [found[stem][1] for stem in stems if stem in found]


def load_image_trainings(names: Sequence[str]) -> list[Training]:
    """Trainings on jet images.

    Raises:
        InputError: no such weights, damaged ones, or a network of another architecture.
    """
    return [_load(name, JetAutoencoder) for name in names]


def load_dense_trainings(names: Sequence[str]) -> list[Training]:
    """Trainings on substructure variables.

    Raises:
        InputError: as :func:`load_image_trainings`.
    """
    return [_load(name, DenseAutoencoder) for name in names]


def _load(name: str, build: Callable[[], Autoencoder]) -> Training:
    folder, stem = _place(name)
    manifest = read_json(folder / f"{stem}.json")
    networks = {phase: build() for phase in PHASES}
    expected = {
        f"{phase}.{key}": value
        for phase, network in networks.items()
        for key, value in network.state_dict().items()
    }
    released = load_released(folder, stem, expected, {})
    for phase, network in networks.items():
        network.load_state_dict(_part(released.state, phase))
        network.eval()
    background = _said(manifest, "background")
    if not isinstance(background, str):
        raise InputError(
            f"{folder / stem}.json: background is missing, expected the label of the training jets "
            "in config or training"
        )
    history = manifest.get("history", {})
    first, second = networks.values()
    return Training(stem, background, first, second, history, released.manifest)


def _place(name: str) -> tuple[Path, str]:
    """Folder and stem of a released name, of a file, or of a folder with one file of weights."""
    path = Path(name)
    if path.is_dir():
        files = sorted(path.glob("*.safetensors"))
        if len(files) != 1:
            raise InputError(
                f"{path}: {len(files)} files of weights, expected one; name the file itself"
            )
        path = files[0]
    folder = path.parent if path.suffix or len(path.parts) > 1 else RELEASED
    stem = path.stem if path.suffix == ".safetensors" else path.name
    if not (folder / f"{stem}.safetensors").is_file():
        raise InputError(
            f"{name}: no such weights in {folder}; give a released name or the path of a "
            "safetensors file with its manifest"
        )
    return folder, stem


def _said(manifest: Mapping[str, Any], key: str) -> Any:
    """What the manifest says of a key, in any of its sections."""
    for section in ("config", "training", "dataset"):
        said = manifest.get(section)
        if isinstance(said, dict) and key in said:
            return said[key]
    return None


def _words(said: Any) -> str:
    """Plain data of a manifest as words."""
    if isinstance(said, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_words(value)}" for key, value in said.items())
    return f"{said:,}" if isinstance(said, int) else str(said)


def _part(state: Mapping[str, Tensor], phase: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(f"{phase}."): value
        for key, value in state.items()
        if key.startswith(f"{phase}.")
    }
