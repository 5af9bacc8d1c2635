"""The public top-tagging data set (doi:10.5281/zenodo.2603256), jets of its HDF5 files.

A file is a pandas table: ``table/table`` holds one record per jet, ``values_block_0`` 200
constituents as (E, px, py, pz) in float32, by falling pT and filled up with zeros, then the true
top's four-vector; ``values_block_1`` ends with the label (``is_signal_new``). The published files
are compressed with Blosc, which h5py reads with the package ``hdf5plugin``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trigforge.train.errors import InputError, ToolError
from trigforge.train.jets.jets import Constituents, Jets

CONSTITUENTS = 200
FOUR = 4
TABLE = "table/table"
VALUES, LABELS = "values_block_0", "values_block_1"


def read_top_tagging(path: Path, count: int | None = None) -> dict[str, Jets]:
    """Jets of one file, ``qcd`` and ``top``, in the order of the file.

    Args:
        count: records to read from the beginning; all if None.

    Raises:
        InputError: missing, not HDF5, or not laid out like the public files.
        ToolError: h5py or the Blosc plugin is not installed.
    """
    records = _records(path, count)
    names = records.dtype.names or ()
    if VALUES not in names or LABELS not in names:
        raise InputError(
            f"{path}: {TABLE} has the fields {', '.join(names) or 'none'}, "
            f"expected {VALUES} and {LABELS}; take a file of the public top-tagging data set"
        )
    values = records[VALUES]
    if values.ndim != 2 or values.shape[1] < CONSTITUENTS * FOUR:
        raise InputError(
            f"{path}: {VALUES} has {values.shape[1:]} values per jet, expected at least "
            f"{CONSTITUENTS * FOUR} (200 constituents); take a file of the public data set"
        )
    labels = records[LABELS].reshape(len(values), -1)[:, -1]
    if not np.isin(labels, (0, 1)).all():
        raise InputError(f"{path}: {LABELS} holds labels other than 0 and 1")
    if not np.isfinite(values).all():
        raise InputError(f"{path}: {VALUES} has values that are not finite; copy the file again")
    vectors = values[:, : CONSTITUENTS * FOUR].reshape(-1, CONSTITUENTS, FOUR)
    filled = (np.hypot(vectors[:, :, 1], vectors[:, :, 2]) > 0).any(axis=1)
    return {
        name: jets_of_vectors(vectors[filled & (labels == label)])
        for label, name in enumerate(("qcd", "top"))
    }


def jets_of_vectors(vectors: npt.NDArray[np.float32]) -> Jets:
    """Jets from (N, K, 4) four-vectors (E, px, py, pz); those without pT are padding."""
    energy, px, py, pz = np.moveaxis(vectors.astype(np.float64), 2, 0)
    pt = np.hypot(px, py)
    inside = pt > 0
    sums = [np.where(inside, column, 0.0).sum(axis=1) for column in (energy, px, py, pz)]
    jet_pt = np.hypot(sums[1], sums[2])
    jet_eta = np.arcsinh(sums[3] / jet_pt)
    jet_phi = np.arctan2(sums[2], sums[1])
    squared = sums[0] ** 2 - sums[1] ** 2 - sums[2] ** 2 - sums[3] ** 2
    order = np.argsort(-pt, axis=1, kind="stable")
    inside, pt, px, py, pz = (
        np.take_along_axis(column, order, axis=1) for column in (inside, pt, px, py, pz)
    )
    with np.errstate(invalid="ignore"):
        eta = np.arcsinh(pz / pt) - jet_eta[:, None]
    phi = np.mod(np.arctan2(py, px) - jet_phi[:, None] + np.pi, 2.0 * np.pi) - np.pi
    columns = (column[inside].astype(np.float32) for column in (pt, eta, phi))
    constituents = Constituents(inside.sum(axis=1), *columns)
    kinematics = [jet_pt, jet_eta, np.sqrt(np.maximum(squared, 0.0))]
    pt32, eta32, mass32 = (values.astype(np.float32) for values in kinematics)
    return Jets(pt32, eta32, mass32, constituents)


def _records(path: Path, count: int | None) -> npt.NDArray[Any]:
    """The first records of the table."""
    try:
        import h5py
    except ImportError:
        raise ToolError(f"{path}: reading HDF5 needs h5py: pip install 'trigforge[hdf5]'") from None
    try:
        import hdf5plugin  # noqa: F401 (registers Blosc)
    except ImportError:
        plugin = False
    else:
        plugin = True
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with h5py.File(path) as file:
            if TABLE not in file:
                raise InputError(
                    f"{path}: no table {TABLE!r} inside, expected a file of the public top-tagging "
                    "data set"
                )
            return np.asarray(file[TABLE][slice(count)])
    except OSError as error:
        if not plugin and "filter" in str(error):
            raise ToolError(
                f"{path}: compressed with a filter that h5py lacks: pip install 'trigforge[hdf5]'"
            ) from None
        raise InputError(f"{path}: damaged or not HDF5 ({error}); copy it again") from None
