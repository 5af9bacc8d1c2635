"""Event samples in memory: images, scalars and level-1 inputs, and where they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trigforge.train.generation.level1 import Level1
from trigforge.train.generation.zero_bias import ZeroBias

PHI_ROWS, ETA_COLUMNS = 72, 58
PIXELS = PHI_ROWS * ETA_COLUMNS  # 4176 = 522 bytes of bits


@dataclass(frozen=True)
class Events:
    """N events.

    Attributes:
        masks: (N, 72, 58) uint8, 0 or 1; H = phi, W = eta.
        n_tracks: (N,) int32 offline track count.
        ht: (N,) float32 in GeV; NaN where the source does not give it.
        weight: (N,) float32.
        level1: level-1 inputs with pileup; None where the source does not give them.
        calorimeters: (N, 72, 58, 2) float16, transverse energy in GeV in the ECAL and HCAL with
            pileup; None likewise.
    """

    masks: npt.NDArray[np.uint8]
    n_tracks: npt.NDArray[np.int32]
    ht: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    level1: Level1 | None = None
    calorimeters: npt.NDArray[np.float16] | None = None

    def __len__(self) -> int:
        return len(self.masks)

    def head(self, count: int) -> Events:
        """The first ``count`` events."""
        return self.take(slice(count))

    def take(self, index: slice | npt.NDArray[Any]) -> Events:
        """A subset by slice, index array or boolean mask."""
        return Events(
            self.masks[index],
            self.n_tracks[index],
            self.ht[index],
            self.weight[index],
            None if self.level1 is None else self.level1.take(index),
            None if self.calorimeters is None else self.calorimeters[index],
        )

    @staticmethod
    def concatenate(parts: Sequence[Events]) -> Events:
        """Events of several samples one after the other; at least one part.

        What one of them lacks, the result lacks.
        """
        level1 = [p.level1 for p in parts if p.level1 is not None]
        images = [p.calorimeters for p in parts if p.calorimeters is not None]
        return Events(
            np.concatenate([p.masks for p in parts]),
            np.concatenate([p.n_tracks for p in parts]),
            np.concatenate([p.ht for p in parts]),
            np.concatenate([p.weight for p in parts]),
            Level1.concatenate(level1) if len(level1) == len(parts) else None,
            np.concatenate(images) if len(images) == len(parts) else None,
        )


@dataclass(frozen=True)
class SampleInfo:
    """How a sample was made; None where the source does not say.

    ``cross_section_pb`` is the generator's (leading order, inside its phase-space cuts);
    ``preselection_efficiency`` is accepted / generated before ``n_accepted`` events were kept.
    """

    name: str
    cross_section_pb: float | None
    cross_section_err_pb: float | None
    preselection_efficiency: float | None
    n_generated: int | None
    n_accepted: int
    generator: str


@dataclass(frozen=True)
class EventDataset:
    """Background split for training and testing, and signals for testing only.

    ``info`` is keyed by sample; the background's parts are ``qcd/train``, ``qcd/validation`` and
    ``qcd/test``. ``zero_bias`` has the parts ``train`` (natural) and ``test`` (stratified), or is
    empty where the source does not give them.
    """

    train: Events
    validation: Events
    test: Events
    signals: dict[str, Events]
    info: dict[str, SampleInfo]
    source: Literal["shipped", "generated", "file"]
    sha256: str
    preselection: str
    zero_bias: dict[str, ZeroBias] = field(default_factory=dict)

    @property
    def masks_sha256(self) -> str:
        """Hex digest of the masks of training and validation: what weights are trained on.

        Files that differ only in other arrays have the same one.
        """
        digest = hashlib.sha256()
        for part in (self.train, self.validation):
            digest.update(len(part).to_bytes(8, "little"))
            bits = np.packbits(part.masks.reshape(len(part), -1), axis=1)
            digest.update(bits.tobytes())
        return digest.hexdigest()


def pack_masks(masks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(N, 72, 58) zeros and ones to (N, 522) bytes, first pixel in the highest bit."""
    return np.packbits(masks.reshape(len(masks), PIXELS), axis=1)


def unpack_masks(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Inverse of :func:`pack_masks`."""
    return np.unpackbits(packed, axis=1).reshape(len(packed), PHI_ROWS, ETA_COLUMNS)


def load_shipped() -> EventDataset:
    """The sample that comes with the package."""
    from trigforge.train.event_file import SHIPPED, read_dataset

    return read_dataset(SHIPPED, "shipped")


def load_dataset_file(path: Path, source: Literal["generated", "file"] = "file") -> EventDataset:
    """A data set written by :func:`trigforge.train.event_file.save_dataset`.

    Raises:
        InputError: missing, damaged, or not of this format.
    """
    from trigforge.train.event_file import read_dataset

    return read_dataset(path, source)


def load_published(folder: Path) -> EventDataset:
    """The event images published with the CoDAE paper, or a folder laid out like them.

    Raises:
        InputError: missing folder or files, damaged or wrong content.
    """
    from trigforge.train.published import read_published

    return read_published(folder)


def load_data(path: Path) -> EventDataset:
    """What ``DATA=path`` names: a folder of event images or one data-set file."""
    if path.suffix == ".npz" or path.is_file():
        return load_dataset_file(path)
    return load_published(path)
