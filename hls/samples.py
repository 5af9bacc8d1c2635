"""What a model is judged on, whatever it sees: events, level-1 regions, jet images, variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.formats import Format
from trigforge.train.events import SampleInfo
from trigforge.train.rates import LUMINOSITY_PER_CM2_S

Values = NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """N events or jets of one kind.

    Attributes:
        floats: (N, H, W) images or (N, V) variables, as the float network sees them.
        integers: of the same shape, as firmware sees them: on the grid of the input's format.
            The very same array where the float network sees integers, too.
        baselines: name -> (N,) cheap scores, higher is more anomalous.
    """

    floats: Values
    integers: Values
    baselines: Mapping[str, Values]

    def __len__(self) -> int:
        return len(self.integers)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """A background and the signals that it hides, none of them seen in training.

    Attributes:
        learnt: events or jets of background for training and validation, by split.
        format: of the firmware's input.
        info: of the background, for rates.
        input_rate_hz: at which background comes in, where that is known without a cross section;
            ``luminosity_per_cm2_s`` at that rate.
        name: of the data, for reports; ``preselection`` in one line.
    """

    name: str
    background: str
    test: Sample
    signals: Mapping[str, Sample]
    learnt: Mapping[str, int]
    format: Format
    info: SampleInfo | None
    source: Literal["shipped", "generated", "file"]
    sha256: str
    preselection: str
    input_rate_hz: float | None = None
    luminosity_per_cm2_s: float = LUMINOSITY_PER_CM2_S

    @property
    def all(self) -> dict[str, Sample]:
        """Background first, then the signals."""
        return {self.background: self.test, **self.signals}

    @property
    def truncated(self) -> bool:
        """Whether the firmware's inputs are coarser than the float network's."""
        return any(sample.integers is not sample.floats for sample in self.all.values())


def values_of(integers: Values, fraction: int) -> Values:
    """What integers (N, ...) of the grid 2^-fraction stand for; themselves on the grid of one."""
    return integers if fraction == 0 else integers * 2.0**-fraction


def on_format(values: Values, format: Format) -> Values:
    """Real numbers (N, ...) truncated to a format and saturated there: its integers."""
    steps = np.floor(values.astype(np.float64) * 2.0**format.fraction)
    kind = np.int32 if format.signed else np.uint16 if format.width <= 16 else np.uint32
    return np.clip(steps, format.min_int, format.max_int).astype(kind)
