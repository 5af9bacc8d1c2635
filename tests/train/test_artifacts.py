from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from trigforge.train.artifacts import (
    StageFolder,
    atomic_path,
    read_json,
    sha256_json,
    sha256_sources,
    versions,
    write_json,
)
from trigforge.train.errors import InputError, StorageError


def finish(folder: StageFolder, text: str) -> None:
    with folder.write({"note": text}, "numpy") as target:
        (target / "out.txt").write_text(text)


def test_a_stage_is_skipped_until_its_key_changes(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path, "train", {"epochs": 3}, {"data": "abc"})
    assert folder.current() is None
    finish(folder, "done")
    found = folder.current()
    assert found is not None and found.cached
    assert found.manifest.info == {"note": "done"}
    assert found.manifest.versions["numpy"] == np.__version__
    assert StageFolder(tmp_path, "train", {"epochs": 3}, {"data": "abc"}).current() is not None
    assert StageFolder(tmp_path, "train", {"epochs": 4}, {"data": "abc"}).current() is None
    assert StageFolder(tmp_path, "train", {"epochs": 3}, {"data": "xyz"}).current() is None


def test_a_changed_lost_or_half_written_output_is_redone(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path, "s", 1, {})
    finish(folder, "done")
    (folder.folder / "out.txt").write_text("edited")
    assert folder.current() is None
    finish(folder, "done")
    (folder.folder / "out.txt").unlink()
    assert folder.current() is None
    finish(folder, "done")
    (folder.folder / "manifest.json").write_text('{"stage": "s"')
    assert folder.current() is None


def test_an_interrupted_stage_leaves_the_old_one_and_its_work(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path, "s", 1, {})
    finish(folder, "old")
    folder.work.mkdir()
    (folder.work / "checkpoint").write_text("epoch 3")
    with pytest.raises(KeyboardInterrupt), folder.write({}) as target:
        (target / "out.txt").write_text("half")
        raise KeyboardInterrupt
    assert not folder.partial.exists()
    assert (folder.folder / "out.txt").read_text() == "old"
    assert (folder.work / "checkpoint").read_text() == "epoch 3"
    finish(folder, "new")
    assert not folder.work.exists()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path, "s", 1, {})
    with pytest.raises(StorageError, match="disk is full; free some space"), folder.write({}):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "a.json"
    with pytest.raises(StorageError, match=r"a\.json: the disk is full"), atomic_path(path) as t:
        t.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_json_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": Path("b"), "n": np.int64(3)})
    assert read_json(path) == {"a": "b", "n": 3}
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(path, {"a": float("nan")})
    assert read_json(path) == {"a": "b", "n": 3}
    path.write_text("{")
    with pytest.raises(InputError, match="not readable as JSON"):
        read_json(path)
    with pytest.raises(InputError, match="no such file"):
        read_json(tmp_path / "none.json")


def test_hashes_do_not_depend_on_key_order_but_on_every_source() -> None:
    assert sha256_json({"a": 1, "b": 2}) == sha256_json({"b": 2, "a": 1})
    assert sha256_json({"a": 1}) != sha256_json({"a": 2})
    assert sha256_sources("train") != sha256_sources("train", "hls")
    assert versions("trigforge", "no-such-package")["no-such-package"] == "absent"
