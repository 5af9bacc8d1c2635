"""Jets of a background and of signals as a network sees them: images, or mapped variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trigforge.train.events import SampleInfo
from trigforge.train.jets.images import Preprocessing
from trigforge.train.jets.jets import Float32, Jets
from trigforge.train.jets.normal_map import fit_normal_map
from trigforge.train.jets.sample import JetSample, Split


@dataclass(frozen=True)
class JetPart:
    """N jets and what a network sees of them.

    Attributes:
        inputs: (N, 40, 40) images or (N, V) variables.
    """

    jets: Jets
    inputs: Float32

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, kw_only=True)
class JetDataset:
    """A background split for training and testing, and signals for testing only.

    Attributes:
        info: how the background's test jets were made, where the file says so.
        preselection: of jets, in one line.
    """

    train: JetPart
    validation: JetPart
    test: JetPart
    signals: Mapping[str, JetPart]
    info: SampleInfo | None
    source: Literal["shipped", "generated", "file"]
    sha256: str
    preselection: str


@dataclass(frozen=True, kw_only=True)
class JetLimits:
    """First jets of each part that are kept; 0 for all."""

    train: int = 0
    validation: int = 0
    test: int = 0
    signal: int = 0


def image_dataset(
    sample: JetSample,
    background: str,
    signals: Sequence[str],
    preprocessing: Preprocessing,
    limits: JetLimits,
) -> JetDataset:
    """Preprocessed images.

    Raises:
        InputError: a part is missing, or it has no constituents.
    """

    def seen(split: Split, label: str) -> Float32:
        return sample.images(split, label, preprocessing)[:, 0]

    return _dataset(sample, background, signals, seen, limits)


def variable_dataset(
    sample: JetSample, background: str, signals: Sequence[str], limits: JetLimits
) -> JetDataset:
    """The eight variables, mapped to the normal distribution of the background's training jets.

    The map is that of all training jets, whatever the limits.

    Raises:
        InputError: a part is missing, it has no variables, or there are too few jets for the map.
    """
    to_normal = fit_normal_map(sample.variables("train", background))

    def seen(split: Split, label: str) -> Float32:
        return to_normal(sample.variables(split, label))

    return _dataset(sample, background, signals, seen, limits)


def _dataset(
    sample: JetSample,
    background: str,
    signals: Sequence[str],
    seen: Callable[[Split, str], Float32],
    limits: JetLimits,
) -> JetDataset:
    def part(split: Split, label: str, limit: int) -> JetPart:
        jets = sample.part(split, label)
        inputs, kept = seen(split, label), slice(limit or None)
        return JetPart(jets.take(kept), np.ascontiguousarray(inputs[kept]))

    return JetDataset(
        train=part("train", background, limits.train),
        validation=part("validation", background, limits.validation),
        test=part("test", background, limits.test),
        signals={label: part("test", label, limits.signal) for label in signals},
        info=sample.info.get(f"{background}/test"),
        source=sample.source,
        sha256=sample.sha256,
        preselection=sample.selection,
    )
