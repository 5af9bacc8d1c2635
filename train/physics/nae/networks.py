"""Which trainings stand on the page: released ones by name, others by path.

A file holds both phases, ``autoencoder.*`` and ``normalised.*``; its manifest says what jets it was
trained on, how long, and how its epochs went.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from trigforge.train.artifacts import MANIFEST, read_json
from trigforge.train.errors import InputError
from trigforge.train.fit import best_epoch
from trigforge.train.jets.images import Preprocessing
from trigforge.train.nae.chain import ChainConfig
from trigforge.train.nae.network import Autoencoder, DenseAutoencoder, JetAutoencoder
from trigforge.train.nae.objectives import SELECTION
from trigforge.train.nae.released import (
    PHASES,
    ReleasedNae,
    load_released_dense_nae,
    load_released_nae,
)
from trigforge.train.nae.sampler import SamplerConfig
from trigforge.train.physics.nae.samples import AGE
from trigforge.train.weights import RELEASED, load_weights

STAGE_WEIGHTS = "weights.safetensors"
RULES = {
    "movers_distance": "that of the smallest energy mover's distance between samples and jets",
    "loss": "that whose loss is closest to zero with stable energies",
}
TOLD = ("epochs_of", "iterations_of", "best", "choice")
"""Facts of a manifest that have sentences of their own."""
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
    def sampler(self) -> SamplerConfig | None:
        """Chains of the training, where the manifest has them."""
        said = (_said(self.manifest, "config") or {}).get("sampler")
        if said is None:
            return None
        chains = {
            kind: None if said[kind] is None else ChainConfig(**said[kind])
            for kind in ("latent", "input")
        }
        return SamplerConfig(**{**said, **chains})

    @property
    def buffer_age(self) -> float:
        """Chains behind a kept point at the end of the training."""
        history = self.history.get("normalisation", ())
        return float(history[-1].get("buffer_age", AGE)) if history else AGE

    @property
    def chosen_epoch(self) -> int | None:
        """Which epoch of the normalisation was kept, where the manifest names it or the rule."""
        named = self._facts.get("best_of_normalisation")
        if isinstance(named, int):
            return named - 1
        history = [dict(epoch) for epoch in self.history.get("normalisation", ())]
        rule = SELECTION.get(_said(self.manifest, "stopping"))
        if rule is None or not history or rule not in history[0]:
            return None
        return best_epoch(history, rule)

    @property
    def about(self) -> list[str]:
        """How long it was trained and where, in words."""
        facts = self._facts
        said = []
        for phase, epochs in self.history.items():
            if epochs:
                iterations = facts.get(f"iterations_of_{phase}")
                steps = f" ({iterations:,} iterations)" if isinstance(iterations, int) else ""
                said.append(f"{len(epochs)} epoch{'s'[: len(epochs) - 1]} of {phase}{steps}")
        if self.chosen_epoch is not None:
            rule = facts.get("choice", RULES.get(_said(self.manifest, "stopping"), ""))
            said.append(f"epoch {self.chosen_epoch + 1} of the normalisation kept, {rule}")
        for key in ("training", "machine"):
            rest = self.manifest.get("metrics", {}).get(key)
            if isinstance(rest, dict):
                rest = {k: v for k, v in rest.items() if not k.startswith(TOLD)}
            if rest:
                said.append(_words(rest))
        return said

    @property
    def _facts(self) -> dict[str, Any]:
        said = self.manifest.get("metrics", {}).get("training")
        return said if isinstance(said, dict) else {}

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

    Args:
        names: released names, files of weights with a manifest, or folders with one of those.

    Raises:
        InputError: no such weights, damaged ones, or a network of another architecture.
    """
    return [_load(name, load_released_nae, JetAutoencoder) for name in names]


def load_dense_trainings(names: Sequence[str]) -> list[Training]:
    """Trainings on substructure variables.

    Raises:
        InputError: as :func:`load_image_trainings`.
    """
    return [_load(name, load_released_dense_nae, DenseAutoencoder) for name in names]


def _load(
    name: str,
    load: Callable[[str, Path], ReleasedNae[Any]],
    build: Callable[[], Autoencoder],
) -> Training:
    folder, stem = _place(name)
    if (folder / f"{stem}.json").is_file():
        found = load(stem, folder)
        manifest = read_json(folder / f"{stem}.json")
        networks = {"autoencoder": found.autoencoder, "normalised": found.normalised}
    else:
        stem = "_".join(folder.resolve().parts[-3:])
        manifest = _of_stage(read_json(folder / MANIFEST), folder / MANIFEST)
        networks = _networks(folder / STAGE_WEIGHTS, build)
    background = _said(manifest, "background")
    if not isinstance(background, str):
        raise InputError(
            f"{folder}: the manifest of {stem} does not say on which jets it was trained, expected "
            "background in its config; train again or add it"
        )
    training = Training(
        stem, background, **networks, history=manifest["history"], manifest=manifest
    )
    try:
        _ = training.preprocessing, training.sampler
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder}: the manifest of {stem} has a preprocessing or a sampler that cannot be "
            f"read ({error}); restore it"
        ) from None
    return training


def _networks(path: Path, build: Callable[[], Autoencoder]) -> dict[str, Autoencoder]:
    networks = {phase: build() for phase in PHASES}
    state = load_weights(
        path,
        {f"{p}.{key}": value for p, net in networks.items() for key, value in _items(net)},
    )
    for phase, network in networks.items():
        network.load_state_dict({key: state[f"{phase}.{key}"] for key, _ in _items(network)})
        network.eval()
    return networks


def _items(network: Autoencoder) -> Iterable[tuple[str, Tensor]]:
    return network.state_dict().items()


def _of_stage(stage: Any, path: Path) -> dict[str, Any]:
    """What the manifest of a stage of ``make train`` says, in the form of a released one."""
    try:
        metrics, history = stage["info"]["metrics"], stage["info"]["history"]
        first, data = metrics["reconstruction_epochs"], metrics["data"]
        preprocessing = {key: data[key] for key in ("power", "sigma_pixels") if key in data}
        return {
            "config": {"background": data["background"], "preprocessing": preprocessing},
            "training": {"stopping": stage["config"][1]["normalisation"]["stopping"]},
            "history": {"reconstruction": history[:first], "normalisation": history[first:]},
            "metrics": {},
            "weights_sha256": stage["outputs"][STAGE_WEIGHTS],
        }
    except (KeyError, IndexError, TypeError):
        raise InputError(
            f"{path}: not the manifest of a training of both phases; name the folder 'float' of "
            "make train with FROM_SCRATCH=1"
        ) from None


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
