"""Event samples on disk: one zip of LZMA-compressed NumPy arrays and a ``metadata.json``.

``numpy.load`` opens it too. Members are ``<part>/<array>.npy`` with the parts ``train``,
``validation``, ``test`` and ``signals/<name>``. Every part has the scalars ``n_tracks``, ``ht_gev``
and ``weight`` and one array per channel; the metadata say how each channel is encoded, so that
channels can be added under new names without a new format. Masks are stored one bit per pixel,
first pixel in the highest bit: 522 bytes per event, about 80 after compression. Nothing in the file
depends on the clock or the machine.
"""

from __future__ import annotations

import dataclasses
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trigforge.train.artifacts import atomic_path, sha256_file, versions
from trigforge.train.errors import InputError
from trigforge.train.events import (
    ETA_COLUMNS,
    PHI_ROWS,
    PIXELS,
    EventDataset,
    Events,
    SampleInfo,
    pack_masks,
    unpack_masks,
)

SCHEMA = 1
SHIPPED = Path(__file__).resolve().parent / "samples" / "events_v1.npz"
MASK = "tracker_mask"
CHANNELS = {MASK: {"encoding": "bits", "shape": [PHI_ROWS, ETA_COLUMNS], "axes": ["phi", "eta"]}}
SCALARS = {"n_tracks": "<i4", "ht_gev": "<f4", "weight": "<f4"}
FIXED_DATE = (1980, 1, 1, 0, 0, 0)
DAMAGED = (zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError)
Source = Literal["shipped", "generated", "file"]


def save_dataset(
    path: Path,
    *,
    train: Events,
    validation: Events,
    test: Events,
    signals: Mapping[str, Events],
    info: Mapping[str, SampleInfo],
    preselection: str,
    seed: int,
) -> None:
    """Write a data set, whole or not at all; equal input gives equal bytes.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    parts = {"train": train, "validation": validation, "test": test}
    parts |= {f"signals/{name}": events for name, events in signals.items()}
    metadata = {
        "schema": SCHEMA,
        "channels": CHANNELS,
        "scalars": SCALARS,
        "parts": {name: len(events) for name, events in parts.items()},
        "preselection": preselection,
        "seed": seed,
        "samples": {name: dataclasses.asdict(sample) for name, sample in info.items()},
        "versions": versions("pythia8mc", "fastjet", "numpy"),
    }
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_LZMA) as archive,
    ):
        _add(archive, "metadata.json", json.dumps(metadata, indent=1).encode())
        for name, events in parts.items():
            arrays = {
                MASK: pack_masks(events.masks),
                "n_tracks": events.n_tracks.astype("<i4"),
                "ht_gev": events.ht.astype("<f4"),
                "weight": events.weight.astype("<f4"),
            }
            for key, array in arrays.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
                _add(archive, f"{name}/{key}.npy", buffer.getvalue())


def read_dataset(path: Path, source: Source) -> EventDataset:
    """A data set of this format.

    Raises:
        InputError: missing, truncated, of another schema, or with an array that is missing, of the
            wrong shape or type, or not finite.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such event file; check the path or leave DATA out")
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = _metadata(path, archive)
            parts = {
                name: _part(path, archive, name, int(count))
                for name, count in metadata["parts"].items()
            }
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(
            f"{path}: damaged or not an event file ({error}); copy or make it again"
        ) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: metadata.json lacks or misuses {error}; make the file again"
        ) from None
    for name in ("train", "validation", "test"):
        if name not in parts:
            raise InputError(f"{path}: part {name!r} is missing; make the file again")
    try:
        info = {name: SampleInfo(**sample) for name, sample in metadata["samples"].items()}
        preselection = str(metadata["preselection"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: metadata.json has no valid field 'samples' or 'preselection' ({error})"
        ) from None
    return EventDataset(
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        signals={
            name.removeprefix("signals/"): events
            for name, events in parts.items()
            if name.startswith("signals/")
        },
        info=info,
        source=source,
        sha256=sha256_file(path),
        preselection=preselection,
    )


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name, FIXED_DATE)
    member.compress_type = zipfile.ZIP_LZMA
    member.create_system = 3  # the same on every platform
    archive.writestr(member, content)


def _metadata(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    if "metadata.json" not in archive.namelist():
        raise InputError(f"{path}: no metadata.json inside; this is not a trigforge event file")
    metadata = json.loads(archive.read("metadata.json"))
    schema = metadata.get("schema") if isinstance(metadata, dict) else None
    if schema != SCHEMA:
        raise InputError(
            f"{path}: metadata.json says schema {schema!r}, expected {SCHEMA}; make the file again"
        )
    channel = metadata["channels"].get(MASK)
    if channel is None or channel["encoding"] != "bits" or channel["shape"] != [72, 58]:
        raise InputError(
            f"{path}: channel {MASK!r} is {channel!r}, expected bits of shape [72, 58]"
        )
    return dict(metadata)


def _part(path: Path, archive: zipfile.ZipFile, name: str, count: int) -> Events:
    """One part, checked."""
    packed = _array(path, archive, f"{name}/{MASK}", "|u1", (count, PIXELS // 8))
    scalars = {
        key: _array(path, archive, f"{name}/{key}", dtype, (count,))
        for key, dtype in SCALARS.items()
    }
    for key in ("ht_gev", "weight"):
        bad = int(np.count_nonzero(~np.isfinite(scalars[key])))
        if bad:
            raise InputError(
                f"{path}: {name}/{key} has {bad} values that are not finite; make the file again"
            )
    return Events(
        masks=unpack_masks(packed),
        n_tracks=scalars["n_tracks"].astype(np.int32),
        ht=scalars["ht_gev"].astype(np.float32),
        weight=scalars["weight"].astype(np.float32),
    )


def _array(
    path: Path, archive: zipfile.ZipFile, key: str, dtype: str, shape: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    try:
        content = archive.read(f"{key}.npy")
    except KeyError:
        raise InputError(f"{path}: array {key!r} is missing; make the file again") from None
    array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    if array.shape != shape or array.dtype != np.dtype(dtype):
        raise InputError(
            f"{path}: {key} is {array.dtype}{list(array.shape)}, "
            f"expected {np.dtype(dtype)}{list(shape)}; make the file again"
        )
    return np.asarray(array)
