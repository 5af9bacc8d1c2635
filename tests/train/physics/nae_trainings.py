"""Made-up trainings of normalised autoencoders: weights of untrained networks, manifests beside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trigforge.train.nae.network import (
    Autoencoder,
    build_dense_autoencoder,
    build_jet_autoencoder,
)
from trigforge.train.nae.released import architecture
from trigforge.train.weights import save_released

EPOCH = {
    "energy": 2.0,
    "sample_energy": 1.0,
    "movers_distance": 0.1,
    "latent_acceptance": 1.0,
    "input_acceptance": 1.0,
    "buffer_age": 3.0,
}
HISTORY = {
    "reconstruction": [{"epoch": 0, "energy": 3.0}],
    "normalisation": [
        {"epoch": n, **EPOCH, "negative_movers_distance": d} for n, d in enumerate((-2.0, -1.0))
    ],
}


def write_training(folder: Path, name: str, background: str, **config: Any) -> str:
    networks: dict[str, Autoencoder] = {
        phase: build_dense_autoencoder(n) if background == "ttbar" else build_jet_autoencoder(n)
        for n, phase in enumerate(("autoencoder", "normalised"))
    }
    state = {f"{p}.{k}": v for p, net in networks.items() for k, v in net.state_dict().items()}
    manifest = {
        "config": {**architecture(networks["normalised"]), "background": background, **config},
        "training": {"stopping": "movers_distance"},
        "history": HISTORY,
        "metrics": {"training": {"iterations": 12345}, "machine": "a made-up one"},
    }
    save_released(folder, name, state, manifest)
    return str(folder / f"{name}.safetensors")
