"""Weights on disk: safetensors beside a manifest, refused unless every tensor fits.

``<name>.safetensors`` holds a state dict, ``<name>.json`` says what made it. Released weights are
such pairs that are committed with the package.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from trigforge.train.artifacts import atomic_path, read_json, sha256_file, write_json
from trigforge.train.errors import InputError, unknown_name

RELEASED = Path(__file__).parent / "released"


@dataclasses.dataclass(frozen=True)
class Released:
    """Weights that fit, and the manifest that came with them."""

    state: dict[str, Tensor]
    manifest: dict[str, Any]


def save_weights(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a state dict as safetensors, whole or not at all.

    Raises:
        StorageError: the file cannot be written.
    """
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}
    with atomic_path(path) as temporary:
        try:
            save_file(tensors, temporary)
        except SafetensorError as error:
            # The library hides the number of the error (disk full, for one) in its text.
            raise OSError(_errno(str(error)), str(error)) from error


def load_weights(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read a state dict.

    Args:
        expected: the state dict of the network it is for; names, shapes and types must be equal.

    Raises:
        InputError: missing or corrupt file, a tensor missing, left over, of another shape or type,
            or with a value that is not finite.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; train the network or restore the file")
    try:
        state: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as safetensors ({error}); restore it") from None
    for name, tensor in expected.items():
        if name not in state:
            raise InputError(f"{path}: tensor {name!r} is missing; the file is for another network")
        found = state[name]
        if found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise InputError(
                f"{path}: tensor {name!r} is {_kind(found)}, the network expects {_kind(tensor)}"
            )
        if not bool(torch.isfinite(found).all()):
            raise InputError(f"{path}: tensor {name!r} has values that are not finite; restore it")
    for name in state:
        if name not in expected:
            raise InputError(f"{path}: tensor {name!r} has no place in the network")
    return state


def save_released(
    folder: Path, name: str, state: Mapping[str, Tensor], manifest: Mapping[str, Any]
) -> None:
    """Write the pair ``<name>.safetensors`` and ``<name>.json``; the manifest gets the digest."""
    path = folder / f"{name}.safetensors"
    save_weights(path, state)
    write_json(folder / f"{name}.json", {**manifest, "weights_sha256": sha256_file(path)})


def load_released(
    folder: Path, name: str, expected: Mapping[str, Tensor], config: Mapping[str, Any]
) -> Released:
    """Released weights by name.

    Args:
        expected: the state dict of the network they are for.
        config: what the weights depend on beyond shapes (slopes, groups, bit widths); every entry
            must equal the manifest's.

    Raises:
        InputError: no such weights, another configuration, a digest that does not match, or as
            :func:`load_weights`.
    """
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        known = [p.stem for p in folder.glob("*.safetensors")]
        raise unknown_name("released weights", name, known, str(folder))
    manifest = read_json(folder / f"{name}.json")
    made_for = manifest.get("config", {}) if isinstance(manifest, dict) else {}
    for key, value in json.loads(json.dumps(dict(config))).items():
        if made_for.get(key) != value:
            raise InputError(
                f"{path}: made for {key} = {made_for.get(key)}, the recipe has {value}; change the "
                "recipe or train from scratch"
            )
    if manifest.get("weights_sha256") != sha256_file(path):
        raise InputError(f"{path}: the bytes are not those of its manifest; restore both files")
    return Released(load_weights(path, expected), manifest)


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _errno(text: str) -> int:
    """The number in "... (os error 28)", 5 (input/output error) where there is none."""
    _, found, rest = text.partition("os error ")
    digits = rest.partition(")")[0]
    return int(digits) if found and digits.isdigit() else 5
