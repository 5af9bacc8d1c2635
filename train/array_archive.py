"""Zip archives of LZMA-compressed NumPy arrays: equal content gives equal bytes.

``numpy.load`` opens them too. Nothing in them depends on the clock or the machine.
"""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trigforge.train.errors import InputError

FIXED_DATE = (1980, 1, 1, 0, 0, 0)
DAMAGED = (zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError)
"""What reading a damaged archive raises."""


def add_arrays(
    archive: zipfile.ZipFile, part: str, arrays: Mapping[str, np.ndarray[Any, Any]]
) -> None:
    """Append arrays as members ``<part>/<name>.npy``."""
    for key, array in arrays.items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
        add_member(archive, f"{part}/{key}.npy", buffer.getvalue())


def add_member(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Append one compressed member."""
    member = zipfile.ZipInfo(name, FIXED_DATE)
    member.compress_type = zipfile.ZIP_LZMA
    member.create_system = 3  # the same on every platform
    archive.writestr(member, content)


def read_array(
    path: Path, archive: zipfile.ZipFile, key: str, dtype: str, shape: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    """The array of member ``<key>.npy``, which must have this type and shape.

    Raises:
        InputError: missing, or of another type or shape; ``path`` is named.
    """
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
