"""The event file: what is written is read, and damaged files get one sentence."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from event_samples import (
    PARTS,
    assert_same,
    cut_in_half,
    flip_a_byte,
    make_events,
    npy,
    rewrite,
    write_file,
)

from trigforge.train.errors import InputError, StorageError
from trigforge.train.event_file import MASK
from trigforge.train.events import load_dataset_file, pack_masks, unpack_masks


def test_packing_is_reversible_and_has_the_documented_order() -> None:
    masks = make_events(7, seed=3).masks
    packed = pack_masks(masks)
    assert packed.shape == (7, 522)
    np.testing.assert_array_equal(unpack_masks(packed), masks)
    one = np.zeros((1, 72, 58), dtype=np.uint8)
    one[0, 0, 0] = 1
    assert pack_masks(one)[0, 0] == 128


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.npz"
    parts = write_file(path)
    data = load_dataset_file(path)
    for name in PARTS:
        assert_same(getattr(data, name), parts[name])
    assert_same(data.signals["suep_125"], parts["suep_125"])
    assert data.info["qcd/train"].cross_section_pb == 1.5
    assert data.info["suep_125"].cross_section_pb is None
    assert (data.preselection, data.source) == ("HT > 500 GeV", "file")
    with np.load(path) as plain:  # readable without this package
        np.testing.assert_array_equal(plain[f"train/{MASK}"], pack_masks(parts["train"].masks))


def test_equal_events_give_equal_bytes(tmp_path: Path) -> None:
    write_file(tmp_path / "a.npz")
    write_file(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert (
        load_dataset_file(tmp_path / "a.npz").sha256 == load_dataset_file(tmp_path / "b.npz").sha256
    )


def test_a_channel_added_later_does_not_disturb(tmp_path: Path) -> None:
    path = tmp_path / "events.npz"
    parts = write_file(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("train/ecal_gev.npy", npy(np.zeros((5, 72, 58), dtype=np.float16)))
    assert_same(load_dataset_file(path).train, parts["train"])


def metadata_with(path: Path, **changes: object) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return json.dumps(json.loads(archive.read("metadata.json")) | changes).encode()


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda p: p.unlink(), "no such event file"),
    "truncated": (cut_in_half, "damaged or not an event file"),
    "flipped": (flip_a_byte, "damaged or not an event file"),
    "text": (lambda p: p.write_text("hello"), "damaged or not an event file"),
    "empty": (lambda p: p.write_bytes(b""), "damaged or not an event file"),
    "no metadata": (lambda p: rewrite(p, {"metadata.json": None}), "no metadata.json"),
    "not json": (lambda p: rewrite(p, {"metadata.json": b"{"}), "damaged or not an event file"),
    "schema": (
        lambda p: rewrite(p, {"metadata.json": metadata_with(p, schema=7)}),
        "schema 7, expected 1",
    ),
    "channel": (
        lambda p: rewrite(p, {"metadata.json": metadata_with(p, channels={})}),
        "channel 'tracker_mask'",
    ),
    "no counts": (
        lambda p: rewrite(p, {"metadata.json": metadata_with(p, parts=None)}),
        "metadata.json",
    ),
    "samples": (
        lambda p: rewrite(p, {"metadata.json": metadata_with(p, samples={"qcd": {"name": "qcd"}})}),
        "no valid field 'samples'",
    ),
    "part": (
        lambda p: rewrite(p, {"metadata.json": metadata_with(p, parts={"train": 5})}),
        "part 'validation' is missing",
    ),
    "array": (
        lambda p: rewrite(p, {f"test/{MASK}.npy": None}),
        "array 'test/tracker_mask' is missing",
    ),
    "shape": (
        lambda p: rewrite(p, {f"test/{MASK}.npy": npy(np.zeros((7, 521), np.uint8))}),
        r"test/tracker_mask is uint8\[7, 521\], expected uint8\[7, 522\]",
    ),
    "type": (
        lambda p: rewrite(p, {"test/n_tracks.npy": npy(np.zeros(7, np.float32))}),
        r"test/n_tracks is float32\[7\], expected int32\[7\]",
    ),
    "pickle": (
        lambda p: rewrite(p, {"test/n_tracks.npy": npy(np.array([None] * 7))}),
        "damaged or not an event file",
    ),
    "nan": (
        lambda p: rewrite(p, {"train/ht_gev.npy": npy(np.full(5, np.nan, np.float32))}),
        "train/ht_gev has 5 values that are not finite",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_event_files_get_one_sentence(tmp_path: Path, case: str) -> None:
    path = tmp_path / "events.npz"
    write_file(path)
    damage, message = DAMAGE[case]
    damage(path)
    with pytest.raises(InputError, match=message) as caught:
        load_dataset_file(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text


def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "deep" / "events.npz"
    written = {"bytes": 0}
    original = zipfile.ZipFile.writestr

    def full(self: zipfile.ZipFile, *arguments: object, **options: object) -> None:
        written["bytes"] += 1
        if written["bytes"] > 3:
            raise OSError(28, "No space left on device")
        original(self, *arguments, **options)

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(StorageError, match="disk is full"):
        write_file(target)
    assert list(target.parent.iterdir()) == []
    monkeypatch.undo()
    write_file(target)
    assert len(load_dataset_file(target).train) == 5
