"""The reader of published event images: masks, splits, and refusals in one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from event_samples import cut_in_half, flip_a_byte, make_events, npy, write_file

from trigforge.train.errors import InputError
from trigforge.train.events import load_data, load_published, load_shipped
from trigforge.train.generation.processes import SIGNALS

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "data" / "codae_events"


def write_images(
    path: Path, label: int, mass: int, count: int = 12, seed: int = 0, **replace: object
) -> None:
    rng = np.random.default_rng(seed)
    images = rng.exponential(2.0, (count, 72, 58, 3)) * (rng.random((count, 72, 58, 3)) < 0.02)
    arrays: dict[str, object] = {
        "images": images.astype(np.float32),
        "labels": np.full(count, label, np.float32),
        "masses": np.full(count, mass, np.float32),
        "n_tracks": np.full((count, 1), 100, np.float32),
    }
    arrays |= replace
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    write_images(root / "train" / "qcd_1.npz", 0, 0, count=25, seed=1)
    write_images(root / "test" / "qcd_2.npz", 0, 0, seed=2)
    write_images(root / "test" / "any_name.npz", 1, 6, seed=3)
    write_images(root / "test" / "svj_a.npz", 2, 5, seed=4)
    write_images(root / "test" / "svj_b.npz", 2, 5, seed=5)
    return root


def test_published_images_become_masks(folder: Path) -> None:
    data = load_published(folder)
    assert (len(data.train), len(data.validation), len(data.test)) == (23, 2, 12)
    assert {name: len(events) for name, events in data.signals.items()} == {
        "suep_1000": 12,
        "svj_2100": 24,
    }
    with np.load(folder / "test" / "qcd_2.npz") as archive:
        np.testing.assert_array_equal(data.test.masks, archive["images"][..., 0] > 0)
    assert data.test.masks.dtype == np.uint8
    assert data.test.n_tracks.tolist() == [100] * 12
    assert np.isnan(data.test.ht).all()
    assert data.info["svj_2100"].cross_section_pb is None
    assert data.source == "file"
    assert load_data(folder).sha256 == data.sha256
    write_images(folder / "test" / "svj_b.npz", 2, 5, seed=6)
    assert load_published(folder).sha256 != data.sha256


def test_ready_masks_are_taken_as_they_are(folder: Path) -> None:
    masks = make_events(12, seed=8).masks
    write_images(folder / "test" / "qcd_2.npz", 0, 0, images=None, masks=masks.astype(bool))
    np.testing.assert_array_equal(load_published(folder).test.masks, masks)


def bad_pixels(value: float) -> np.ndarray:
    images = np.zeros((12, 72, 58, 3), np.float32)
    images[3, 4, 5, 0] = value
    return images


WRONG_IMAGES: dict[str, tuple[dict[str, object], str]] = {
    "nan": ({"images": bad_pixels(np.nan)}, "images has 1 tracker pixels that are not finite"),
    "infinite": ({"images": bad_pixels(np.inf)}, "not finite"),
    "negative": ({"images": bad_pixels(-2.0)}, "tracker pixel of -2"),
    "non-binary": (
        {"images": None, "masks": bad_pixels(0.5)[..., 0]},
        "masks holds 0.5, expected only 0 and 1",
    ),
    "nan mask": ({"images": None, "masks": bad_pixels(np.nan)[..., 0]}, "masks holds nan"),
    "mask shape": (
        {"images": None, "masks": np.zeros((12, 58, 72))},
        r"masks is float64 of shape \(12, 58, 72\)",
    ),
    "shape": (
        {"images": np.zeros((12, 64, 58, 3))},
        r"images is float64 of shape \(12, 64, 58, 3\)",
    ),
    "rank": (
        {"images": np.zeros((12, 72, 58))},
        r"expected numbers of shape \(N, 72, 58, channels\)",
    ),
    "no events": ({"images": np.zeros((0, 72, 58, 3))}, "at least one event"),
    "no channels": ({"images": np.zeros((12, 72, 58, 0))}, "at least one event"),
    "text": ({"images": np.full((12, 72, 58, 1), "x")}, "images is <U1"),
    "no images": ({"images": None}, "array 'images' is missing, found labels"),
    "no labels": ({"labels": None}, "array 'labels' is missing"),
    "no tracks": ({"n_tracks": None}, "array 'n_tracks' is missing"),
    "label count": (
        {"labels": np.zeros(3)},
        r"labels is float64 of shape \(3,\), expected 12 numbers",
    ),
    "nan tracks": ({"n_tracks": np.full(12, np.nan)}, "n_tracks has values that are not finite"),
    "label": ({"labels": np.full(12, 9.0)}, r"labels and masses hold \(9, 0\)"),
    "mass": (
        {"labels": np.ones(12), "masses": np.full(12, 1.5)},
        r"hold \(1, 1.5\), expected one of",
    ),
    "objects": ({"labels": np.array([None] * 12)}, "damaged or not an npz file"),
}


@pytest.mark.parametrize("case", WRONG_IMAGES)
def test_wrong_images_get_one_sentence(folder: Path, case: str) -> None:
    path = folder / "test" / "qcd_2.npz"
    replace, message = WRONG_IMAGES[case]
    write_images(path, 0, 0, **replace)
    with pytest.raises(InputError, match=message) as caught:
        load_published(folder)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def remove_background(folder: Path) -> None:
    write_images(folder / "test" / "qcd_2.npz", 1, 1)


WRONG_FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (shutil.rmtree, "no such folder"),
    "no train": (lambda f: shutil.rmtree(f / "train"), "no .npz files"),
    "empty test": (lambda f: [p.unlink() for p in (f / "test").iterdir()], "no .npz files"),
    "no background": (remove_background, "no background events"),
    "truncated": (lambda f: cut_in_half(f / "train" / "qcd_1.npz"), "damaged or not an npz file"),
    "flipped": (lambda f: flip_a_byte(f / "train" / "qcd_1.npz"), "damaged or not an npz file"),
    "empty file": (
        lambda f: (f / "train" / "qcd_1.npz").write_bytes(b""),
        "damaged or not an npz file",
    ),
    "plain array": (
        lambda f: (f / "train" / "qcd_1.npz").write_bytes(npy(np.zeros(3))),
        "damaged or not an npz file",
    ),
}


@pytest.mark.parametrize("case", WRONG_FOLDERS)
def test_wrong_folders_get_one_sentence(folder: Path, case: str) -> None:
    damage, message = WRONG_FOLDERS[case]
    damage(folder)
    with pytest.raises(InputError, match=message) as caught:
        load_published(folder)
    assert "\n" not in str(caught.value)


def test_data_names_a_folder_or_a_file(folder: Path, tmp_path: Path) -> None:
    write_file(tmp_path / "events.npz")
    assert len(load_data(tmp_path / "events.npz").train) == 5
    assert len(load_data(folder).train) == 23
    with pytest.raises(InputError, match="no such event file"):
        load_data(tmp_path / "nowhere.npz")
    with pytest.raises(InputError, match="no such folder"):
        load_data(tmp_path / "nowhere")


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"published event images not at {PUBLISHED}")
def test_the_published_events_have_their_published_properties() -> None:
    data = load_published(PUBLISHED)
    assert len(data.train) + len(data.validation) == 1002
    assert len(data.test) == 682
    assert set(data.signals) == set(SIGNALS)
    assert sum(len(events) for events in data.signals.values()) == 1282 + 874
    ours = load_shipped()
    for name in ("suep_125", "suep_400", "svj_3100"):
        published, made = data.signals[name], ours.signals[name]
        # the fast simulation reproduces the mean number of lit pixels within 15 %
        pixels = published.masks.sum(axis=(1, 2), dtype=np.int64).mean()
        assert made.masks.sum(axis=(1, 2), dtype=np.int64).mean() == pytest.approx(pixels, rel=0.15)
