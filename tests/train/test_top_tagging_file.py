"""The reader of the public top-tagging files, on small files of the same layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("h5py", reason="the public files are HDF5")

import h5py

from trigforge.train.errors import InputError
from trigforge.train.jets.images import jet_images
from trigforge.train.jets.top_tagging_file import read_top_tagging

WIDTH = 804  # 200 constituents and the true top


def four_vector(pt: float, eta: float, phi: float) -> list[float]:
    return [pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)]


def write(path: Path, values: np.ndarray, labels: list[int], **options: Any) -> Path:
    kind = np.dtype(
        [
            ("index", "<i8"),
            ("values_block_0", "<f4", values.shape[1:]),
            ("values_block_1", "<i8", (2,)),
        ]
    )
    records = np.zeros(len(values), dtype=kind)
    records["values_block_0"] = values
    records["values_block_1"][:, 1] = labels
    with h5py.File(path, "w") as file:
        file.create_group("table").create_dataset("table", data=records, **options)
    return path


def rows() -> np.ndarray:
    """A QCD jet of two constituents across the seam in phi, a top of three."""
    values = np.zeros((2, WIDTH), dtype=np.float32)
    values[0, :8] = four_vector(400.0, 1.0, 3.1) + four_vector(200.0, 0.8, -3.1)
    three = [(300.0, -0.2, 0.1), (200.0, 0.3, 0.3), (100.0, -0.5, -0.2)]
    values[1, :12] = [number for point in three for number in four_vector(*point)]
    return values


def test_jets_come_back_by_class_relative_to_their_axis(tmp_path: Path) -> None:
    path = write(tmp_path / "test.h5", rows(), [0, 1], compression="gzip")
    jets = read_top_tagging(path)
    qcd, top = jets["qcd"], jets["top"]
    assert qcd.constituents is not None and top.constituents is not None
    assert qcd.constituents.counts.tolist() == [2] and top.constituents.counts.tolist() == [3]
    np.testing.assert_allclose(qcd.constituents.pt, [400.0, 200.0], rtol=1e-6)
    turn = np.diff(qcd.constituents.phi)[0]
    assert turn == pytest.approx(2 * np.pi - 6.2, abs=1e-5)
    assert np.diff(qcd.constituents.eta)[0] == pytest.approx(-0.2, abs=1e-5)
    mass = np.sqrt(2 * 400 * 200 * (np.cosh(0.2) - np.cos(turn)))
    assert qcd.mass[0] == pytest.approx(mass, rel=1e-4)
    assert top.pt[0] == pytest.approx(590, rel=0.02)
    assert jet_images(top.constituents).shape == (1, 1, 40, 40)
    assert len(read_top_tagging(path, count=1)["top"]) == 0


@pytest.mark.parametrize(
    ("values", "labels", "message"),
    [
        (np.ones((2, 40), np.float32), [0, 1], "values per jet, expected at least 800"),
        (rows(), [0, 3], "labels other than 0 and 1"),
        (np.full((2, WIDTH), np.inf, np.float32), [0, 1], "not finite"),
    ],
)
def test_other_layouts_are_refused(
    tmp_path: Path, values: np.ndarray, labels: list[int], message: str
) -> None:
    path = write(tmp_path / "test.h5", values, labels)
    with pytest.raises(InputError, match=message) as error:
        read_top_tagging(path)
    assert str(path) in str(error.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_top_tagging(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("jets")
    with pytest.raises(InputError, match="damaged or not HDF5"):
        read_top_tagging(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["jets"] = np.zeros(3)
    with pytest.raises(InputError, match="no table 'table/table'"):
        read_top_tagging(tmp_path / "other.h5")
    with h5py.File(tmp_path / "array.h5", "w") as file:
        file.create_group("table")["table"] = np.zeros(3)
    with pytest.raises(InputError, match="has the fields none"):
        read_top_tagging(tmp_path / "array.h5")
