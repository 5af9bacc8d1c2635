"""Jet files: what goes in comes out, and every damage has its sentence."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jet_samples import random_jets

from trigforge.train.array_archive import add_arrays, add_member
from trigforge.train.errors import InputError
from trigforge.train.events import SampleInfo
from trigforge.train.jets.jet_file import Encoding, pt_codes, pt_of_codes, read_jets, save_jets
from trigforge.train.jets.jets import Jets
from trigforge.train.jets.sample import load_jets, load_shipped_jets


def save(path: Path, encoding: Encoding = "float32", **parts: Jets) -> Path:
    named = {name.replace("_", "/"): jets for name, jets in parts.items()} or {
        "qcd/train": random_jets(20),
        "qcd/test": random_jets(11, seed=2),
        "top/test": random_jets(5, seed=3, variables=False),
    }
    info = {
        name: SampleInfo(name, 1.0, 0.1, 0.5, 40, len(j), "made up") for name, j in named.items()
    }
    save_jets(path, named, info=info, selection="none", seed=1, encoding=encoding)
    return path


def test_float32_files_give_back_every_bit(tmp_path: Path) -> None:
    sample = load_jets(save(tmp_path / "jets.npz"))
    assert sample.labels == ("qcd", "top")
    assert sample.splits("qcd") == ("train", "test")
    for got, jets in (
        (sample.part("train", "qcd"), random_jets(20)),
        (sample.part("test", "top"), random_jets(5, seed=3, variables=False)),
    ):
        assert got.constituents is not None and jets.constituents is not None
        for name in ("pt", "eta", "mass"):
            np.testing.assert_array_equal(getattr(got, name), getattr(jets, name))
        for name in ("counts", "pt", "eta", "phi"):
            expected = getattr(jets.constituents, name)
            np.testing.assert_array_equal(getattr(got.constituents, name), expected)
    np.testing.assert_array_equal(sample.variables("train", "qcd"), random_jets(20).variables)
    assert sample.images("test", "top").shape == (5, 1, 40, 40)


def test_packed_files_stay_within_the_stated_grid(tmp_path: Path) -> None:
    jets = random_jets(300)
    got = load_jets(save(tmp_path / "jets.npz", "packed", qcd_train=jets)).part("train", "qcd")
    assert got.constituents is not None and jets.constituents is not None
    np.testing.assert_array_equal(got.constituents.counts, jets.constituents.counts)
    ratio = got.constituents.pt / jets.constituents.pt
    assert np.abs(np.log2(ratio)).max() <= 0.5 / 20 + 1e-6
    for name in ("eta", "phi"):
        off = np.abs(getattr(got.constituents, name) - getattr(jets.constituents, name)).max()
        assert off <= 0.005 + 1e-6


def test_packing_twice_changes_nothing(tmp_path: Path) -> None:
    first = load_jets(save(tmp_path / "a.npz", "packed", qcd_train=random_jets(100)))
    save(tmp_path / "b.npz", "packed", qcd_train=first.part("train", "qcd"))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_every_code_comes_back() -> None:
    codes = np.arange(256)
    np.testing.assert_array_equal(pt_codes(pt_of_codes(codes)), codes)
    with pytest.raises(ValueError, match="beyond the grid"):
        pt_codes(np.array([0.1]))


def rewritten(path: Path, metadata: dict[str, Any] | None = None, **arrays: Any) -> Path:
    """The file with some metadata or arrays of ``qcd/train`` replaced; None removes an array."""
    with zipfile.ZipFile(path) as archive:
        found = json.loads(archive.read("metadata.json")) | (metadata or {})
        names = [n for n in archive.namelist() if n != "metadata.json"]
        contents = {name: archive.read(name) for name in names}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        add_member(archive, "metadata.json", json.dumps(found).encode())
        for name, content in contents.items():
            key = name.removeprefix("qcd/train/").removesuffix(".npy")
            if key not in arrays:
                add_member(archive, name, content)
            elif arrays[key] is not None:
                add_arrays(archive, "qcd/train", {key: arrays[key]})
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": {"kind": "events"}}, "kind 'events', expected 'jets'"),
        ({"metadata": {"schema": 7}}, "schema 7, expected 1"),
        ({"metadata": {"encoding": "zip"}}, "encoding 'zip'"),
        ({"metadata": {"encoding": "packed"}}, "grid"),
        ({"metadata": {"samples": {"x": {}}}}, "lacks or misuses"),
        ({"metadata": {"parts": {"qcd": {}}}}, "names no split"),
        ({"eta": None}, "qcd/train/eta' is missing"),
        ({"pt_gev": np.zeros(3, np.float32)}, r"expected float32\[20\]"),
        ({"mass_gev": np.full(20, np.nan, np.float32)}, "20 values that are not finite"),
        ({"variables": np.zeros((20, 7), np.float32)}, r"expected float32\[20, 8\]"),
        ({"constituents": np.ones(20, np.uint8)}, "sums to 20"),
    ],
)
def test_damage_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = rewritten(save(tmp_path / "jets.npz"), **change)
    with pytest.raises(InputError, match=message) as error:
        load_jets(path)
    assert str(path) in str(error.value)


def test_truncated_foreign_and_absent_files_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "jets.npz")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match="damaged or not a jet file"):
        load_jets(path)
    np.savez(path, x=np.zeros(2))
    with pytest.raises(InputError, match=r"no metadata\.json inside"):
        load_jets(path)
    with pytest.raises(InputError, match="no such jet file"):
        read_jets(tmp_path / "none.npz", "file")


def test_jets_beyond_the_format_are_not_written(tmp_path: Path) -> None:
    jets = random_jets(4)
    assert jets.constituents is not None
    jets.constituents.eta[0] = 1.5
    with pytest.raises(ValueError, match=r"further than 1\.27"):
        save(tmp_path / "jets.npz", "packed", qcd_train=jets)
    assert not (tmp_path / "jets.npz").exists()


def test_missing_parts_are_named(tmp_path: Path) -> None:
    sample = load_jets(save(tmp_path / "jets.npz"))
    with pytest.raises(InputError, match="qcd/validation"):
        sample.part("validation", "qcd")
    with pytest.raises(InputError, match="no substructure variables"):
        sample.variables("test", "top")
    with pytest.raises(InputError, match="did you mean 'top_tagging'"):
        load_shipped_jets("top_taging")
