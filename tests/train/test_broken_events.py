"""What each way of breaking an event keeps and what it changes."""

import numpy as np
import pytest

from trigforge.train.broken_events import BREAKINGS, pool_masks, symmetric

KEEP_THE_NUMBER = ("keep", "shuffle_patches", "misplace_sector", "scatter", "scatter_in_phi")
SEEDS = range(20)


def mask(seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random((24, 18)) < 0.1).astype(np.uint8)


@pytest.mark.parametrize("name", BREAKINGS)
def test_results_are_masks_and_the_input_is_left_alone(name: str) -> None:
    changed = 0
    for seed in SEEDS:
        image = mask(seed)
        broken = BREAKINGS[name](image, np.random.default_rng(seed))
        assert broken.dtype == np.uint8 and broken.shape == image.shape and broken.max() <= 1
        assert np.array_equal(image, mask(seed))
        changed += not np.array_equal(broken, image)
    # three bands of six keep their order now and then
    assert changed == 0 if name == "keep" else changed > len(SEEDS) / 2


@pytest.mark.parametrize("name", KEEP_THE_NUMBER)
def test_the_number_of_pixels_is_kept(name: str) -> None:
    for seed in SEEDS:
        assert BREAKINGS[name](mask(seed), np.random.default_rng(seed)).sum() == mask(seed).sum()


def test_noise_adds_and_removal_removes() -> None:
    for seed in SEEDS:
        noisy = BREAKINGS["add_noise"](mask(seed), np.random.default_rng(seed))
        fewer = BREAKINGS["remove_pixels"](mask(seed), np.random.default_rng(seed))
        assert (noisy >= mask(seed)).all() and (fewer <= mask(seed)).all()


def test_scattering_in_phi_keeps_every_column() -> None:
    scattered = BREAKINGS["scatter_in_phi"](mask(3), np.random.default_rng(3))
    assert np.array_equal(scattered.sum(axis=0), mask(3).sum(axis=0))


def test_smearing_is_local() -> None:
    image = np.zeros((72, 58), np.uint8)
    image[0, 29] = 1
    rows = [np.nonzero(BREAKINGS["smear"](image, np.random.default_rng(s)))[0] for s in SEEDS]
    distance = [min(int(r[0]), 72 - int(r[0])) for r in rows]
    assert 0 < max(distance) < 20  # five sigma, over the seam of phi


@pytest.mark.parametrize("name", BREAKINGS)
def test_empty_and_full_images_survive(name: str) -> None:
    for image in (np.zeros((24, 18), np.uint8), np.ones((24, 18), np.uint8)):
        assert BREAKINGS[name](image, np.random.default_rng(0)).shape == image.shape


def test_a_pool_is_its_seed_and_partly_plain() -> None:
    background = np.stack([mask(seed) for seed in SEEDS])
    pool = pool_masks(background, 60, np.random.default_rng(7))
    assert np.array_equal(pool, pool_masks(background, 60, np.random.default_rng(7)))
    symmetries = {
        np.roll(flipped, shift, axis=0).tobytes()
        for image in background
        for flipped in (image, image[:, ::-1])
        for shift in range(len(image))
    }
    plain = sum(image.tobytes() in symmetries for image in pool)
    assert 15 < plain < 45
    assert symmetric(background[0], np.random.default_rng(1)).tobytes() in symmetries
