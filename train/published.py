"""Reader for the event images published with the CoDAE paper (arXiv:2306.12955).

A folder with ``train/`` and ``test/``, each full of ``.npz`` files with

- ``images`` (N, 72, 58, C) float: channel 0 is the tracker, in GeV; or ``masks`` (N, 72, 58) of
  zeros and ones,
- ``labels`` (N,): 0 QCD, 1 SUEP, 2 semi-visible jets; ``masses`` (N,): the code of the mass point
  in :data:`MASS_POINTS`; ``n_tracks`` (N,).

The mask is 1 where the tracker channel is positive. Labels and masses, not file names, decide what
an event is. Background below ``train/`` is split into training and validation, one event in ten
for the latter. HT, cross sections and efficiencies are not published: HT is NaN, the others None.
"""

from __future__ import annotations

import hashlib
import lzma
import zipfile
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trigforge.train.artifacts import sha256_file
from trigforge.train.errors import InputError
from trigforge.train.events import ETA_COLUMNS, PHI_ROWS, EventDataset, Events, SampleInfo

BACKGROUND = "qcd"
# (label, mass code) of the published files
MASS_POINTS = {
    (0, 0): BACKGROUND,
    (1, 1): "suep_125",
    (1, 2): "suep_200",
    (1, 3): "suep_300",
    (1, 4): "suep_400",
    (1, 5): "suep_700",
    (1, 6): "suep_1000",
    (2, 5): "svj_2100",
    (2, 6): "svj_3100",
    (2, 7): "svj_4100",
}
VALIDATION_EVERY = 10
PRESELECTION = (
    "HT > 500 GeV (as published: electrons, muons, photons and jets; arXiv:2306.12955 A.2)"
)
UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


def read_published(folder: Path) -> EventDataset:
    """The data set in a folder of published event images.

    Raises:
        InputError: missing folder or files, or a file that is truncated, lacks an array, or holds
            a wrong shape, NaN, negative deposits, a non-binary mask, an unknown label or mass.
    """
    train = _read_split(folder, "train")
    test = _read_split(folder, "test")
    for split, samples in (("train", train), ("test", test)):
        if BACKGROUND not in samples:
            raise InputError(
                f"{folder / split}: no background events (label 0) in any file; they are needed"
            )
    background = train[BACKGROUND]
    is_validation = np.arange(len(background)) % VALIDATION_EVERY == VALIDATION_EVERY - 1
    parts = {
        f"{BACKGROUND}/train": background.take(~is_validation),
        f"{BACKGROUND}/validation": background.take(is_validation),
        f"{BACKGROUND}/test": test[BACKGROUND],
    }
    signals = {name: test[name] for name in sorted(test) if name != BACKGROUND}
    return EventDataset(
        train=parts[f"{BACKGROUND}/train"],
        validation=parts[f"{BACKGROUND}/validation"],
        test=parts[f"{BACKGROUND}/test"],
        signals=signals,
        info={name: _info(name, len(events)) for name, events in (parts | signals).items()},
        source="file",
        sha256=_sha256_folder(folder),
        preselection=PRESELECTION,
    )


def _info(name: str, count: int) -> SampleInfo:
    return SampleInfo(
        name=name.split("/")[0],
        cross_section_pb=None,
        cross_section_err_pb=None,
        preselection_efficiency=None,
        n_generated=None,
        n_accepted=count,
        generator="published event images (Pythia 8.244, Delphes 3.5, pileup 50)",
    )


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npz"))


def _sha256_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for split in ("train", "test"):
        for path in _files(folder / split):
            digest.update(f"{split}/{path.name} {sha256_file(path)}\n".encode())
    return digest.hexdigest()


def _read_split(folder: Path, split: str) -> dict[str, Events]:
    """Events of one sub-folder by sample name."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; DATA must name a folder of event images")
    files = _files(folder / split)
    if not files:
        raise InputError(
            f"{folder / split}: no .npz files; expected the sub-folders train/ and test/ with "
            "event images"
        )
    found: dict[str, list[Events]] = defaultdict(list)
    for path in files:
        for name, events in _read_file(path).items():
            found[name].append(events)
    return {name: Events.concatenate(parts) for name, parts in found.items()}


def _read_file(path: Path) -> dict[str, Events]:
    """Events of one file by sample name, checked."""
    try:
        if not zipfile.is_zipfile(path):
            raise zipfile.BadZipFile("not a zip archive")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: damaged or not an npz file ({reason}); copy it again") from None
    masks = _masks(path, arrays)
    n_events = len(masks)
    labels = _scalar(path, arrays, "labels", n_events)
    masses = _scalar(path, arrays, "masses", n_events)
    n_tracks = _scalar(path, arrays, "n_tracks", n_events)
    names = np.array([_sample_name(path, *pair) for pair in zip(labels, masses, strict=True)])
    events = Events(
        masks=masks,
        n_tracks=n_tracks.astype(np.int32),
        ht=np.full(n_events, np.nan, dtype=np.float32),
        weight=np.ones(n_events, dtype=np.float32),
    )
    return {str(name): events.take(names == name) for name in np.unique(names)}


def _sample_name(path: Path, label: float, mass: float) -> str:
    name = MASS_POINTS.get((int(label), int(mass)))
    if name is None or (int(label), int(mass)) != (label, mass):
        known = ", ".join(f"{pair} {point}" for pair, point in MASS_POINTS.items())
        raise InputError(
            f"{path}: labels and masses hold ({label:g}, {mass:g}), expected one of {known}"
        )
    return name


def _masks(path: Path, arrays: dict[str, np.ndarray[Any, Any]]) -> npt.NDArray[np.uint8]:
    """(N, 72, 58) zeros and ones from ``masks`` or from channel 0 of ``images``."""
    if "masks" in arrays:
        masks = arrays["masks"]
        _expect(path, "masks", masks, "(N, 72, 58)", masks.ndim == 3)
        values = np.unique(masks)
        if not np.isin(values, (0, 1)).all():
            odd = [f"{value:g}" for value in values if value not in (0, 1)]
            raise InputError(f"{path}: masks holds {odd[0]}, expected only 0 and 1")
        return masks.astype(np.uint8)
    if "images" not in arrays:
        raise InputError(
            f"{path}: array 'images' is missing, found {', '.join(sorted(arrays)) or 'nothing'}; "
            "expected images, labels, masses and n_tracks"
        )
    images = arrays["images"]
    _expect(path, "images", images, "(N, 72, 58, channels)", images.ndim == 4)
    tracker = images[..., 0]
    if not np.isfinite(tracker).all():
        bad = int(np.count_nonzero(~np.isfinite(tracker)))
        raise InputError(
            f"{path}: images has {bad} tracker pixels that are not finite, expected GeV >= 0"
        )
    if (tracker < 0).any():
        raise InputError(
            f"{path}: images has a tracker pixel of {tracker.min():g}, expected GeV >= 0"
        )
    return (tracker > 0).astype(np.uint8)


def _expect(
    path: Path, name: str, array: np.ndarray[Any, Any], wanted: str, right_rank: bool
) -> None:
    good = right_rank and array.shape[1:3] == (PHI_ROWS, ETA_COLUMNS) and array.size > 0
    if not good or array.dtype.kind not in "fiub":
        raise InputError(
            f"{path}: {name} is {array.dtype} of shape {array.shape}, expected numbers of shape "
            f"{wanted} with at least one event"
        )


def _scalar(
    path: Path, arrays: dict[str, np.ndarray[Any, Any]], name: str, n_events: int
) -> npt.NDArray[np.float64]:
    if name not in arrays:
        raise InputError(f"{path}: array {name!r} is missing, found {', '.join(sorted(arrays))}")
    array = arrays[name]
    if array.dtype.kind not in "fiub" or array.size != n_events:
        raise InputError(
            f"{path}: {name} is {array.dtype} of shape {array.shape}, expected {n_events} numbers"
        )
    values = array.reshape(n_events).astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{path}: {name} has values that are not finite, expected numbers")
    return values
