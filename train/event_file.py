"""Event samples on disk: one zip of LZMA-compressed NumPy arrays and a ``metadata.json``.

``numpy.load`` opens it too. Members are ``<part>/<array>.npy`` with the parts ``train``,
``validation``, ``test`` and ``signals/<name>``. Every part has the scalars ``n_tracks``, ``ht_gev``
and ``weight`` and one array per channel; the metadata say how each channel is encoded, so that
channels can be added under new names without a new format. Parts may have level-1 inputs and
calorimeter images; zero-bias crossings are listed apart, under ``zero_bias`` in the metadata, and
lie in ``zero_bias/train`` and ``zero_bias/test``: readers that do not know them find a valid file.
Masks are stored one bit per pixel,
first pixel in the highest bit: 522 bytes per event, about 80 after compression. Nothing in the file
depends on the clock or the machine.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trigforge.train.array_archive import DAMAGED, add_arrays, add_member, read_array
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
from trigforge.train.generation.level1 import (
    LSB_GEV,
    N_OBJECTS,
    REGION_COLUMNS,
    REGION_LSB_GEV,
    REGION_MAX,
    REGION_ROWS,
    Level1,
)
from trigforge.train.generation.level1 import OBJECTS as KINDS
from trigforge.train.generation.minimum_bias import PTHAT_EDGES_GEV
from trigforge.train.generation.zero_bias import ZeroBias

SCHEMA = 1
SHIPPED = Path(__file__).resolve().parent / "samples" / "events_v2.npz"
MASK = "tracker_mask"
CHANNELS = {MASK: {"encoding": "bits", "shape": [PHI_ROWS, ETA_COLUMNS], "axes": ["phi", "eta"]}}
REGIONS, OBJECTS, CALORIMETERS = "level1_regions", "level1_objects", "calorimeters"
REGION_SHAPE = (REGION_ROWS, REGION_COLUMNS)
LEVEL1_CHANNELS = {
    REGIONS: {
        "encoding": "<u2",
        "shape": list(REGION_SHAPE),
        "axes": ["phi", "eta"],
        "lsb_gev": REGION_LSB_GEV,
        "largest": REGION_MAX,
    },
    OBJECTS: {
        "encoding": "<i2",
        "shape": [N_OBJECTS, 3],
        "axes": ["object", "pt eta phi"],
        "objects": KINDS,
        "lsb": {"pt_gev": LSB_GEV, "eta": "5/286", "phi_degrees": 1},
    },
}
CALORIMETER_CHANNEL = {
    CALORIMETERS: {
        "encoding": "<f2",
        "shape": [PHI_ROWS, ETA_COLUMNS, 2],
        "axes": ["phi", "eta", "ecal hcal"],
        "unit": "GeV",
    }
}
SCALARS = {"n_tracks": "<i4", "ht_gev": "<f4", "weight": "<f4"}
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
    zero_bias: Mapping[str, ZeroBias] | None = None,
    mean_pileup: float | None = None,
) -> None:
    """Write a data set, whole or not at all; equal input gives equal bytes.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    parts = {"train": train, "validation": validation, "test": test}
    parts |= {f"signals/{name}": events for name, events in signals.items()}
    channels: dict[str, Any] = dict(CHANNELS)
    if zero_bias or any(events.level1 is not None for events in parts.values()):
        channels |= LEVEL1_CHANNELS
    if any(events.calorimeters is not None for events in parts.values()):
        channels |= CALORIMETER_CHANNEL
    metadata = {
        "schema": SCHEMA,
        "channels": channels,
        "scalars": SCALARS,
        "parts": {name: len(events) for name, events in parts.items()},
        "preselection": preselection,
        "seed": seed,
        "samples": {name: dataclasses.asdict(sample) for name, sample in info.items()},
        "versions": versions("pythia8mc", "fastjet", "numpy"),
    }
    if mean_pileup is not None:
        metadata["mean_pileup"] = mean_pileup
    if zero_bias:
        metadata["zero_bias"] = {
            name: {"crossings": len(part), "probability": part.probability.tolist()}
            for name, part in zero_bias.items()
        }
        metadata["stratum_edges_gev"] = list(PTHAT_EDGES_GEV)
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_LZMA) as archive,
    ):
        add_member(archive, "metadata.json", json.dumps(metadata, indent=1).encode())
        for name, events in parts.items():
            add_arrays(archive, name, _event_arrays(events))
        for name, part in (zero_bias or {}).items():
            stratum = {"stratum": part.stratum}
            add_arrays(archive, f"zero_bias/{name}", _level1_arrays(part.level1) | stratum)


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
            zero_bias = {
                name: _zero_bias(path, archive, name, part)
                for name, part in metadata.get("zero_bias", {}).items()
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
        zero_bias=zero_bias,
    )


def _event_arrays(events: Events) -> dict[str, np.ndarray[Any, Any]]:
    arrays: dict[str, np.ndarray[Any, Any]] = {
        MASK: pack_masks(events.masks),
        "n_tracks": events.n_tracks.astype("<i4"),
        "ht_gev": events.ht.astype("<f4"),
        "weight": events.weight.astype("<f4"),
    }
    if events.level1 is not None:
        arrays |= _level1_arrays(events.level1)
    if events.calorimeters is not None:
        arrays[CALORIMETERS] = events.calorimeters.astype("<f2")
    return arrays


def _level1_arrays(level1: Level1) -> dict[str, np.ndarray[Any, Any]]:
    return {REGIONS: level1.regions.astype("<u2"), OBJECTS: level1.objects.astype("<i2")}


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
    packed = read_array(path, archive, f"{name}/{MASK}", "|u1", (count, PIXELS // 8))
    scalars = {
        key: read_array(path, archive, f"{name}/{key}", dtype, (count,))
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
        level1=_level1(path, archive, name, count),
        calorimeters=_calorimeters(path, archive, name, count),
    )


def _level1(path: Path, archive: zipfile.ZipFile, name: str, count: int) -> Level1 | None:
    """Level-1 inputs of a part, checked; None where it has none."""
    if f"{name}/{REGIONS}.npy" not in archive.namelist():
        return None
    regions = read_array(path, archive, f"{name}/{REGIONS}", "<u2", (count, *REGION_SHAPE))
    objects = read_array(path, archive, f"{name}/{OBJECTS}", "<i2", (count, N_OBJECTS, 3))
    largest = int(regions.max(initial=0))
    if largest > REGION_MAX:
        raise InputError(
            f"{path}: {name}/{REGIONS} holds {largest}, expected at most {REGION_MAX} (10 bits); "
            "make the file again"
        )
    return Level1(regions.astype(np.uint16), objects.astype(np.int16))


def _calorimeters(
    path: Path, archive: zipfile.ZipFile, name: str, count: int
) -> npt.NDArray[np.float16] | None:
    if f"{name}/{CALORIMETERS}.npy" not in archive.namelist():
        return None
    shape = (count, PHI_ROWS, ETA_COLUMNS, 2)
    images = read_array(path, archive, f"{name}/{CALORIMETERS}", "<f2", shape)
    if not (np.isfinite(images).all() and (images >= 0).all()):
        raise InputError(
            f"{path}: {name}/{CALORIMETERS} has pixels that are negative or not finite, expected "
            "GeV >= 0; make the file again"
        )
    return images.astype(np.float16)


def _zero_bias(
    path: Path, archive: zipfile.ZipFile, name: str, described: Mapping[str, Any]
) -> ZeroBias:
    """Zero-bias crossings, checked."""
    part, count = f"zero_bias/{name}", int(described["crossings"])
    probability = np.asarray(described["probability"], dtype=np.float64)
    level1 = _level1(path, archive, part, count)
    if level1 is None:
        raise InputError(f"{path}: array {part}/{REGIONS!r} is missing; make the file again")
    stratum = read_array(path, archive, f"{part}/stratum", "|i1", (count,))
    if (
        not ((stratum >= 0) & (stratum < len(probability))).all()
        or abs(float(probability.sum()) - 1.0) > 1e-6
    ):
        raise InputError(
            f"{path}: {part} has strata {stratum.min()}..{stratum.max()} with the probabilities "
            f"{probability.tolist()}, expected one per stratum with the sum 1; make the file again"
        )
    return ZeroBias(level1, stratum.astype(np.int8), probability)
