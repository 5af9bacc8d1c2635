"""Event samples in memory: binary tracker images with their scalars, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

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
    """

    masks: npt.NDArray[np.uint8]
    n_tracks: npt.NDArray[np.int32]
    ht: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.masks)

    def head(self, count: int) -> Events:
        """The first ``count`` events."""
        return self.take(slice(count))

    def take(self, index: slice | npt.NDArray[Any]) -> Events:
        """A subset by slice, index array or boolean mask."""
        return Events(self.masks[index], self.n_tracks[index], self.ht[index], self.weight[index])

    @staticmethod
    def concatenate(parts: Sequence[Events]) -> Events:
        """Events of several samples one after the other; at least one part."""
        return Events(
            np.concatenate([p.masks for p in parts]),
            np.concatenate([p.n_tracks for p in parts]),
            np.concatenate([p.ht for p in parts]),
            np.concatenate([p.weight for p in parts]),
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
    ``qcd/test``.
    """

    train: Events
    validation: Events
    test: Events
    signals: dict[str, Events]
    info: dict[str, SampleInfo]
    source: Literal["shipped", "generated", "file"]
    sha256: str
    preselection: str


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
