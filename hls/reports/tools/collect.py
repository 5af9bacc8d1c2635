"""Report files of a folder or an archive, found by their contents.

Archives are read in memory, nothing is unpacked; a member that points outside, a bomb or a broken
archive is one clear error. Links are not followed.
"""

from __future__ import annotations

import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from trigforge.hls.reports.tools.decoding import MAX_BYTES
from trigforge.hls.reports.tools.recognise import looks_like_report
from trigforge.train.errors import InputError

MAX_FILES = 50_000
MAX_UNPACKED_BYTES = 1 << 30
_HEAD = 1 << 16
_SUFFIXES = {".rpt", ".xml", ".log", ".json", ".txt", ".stat", ".out", ""}
# Python's own packages also stumble over damaged headers: tarfile takes ord() of nothing
_DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(OSError, RuntimeError, MemoryError, TypeError, ValueError, LookupError, ArithmeticError),
)
# numbers only: recognised by the name that hls4ml gives the file
VALUES_NAME = "rtl_cosim_results.log"


def collect(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name (below the path) and contents of every report.

    Raises:
        InputError: nothing there, or a broken or hostile archive.
    """
    if path.is_dir():
        yield from _folder(path)
    elif path.is_file() and _is_archive(path):
        yield from _archive(path)
    elif path.is_file():
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES >> 20} MiB, not a report")
        yield path.name, path.read_bytes()
    else:
        raise InputError(f"{path}: no such file or folder")


def _candidate(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _SUFFIXES


def _wanted(name: str, head: bytes, size: int) -> bool:
    return PurePosixPath(name).name == VALUES_NAME or looks_like_report(head, size)


def _folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    count = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for file in sorted(files):
            count += 1
            if count > MAX_FILES:
                raise InputError(f"{folder}: more than {MAX_FILES} files; name a smaller folder")
            path = Path(parent) / file
            if not _candidate(file) or path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as stream:
                head = stream.read(_HEAD)
                name = path.relative_to(folder).as_posix()
                if _wanted(name, head, path.stat().st_size):
                    yield name, head + stream.read()


def _is_archive(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(512)
    marks = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
    return head.startswith(marks) or head[257:262] == b"ustar"


def _archive(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with path.open("rb") as stream:
            zipped = stream.read(2) == b"PK"
        members = _zip(path) if zipped else _tar(path)
        for name, content in members:
            if _wanted(name, content[:_HEAD], len(content)):
                yield name, content
    except _DAMAGED as error:
        raise InputError(f"{path}: a damaged or unreadable archive ({error})") from None


def _safe(name: str, path: Path) -> str:
    """The name of a member, refused when it leaves the archive."""
    plain = name.replace("\\", "/")
    pure = PurePosixPath(plain)
    if pure.is_absolute() or ".." in pure.parts or (pure.parts and pure.parts[0].endswith(":")):
        raise InputError(f"{path}: the member {name[:80]!r} points outside the archive; refused")
    return pure.as_posix()


class _Budget:
    """Counts members and bytes, so that a bomb ends early."""

    def __init__(self, path: Path) -> None:
        self.path, self.files, self.size = path, 0, 0

    def add(self, size: int) -> None:
        self.files += 1
        self.size += size
        if self.files > MAX_FILES or self.size > MAX_UNPACKED_BYTES:
            raise InputError(
                f"{self.path}: more than {MAX_FILES} files or {MAX_UNPACKED_BYTES >> 20} MiB "
                "unpacked; refused"
            )


def _zip(path: Path) -> Iterator[tuple[str, bytes]]:
    budget = _Budget(path)
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.infolist(), key=lambda m: m.filename):
            name = _safe(member.filename, path)
            budget.add(0)
            # is_dir fails on a member without a name
            if (
                not member.filename
                or member.is_dir()
                or not _candidate(name)
                or member.file_size > MAX_BYTES
            ):
                continue
            if member.flag_bits & 1:
                raise InputError(f"{path}: {name} is encrypted; unpack it first")
            with archive.open(member) as stream:
                content = stream.read(MAX_BYTES + 1)
            budget.add(len(content))
            yield name, content


def _tar(path: Path) -> Iterator[tuple[str, bytes]]:
    budget = _Budget(path)
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            name = _safe(member.name, path)
            budget.add(member.size)
            if not member.isreg() or not _candidate(name) or member.size > MAX_BYTES:
                continue
            stream = archive.extractfile(member)
            if stream is not None:
                yield name, stream.read(MAX_BYTES + 1)
