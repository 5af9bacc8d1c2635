"""Released weights of normalized autoencoders: both phases in one file, their histories beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import Tensor

from trigforge.train.artifacts import versions
from trigforge.train.jets.sample import JetSample
from trigforge.train.nae.network import Autoencoder, DenseAutoencoder, JetAutoencoder
from trigforge.train.nae.training import NaeTraining, TrainedNae
from trigforge.train.release import git_commit
from trigforge.train.weights import RELEASED, load_released, save_released

PHASES = ("autoencoder", "normalised")

N = TypeVar("N", bound=Autoencoder)


@dataclass(frozen=True)
class ReleasedNae(Generic[N]):
    """A trained network, after its first and after its second phase.

    Attributes:
        autoencoder, normalised: in evaluation mode.
        history: ``reconstruction`` and ``normalisation``, an entry per epoch.
        config: what the weights depend on: architecture, background, preprocessing.
    """

    autoencoder: N
    normalised: N
    history: dict[str, list[dict[str, float]]]
    metrics: dict[str, Any]
    config: dict[str, Any]


def load_released_nae(name: str, folder: Path = RELEASED) -> ReleasedNae[JetAutoencoder]:
    """Released weights of an autoencoder of jet images.

    Raises:
        InputError: no such weights, or they are for another network.
    """
    return _loaded(folder, name, JetAutoencoder(), JetAutoencoder())


def load_released_dense_nae(name: str, folder: Path = RELEASED) -> ReleasedNae[DenseAutoencoder]:
    """Released weights of an autoencoder of eight variables.

    Raises:
        InputError: no such weights, or they are for another network.
    """
    return _loaded(folder, name, DenseAutoencoder(), DenseAutoencoder())


def release_nae(
    folder: Path,
    name: str,
    trained: TrainedNae,
    network: Autoencoder,
    *,
    training: NaeTraining,
    sample: JetSample,
    background: str,
    metrics: Mapping[str, Any],
    command: str,
    inputs: Mapping[str, Any],
) -> None:
    """Write ``<name>.safetensors`` and its manifest.

    Args:
        network: of the architecture of the weights.
        inputs: how jets became inputs, ``preprocessing`` of images.
        metrics: of the training; ``training`` and ``machine`` say in words how long and where.

    Raises:
        ToolError: the sources are not a git checkout.
        StorageError: the files cannot be written.
    """
    states = {"autoencoder": trained.autoencoder, "normalised": trained.normalised}
    jets = {s: len(sample.part(s, background)) for s in sample.splits(background)}
    manifest = {
        "name": name,
        "command": command,
        "commit": git_commit(Path(__file__).resolve().parent),
        "dataset": {
            "source": sample.source,
            "sha256": sample.sha256,
            "preselection": sample.selection,
            "background": background,
            "jets": jets,
        },
        "config": {**inputs, **architecture(network), "background": background},
        "training": {"stopping": training.config.stopping, **asdict(training)},
        "metrics": dict(metrics),
        "history": {
            "reconstruction": trained.reconstruction.history,
            "normalisation": trained.normalisation.history,
        },
        "versions": versions("torch", "numpy"),
    }
    state = {f"{phase}.{key}": t for phase in PHASES for key, t in states[phase].items()}
    save_released(folder, name, state, manifest)


def architecture(network: Autoencoder) -> dict[str, Any]:
    """What weights depend on beyond the jets they were trained on."""
    if isinstance(network, DenseAutoencoder):
        return {
            "architecture": "dense_autoencoder",
            "variables": network.variables,
            "widths": list(network.widths),
        }
    assert isinstance(network, JetAutoencoder)  # noqa: S101
    return {
        "architecture": "jet_autoencoder",
        "latents": network.latents,
        "size": network.size,
    }


def _loaded(folder: Path, name: str, autoencoder: N, normalised: N) -> ReleasedNae[N]:
    networks = dict(zip(PHASES, (autoencoder, normalised), strict=True))
    expected: dict[str, Tensor] = {
        f"{phase}.{key}": tensor
        for phase, network in networks.items()
        for key, tensor in network.state_dict().items()
    }
    found = load_released(folder, name, expected, architecture(autoencoder))
    for phase, network in networks.items():
        prefix = f"{phase}."
        own = {k.removeprefix(prefix): t for k, t in found.state.items() if k.startswith(prefix)}
        network.load_state_dict(own)
        network.eval()
    manifest = found.manifest
    return ReleasedNae(
        autoencoder, normalised, manifest["history"], manifest["metrics"], manifest["config"]
    )
