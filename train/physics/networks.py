"""Which networks stand on the page: released weights by name, others by path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigforge.train.artifacts import read_json
from trigforge.train.codae import CoDAE
from trigforge.train.config import NetworkConfig, check_image
from trigforge.train.errors import InputError
from trigforge.train.events import ETA_COLUMNS, PHI_ROWS
from trigforge.train.train_codae import codae_from_state, weights_config
from trigforge.train.weights import RELEASED, load_released

IMPORTED = Path("build/imported")
LATENTS = 2


@dataclass(frozen=True)
class Network:
    """A CoDAE with its origin.

    Attributes:
        label: what figures and tables call it.
        about: one sentence on normalisation and training.
    """

    name: str
    label: str
    about: str
    model: CoDAE
    weights_sha256: str


def known_networks() -> list[str]:
    """Every released CoDAE that no other one continues, then every imported one."""
    found = [*sorted(RELEASED.glob("*.safetensors")), *sorted(IMPORTED.glob("*.safetensors"))]
    kept = {path: read_json(path.with_suffix(".json")) for path in found if _is_codae(path)}
    continued = {
        manifest["continued_from"].get("weights_sha256")
        for manifest in kept.values()
        if "continued_from" in manifest
    }
    return [
        _argument(path)
        for path, manifest in kept.items()
        if manifest.get("weights_sha256") not in continued
    ]


def load_networks(names: Sequence[str]) -> list[Network]:
    """Networks by name (released weights) or by path of a safetensors file with its manifest.

    Raises:
        InputError: no such weights, damaged ones, or a network of another architecture.
    """
    if not names:
        raise InputError("no network given and none released; name one with --network")
    return [_load(name) for name in names]


def _load(name: str) -> Network:
    path = Path(name)
    folder = path.parent if path.suffix or len(path.parts) > 1 else RELEASED
    stem = path.stem if path.suffix == ".safetensors" else path.name
    if not (folder / f"{stem}.safetensors").is_file():
        raise InputError(
            f"{name}: no such weights in {folder}, known are {', '.join(known_networks())}; give a "
            "released name or the path of a safetensors file"
        )
    manifest = read_json(folder / f"{stem}.json")
    config = _config(folder / f"{stem}.json", manifest)
    released = load_released(folder, stem, CoDAE(config).state_dict(), weights_config(config))
    model = codae_from_state(config, released.state)
    digest = str(released.manifest["weights_sha256"])
    return Network(stem, _label(manifest, stem), _about(manifest, config), model, digest)


def _config(path: Path, manifest: Any) -> NetworkConfig:
    fields = manifest.get("config") if isinstance(manifest, dict) else None
    if not isinstance(fields, dict) or "residual_filters" not in fields:
        raise InputError(f"{path}: config describes no CoDAE; name weights of a whole autoencoder")
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    try:
        config = NetworkConfig(export="encoder", **fields)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: config: {error}") from None
    if config.latents != LATENTS:
        raise InputError(f"{path}: config has {config.latents} latents, the page shows {LATENTS}")
    check_image(config, PHI_ROWS, ETA_COLUMNS, "the events of the page")
    return config


def _label(manifest: dict[str, Any], stem: str) -> str:
    if "source" in manifest:
        return "published"
    return f"ours ({stem})"


def _about(manifest: dict[str, Any], config: NetworkConfig) -> str:
    kind = f"{config.normalization.capitalize()}Norm, slope {config.negative_slope:g}"
    if "source" in manifest:
        return f"{kind}; weights of {manifest['source']}"
    epochs = len(manifest.get("history", []))
    events = manifest.get("dataset", {}).get("train_events", 0)
    return f"{kind}; {epochs} epochs over {events:,} events"


def _is_codae(path: Path) -> bool:
    try:
        _config(path.with_suffix(".json"), read_json(path.with_suffix(".json")))
    except InputError:
        return False
    return True


def _argument(path: Path) -> str:
    return path.stem if path.parent == RELEASED else str(path)
