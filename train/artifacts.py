"""Stage outputs on disk: written whole or not at all, each with a manifest.

A stage writes into ``<stage>.partial`` and the folder is renamed when everything, manifest
included, is there. So a folder named ``<stage>`` is complete, an interrupted stage is redone, and a
stage whose key (hash of configuration, inputs and code) has not changed is skipped.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from trigforge.train.errors import InputError, StorageError

MANIFEST = "manifest.json"
NOT_WRITABLE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
    *(errno.EIO, errno.EMFILE, errno.EXDEV, errno.EEXIST),
)


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_json(value: Any) -> str:
    """Hex digest of plain data or dataclasses, independent of key order."""
    text = json.dumps(value, sort_keys=True, default=_plain, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_sources(*packages: str) -> str:
    """Hex digest of the sources of ``trigforge.<package>`` for each name given."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent
    for package in packages:
        files = [
            p for p in (root / package).rglob("*") if p.suffix in (".py", ".h", ".yaml", ".jinja")
        ]
        for source in sorted(files):
            digest.update(str(source.relative_to(root)).encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()


def versions(*distributions: str) -> dict[str, str]:
    """Installed version of each distribution; ``absent`` where it is not installed."""
    found = {}
    for name in distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` that becomes ``path`` when the block ends without error.

    Raises:
        StorageError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise storage_error(path, error) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def storage_error(path: Path, error: OSError) -> OSError | StorageError:
    """The one sentence for a failed write; errors of another kind come back as they are."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(f"{path}: the disk is full; free some space and run the command again")
    if error.errno not in NOT_WRITABLE:
        return error
    reason = error.strerror or str(error)
    return StorageError(f"{path}: cannot be written ({reason}); check the path and its rights")


def write_json(path: Path, value: Any) -> None:
    """Write plain data or dataclasses as readable JSON, whole or not at all."""
    text = json.dumps(value, indent=1, default=_plain, allow_nan=False) + "\n"
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Plain data from a JSON file.

    Raises:
        InputError: missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"{path}: not readable as JSON ({error}); delete it and rerun the stage"
        ) from None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What made a stage's outputs: enough to tell whether they are still valid and to redo them."""

    stage: str
    key: str
    seconds: float
    config: Any
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    versions: Mapping[str, str]
    info: Mapping[str, Any]


@dataclass(frozen=True)
class StageResult:
    """A finished stage: its folder, its manifest, and whether it was taken from an earlier run."""

    folder: Path
    manifest: Manifest
    cached: bool


class StageFolder:
    """The folder of one stage of one model.

    Args:
        root: ``build/<model>/<variant>``.
        stage: name of the stage, also of its folder.
        config: the part of the recipe that the stage depends on (plain data or dataclass).
        inputs: name -> hash of everything else that it reads (code included).
    """

    def __init__(self, root: Path, stage: str, config: Any, inputs: Mapping[str, str]) -> None:
        self.folder = root / stage
        self.partial = root / f"{stage}.partial"
        self.work = root / f"{stage}.work"
        self.stage = stage
        self.config = config
        self.inputs = dict(inputs)
        self.key = sha256_json({"stage": stage, "config": config, "inputs": self.inputs})

    def current(self) -> StageResult | None:
        """The finished stage when its key matches and its outputs are the ones it wrote."""
        try:
            manifest = Manifest(**read_json(self.folder / MANIFEST))
        except (InputError, TypeError):
            return None
        if manifest.key != self.key:
            return None
        for name, digest in manifest.outputs.items():
            path = self.folder / name
            if not path.is_file() or sha256_file(path) != digest:
                return None
        return StageResult(self.folder, manifest, cached=True)

    @contextmanager
    def write(self, info: dict[str, Any], *distributions: str) -> Iterator[Path]:
        """A fresh folder to write into; completed and renamed when the block ends.

        Args:
            info: anything worth keeping in the manifest; may be filled inside the block.
            distributions: packages whose versions the manifest records.
        """
        started = time.monotonic()
        shutil.rmtree(self.partial, ignore_errors=True)
        try:
            self.partial.mkdir(parents=True)
            yield self.partial
            outputs = {
                str(path.relative_to(self.partial)): sha256_file(path)
                for path in sorted(self.partial.rglob("*"))
                if path.is_file()
            }
            manifest = Manifest(
                stage=self.stage,
                key=self.key,
                seconds=round(time.monotonic() - started, 3),
                config=self.config,
                inputs=self.inputs,
                outputs=outputs,
                versions=versions("trigforge", *distributions),
                info=info,
            )
            write_json(self.partial / MANIFEST, manifest)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.partial.replace(self.folder)
        except OSError as error:
            raise storage_error(self.folder, error) from None
        finally:
            shutil.rmtree(self.partial, ignore_errors=True)
        shutil.rmtree(self.work, ignore_errors=True)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not plain data")
