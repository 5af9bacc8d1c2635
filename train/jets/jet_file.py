"""Jet samples on disk: a zip of compressed arrays and ``metadata.json``, as event samples are.

Members are ``<label>/<split>/<array>.npy``. Every part has ``pt_gev``, ``eta`` and ``mass_gev``;
``constituents`` (counts, pT, eta and phi, jet after jet) and ``variables`` where the metadata say
so. The metadata name one of two encodings:

- ``float32``: everything as it is.
- ``packed``: constituents on a grid. pT is 0.25 GeV x 2^(code / 20), one byte, stored as the fall
  from the constituent before (pT falls within a jet): 1.7 % at most between a value and its
  grid point, below every calorimeter resolution. eta and phi relative to the axis are multiples of
  0.01, a third of a pixel, one signed byte each. Kinematics and variables are float16.
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
from trigforge.train.events import SampleInfo
from trigforge.train.jets.jets import VARIABLES, Constituents, Int64, Jets, Real
from trigforge.train.jets.sample import SPLITS, JetSample

KIND, SCHEMA = "jets", 1
MAX_CONSTITUENTS = 200
PT_STEP_PER_OCTAVE = 20
PT_LOWEST_GEV = 0.25
ANGLE_LSB = 0.01
ANGLE_MAX = 1.27
SCALARS = ("pt_gev", "eta", "mass_gev")
Encoding = Literal["float32", "packed"]
REAL: dict[str, str] = {"float32": "<f4", "packed": "<f2"}
CONSTITUENTS: dict[str, dict[str, str]] = {
    "float32": {"constituent_pt_gev": "<f4", "constituent_eta": "<f4", "constituent_phi": "<f4"},
    "packed": {"constituent_pt_fall": "|u1", "constituent_eta": "|i1", "constituent_phi": "|i1"},
}
COUNTS = "constituents"
GRID = {
    "pt_lowest_gev": PT_LOWEST_GEV,
    "pt_steps_per_octave": PT_STEP_PER_OCTAVE,
    "angle_lsb": ANGLE_LSB,
}


def save_jets(
    path: Path,
    parts: Mapping[str, Jets],
    *,
    info: Mapping[str, SampleInfo],
    selection: str,
    seed: int,
    encoding: Encoding = "float32",
) -> None:
    """Write a sample, whole or not at all; equal input gives equal bytes.

    Args:
        parts: jets per ``<label>/<split>``.

    Raises:
        ValueError: constituents that the packed grid cannot hold, or too many of them.
        StorageError: the disk is full or the folder cannot be written.
    """
    metadata = {
        "kind": KIND,
        "schema": SCHEMA,
        "encoding": encoding,
        "grid": GRID if encoding == "packed" else None,
        "variables": list(VARIABLES),
        "parts": {
            name: {
                "jets": len(jets),
                "constituents": None
                if jets.constituents is None
                else int(jets.constituents.counts.sum()),
                "variables": jets.variables is not None,
            }
            for name, jets in parts.items()
        },
        "selection": selection,
        "seed": seed,
        "samples": {name: dataclasses.asdict(sample) for name, sample in info.items()},
        "versions": versions("pythia8mc", "fastjet", "numpy"),
    }
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_LZMA) as archive,
    ):
        add_member(archive, "metadata.json", json.dumps(metadata, indent=1).encode())
        for name, jets in parts.items():
            add_arrays(archive, name, _jet_arrays(jets, encoding))


def read_jets(path: Path, source: Literal["shipped", "generated", "file"]) -> JetSample:
    """A sample of this format.

    Raises:
        InputError: missing, truncated, of another kind or schema, or with an array that is missing,
            of the wrong shape or type, not finite, or at odds with the others.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such jet file; check the path")
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = _metadata(path, archive)
            parts = {
                name: _part(path, archive, name, described, metadata["encoding"])
                for name, described in metadata["parts"].items()
            }
        info = {name: SampleInfo(**sample) for name, sample in metadata["samples"].items()}
        selection = str(metadata["selection"])
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(
            f"{path}: damaged or not a jet file ({error}); copy or make it again"
        ) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: metadata.json lacks or misuses {error}; make the file again"
        ) from None
    return JetSample(parts, info, source, sha256_file(path), selection)


def pt_codes(pt: Real) -> npt.NDArray[np.int64]:
    """Nearest grid points of pT in GeV.

    Raises:
        ValueError: beyond the grid.
    """
    codes: npt.NDArray[np.float64] = np.rint(
        PT_STEP_PER_OCTAVE * np.log2(pt.astype(np.float64) / PT_LOWEST_GEV)
    )
    if len(codes) and not (codes.min() >= 0 and codes.max() <= 255):
        raise ValueError(f"constituent pT {pt.min():g} to {pt.max():g} GeV is beyond the grid")
    return codes.astype(np.int64)


def pt_of_codes(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """pT in GeV of grid points."""
    exponent = codes / PT_STEP_PER_OCTAVE
    pt: npt.NDArray[np.float32] = (PT_LOWEST_GEV * np.exp2(exponent)).astype(np.float32)
    return pt


def _jet_arrays(jets: Jets, encoding: Encoding) -> dict[str, np.ndarray[Any, Any]]:
    real = REAL[encoding]
    values = zip(SCALARS, (jets.pt, jets.eta, jets.mass), strict=True)
    arrays: dict[str, np.ndarray[Any, Any]] = {name: value.astype(real) for name, value in values}
    if jets.constituents is not None:
        arrays |= _constituent_arrays(jets.constituents, encoding)
    if jets.variables is not None:
        arrays["variables"] = jets.variables.astype(real)
    return arrays


def _constituent_arrays(
    constituents: Constituents, encoding: Encoding
) -> dict[str, np.ndarray[Any, Any]]:
    counts = constituents.counts
    if len(counts) and not 1 <= counts.min() <= counts.max() <= MAX_CONSTITUENTS:
        raise ValueError(
            f"{counts.min()} to {counts.max()} constituents per jet, expected 1 to 200"
        )
    names = CONSTITUENTS[encoding]
    if encoding == "float32":
        values = (constituents.pt, constituents.eta, constituents.phi)
    else:
        codes = pt_codes(constituents.pt)
        fall = -np.diff(codes, prepend=0)
        fall[constituents.starts] = codes[constituents.starts]
        if len(fall) and fall.min() < 0:
            raise ValueError("constituents are not ordered by falling pT")
        angles = [np.rint(a / ANGLE_LSB) for a in (constituents.eta, constituents.phi)]
        if any(np.abs(a).max(initial=0) * ANGLE_LSB > ANGLE_MAX for a in angles):
            raise ValueError(f"a constituent is further than {ANGLE_MAX} from the jet axis")
        values = (fall, *angles)
    arrays = {
        name: value.astype(dtype)
        for (name, dtype), value in zip(names.items(), values, strict=True)
    }
    return {COUNTS: counts.astype("|u1")} | arrays


def _metadata(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    if "metadata.json" not in archive.namelist():
        raise InputError(f"{path}: no metadata.json inside; this is not a trigforge jet file")
    metadata = json.loads(archive.read("metadata.json"))
    found = metadata if isinstance(metadata, dict) else {}
    for key, expected in (("kind", KIND), ("schema", SCHEMA), ("variables", list(VARIABLES))):
        if found.get(key) != expected:
            raise InputError(
                f"{path}: metadata.json says {key} {found.get(key)!r}, expected {expected!r}; "
                "this is not a jet file of this version, make it again"
            )
    if found.get("encoding") not in CONSTITUENTS or (
        found["encoding"] == "packed" and found.get("grid") != GRID
    ):
        raise InputError(
            f"{path}: metadata.json says encoding {found.get('encoding')!r} on the grid "
            f"{found.get('grid')!r}, expected float32, or packed on {GRID}; make the file again"
        )
    return found


def _part(
    path: Path, archive: zipfile.ZipFile, name: str, described: Mapping[str, Any], encoding: str
) -> Jets:
    """One part, checked."""
    if name.rpartition("/")[2] not in SPLITS:
        raise InputError(
            f"{path}: part {name!r} names no split, expected <label>/ and one of "
            f"{', '.join(SPLITS)}; make the file again"
        )
    count, real = int(described["jets"]), REAL[encoding]
    scalars = [
        _finite(path, f"{name}/{key}", read_array(path, archive, f"{name}/{key}", real, (count,)))
        for key in SCALARS
    ]
    variables = None
    if described["variables"]:
        key = f"{name}/variables"
        variables = read_array(path, archive, key, real, (count, len(VARIABLES)))
        variables = _finite(path, key, variables)
    constituents = None
    if described["constituents"] is not None:
        total = int(described["constituents"])
        constituents = _constituents(path, archive, name, count, total, encoding)
    return Jets(scalars[0], scalars[1], scalars[2], constituents, variables)


def _constituents(
    path: Path, archive: zipfile.ZipFile, name: str, count: int, total: int, encoding: str
) -> Constituents:
    counts: Int64 = read_array(path, archive, f"{name}/{COUNTS}", "|u1", (count,)).astype(np.int64)
    if int(counts.sum()) != total or int(counts.min(initial=1)) < 1:
        raise InputError(
            f"{path}: {name}/{COUNTS} sums to {counts.sum()} with a smallest count of "
            f"{counts.min(initial=1)}, expected {total} and at least 1; make the file again"
        )
    pt, eta, phi = (
        read_array(path, archive, f"{name}/{key}", dtype, (total,))
        for key, dtype in CONSTITUENTS[encoding].items()
    )
    if encoding == "packed":
        codes = _codes(pt.astype(np.int64), counts)
        if total and (codes.min() < 0 or codes.max() > 255):
            raise InputError(
                f"{path}: {name}/constituent_pt_fall falls below the grid; make the file again"
            )
        pt = pt_of_codes(codes)
        eta, phi = (angle.astype(np.float32) * np.float32(ANGLE_LSB) for angle in (eta, phi))
    for key, values in zip(("pt", "eta", "phi"), (pt, eta, phi), strict=True):
        _finite(path, f"{name}/constituent_{key}", values)
    if total and pt.min() <= 0:
        raise InputError(
            f"{path}: {name} has a constituent of pT {pt.min():g} GeV, expected above 0; "
            "make the file again"
        )
    return Constituents(counts, pt, eta, phi)


def _codes(fall: Int64, counts: Int64) -> Int64:
    """pT codes from each jet's first code and the falls after it."""
    if not len(fall):
        return fall
    starts = np.cumsum(counts) - counts
    steps = -fall
    steps[starts] = fall[starts]
    running = np.cumsum(steps)
    before = running[starts] - steps[starts]
    return np.asarray(running - np.repeat(before, counts))


def _finite(path: Path, key: str, values: np.ndarray[Any, Any]) -> npt.NDArray[np.float32]:
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise InputError(f"{path}: {key} has {bad} values that are not finite; make the file again")
    return values.astype(np.float32)
