"""What a score student is trained on: images from background, scored by the teacher once.

Scoring is what costs (tens of milliseconds per image), so the pool is made in chunks that are
kept on disk, each whole or not at all: an interrupted call goes on with the next chunk, and a
larger pool begins with the chunks of a smaller one. All of the teacher's scores are kept, so that
choosing another costs nothing.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from trigforge.train.artifacts import atomic_path, sha256_json
from trigforge.train.broken_events import pool_masks
from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset
from trigforge.train.interruption import check_interruption
from trigforge.train.teacher import Teacher

CHUNK_IMAGES = 512
VERSION = 1
"""Raise it when the images of a seed change."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ScoredImages:
    """N images with the teacher's score.

    Attributes:
        masks: (N, H, W) uint8.
        scores: (N,) float64.
        key: hash of everything that decides them.
    """

    masks: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float64]
    key: str

    def standardised(self) -> ScoredImages:
        """The same images, scores with mean 0 and standard deviation 1."""
        spread = float(self.scores.std()) or 1.0
        return replace(self, scores=(self.scores - self.scores.mean()) / spread)

    @property
    def mask_sums(self) -> npt.NDArray[np.int64]:
        """Lit pixels (N,)."""
        sums: npt.NDArray[np.int64] = self.masks.sum(axis=(1, 2), dtype=np.int64)
        return sums


def training_pool(
    dataset: EventDataset,
    teacher: Teacher,
    images: int,
    seed: int,
    cache: Path,
    *,
    progress: bool = True,
) -> ScoredImages:
    """Plain and broken training background with the teacher's score.

    Args:
        images: how many; what the last chunk has beyond them is left out.
        seed: decides the images, together with the number of a chunk.
        cache: folder that keeps the chunks of any pool.

    Raises:
        InputError: a chunk on disk is damaged.
        StorageError: a chunk cannot be written.
    """
    key = sha256_json(["pool", *_images_key(dataset, seed), teacher.sha256])
    chunks = -(-images // CHUNK_IMAGES)
    parts = []
    with tqdm(total=chunks * CHUNK_IMAGES, desc="pool", unit="image", disable=not progress) as bar:
        for index in range(chunks):

            def draw(index: int = index) -> npt.NDArray[np.uint8]:
                return _images(dataset, seed, index)

            parts.append(_chunk(cache / key[:16] / f"{index:05}.npz", draw, teacher))
            bar.update(CHUNK_IMAGES)
    masks = np.concatenate([masks for masks, _ in parts])[:images]
    scores = np.concatenate([scores for _, scores in parts])[:images]
    return ScoredImages(masks, scores, sha256_json([key, images, teacher.score]))


def unscored_pool(
    dataset: EventDataset, images: int, seed: int
) -> tuple[npt.NDArray[np.uint8], str]:
    """The images of :func:`training_pool` without a teacher, and the hash of what decides them."""
    chunks = -(-images // CHUNK_IMAGES)
    masks = np.concatenate([_images(dataset, seed, index) for index in range(chunks)])[:images]
    return masks, sha256_json([*_images_key(dataset, seed), images])


def scored(
    masks: npt.NDArray[np.uint8],
    teacher: Teacher,
    cache: Path,
    *,
    name: str,
    progress: bool = True,
) -> ScoredImages:
    """Given images (N, H, W) with the teacher's score, in chunks like the pool.

    Args:
        name: shown in front of the progress bar.
    """
    parts = []
    keys = []
    with tqdm(total=len(masks), desc=name, unit="event", disable=not progress) as bar:
        for start in range(0, len(masks), CHUNK_IMAGES):
            part = masks[start : start + CHUNK_IMAGES]
            digest = sha256_json(["images", teacher.sha256, _digest(part)])
            keys.append(digest)
            parts.append(_chunk(cache / "images" / f"{digest[:24]}.npz", lambda p=part: p, teacher))
            bar.update(len(part))
    values = np.concatenate([s for _, s in parts]) if parts else np.empty(0)
    return ScoredImages(masks, values, sha256_json([keys, teacher.score]))


def _images(dataset: EventDataset, seed: int, index: int) -> npt.NDArray[np.uint8]:
    """One chunk of the pool, (CHUNK_IMAGES, H, W)."""
    return pool_masks(dataset.train.masks, CHUNK_IMAGES, np.random.default_rng([seed, index]))


def _images_key(dataset: EventDataset, seed: int) -> list[Any]:
    """What decides the images: the training masks, whatever else their file holds, and the seed."""
    return [VERSION, _digest(dataset.train.masks), seed, CHUNK_IMAGES]


def _chunk(path: Path, draw: Any, teacher: Teacher) -> tuple[Array, Array]:
    """Masks and the teacher's score of one chunk, from disk or made now."""
    if not path.is_file():
        masks = draw()
        scores = teacher.all_scores(masks)
        check_interruption()
        packed = np.packbits(masks.reshape(len(masks), -1), axis=1)
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            arrays = {"masks": packed, "shape": np.array(masks.shape), **scores}
            np.savez(stream, **arrays)  # type: ignore[arg-type] # the stub takes keywords for flags
    try:
        with np.load(path, allow_pickle=False) as stored:
            shape = tuple(int(size) for size in stored["shape"])
            pixels = shape[1] * shape[2]
            masks = np.unpackbits(stored["masks"], axis=1, count=pixels).reshape(shape)
            values = stored[teacher.score]
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: not a readable chunk of a training pool ({type(error).__name__}); delete it "
            "and run the command again"
        ) from None
    if values.shape != shape[:1]:
        raise InputError(f"{path}: {len(values)} scores of {shape[0]} images; delete it")
    return masks, values


def _digest(masks: npt.NDArray[np.uint8]) -> str:
    return sha256_json(
        [list(masks.shape), hashlib.sha256(np.packbits(masks).tobytes()).hexdigest()]
    )
