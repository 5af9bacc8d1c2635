"""Small event samples and damaged files for the tests of the readers."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from trigforge.train.event_file import save_dataset
from trigforge.train.events import Events, SampleInfo

PARTS = ("train", "validation", "test")


def make_events(count: int, seed: int) -> Events:
    rng = np.random.default_rng(seed)
    masks = (rng.random((count, 72, 58)) < 0.02).astype(np.uint8)
    return Events(
        masks=masks,
        n_tracks=masks.sum(axis=(1, 2), dtype=np.int32) + 3,
        ht=rng.uniform(500, 900, count).astype(np.float32),
        weight=np.ones(count, dtype=np.float32),
    )


def write_file(path: Path) -> dict[str, Events]:
    """A small data set on disk and its parts."""
    parts = {name: make_events(5 + i, seed=i) for i, name in enumerate(PARTS)}
    signals = {"suep_125": make_events(4, seed=9)}
    info = {
        "qcd/train": SampleInfo("qcd", 1.5, 0.1, 0.03, 200, 5, "by hand"),
        "suep_125": SampleInfo("suep_125", None, None, None, None, 4, "by hand"),
    }
    save_dataset(path, **parts, signals=signals, info=info, preselection="HT > 500 GeV", seed=1)
    return parts | signals


def assert_same(first: Events, second: Events) -> None:
    for field in ("masks", "n_tracks", "ht", "weight"):
        a, b = getattr(first, field), getattr(second, field)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def rewrite(path: Path, changes: dict[str, bytes | None]) -> None:
    """Replace (or with None drop) members of a zip."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name, content in changes.items():
        assert name in members
        if content is None:
            del members[name]
        else:
            members[name] = content
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(bytes(content))
