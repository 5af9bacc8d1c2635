"""Level-1 objects as variables on coarse integer grids, and how they are broken for training.

Of the nineteen objects (missing ET, 4 e/gamma, 4 muons, 10 jets, each kind in falling order) the
network sees the transverse momenta alone, shifted right kind by kind and saturated. Azimuth is left
out: the detector is round, a score must not depend on where an event points to, and turning each
event to a reference direction costs more logic than the network. Pseudorapidity is left out, too:
with nineteen momenta the list says what there is, and halves of the detector are alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trigforge.train.config import ObjectNetwork
from trigforge.train.events import EventDataset
from trigforge.train.generation.level1 import LSB_GEV, N_OBJECTS, OBJECTS, Level1
from trigforge.train.jets.broken_jets import Breaking, exchanged
from trigforge.train.level1.background import zero_bias_dataset

Momenta = npt.NDArray[np.uint8]

MOST_DISPLACED = 4
LARGEST_FACTOR = 16.0


def coarse_momenta(level1: Level1, network: ObjectNetwork) -> Momenta:
    """(N, 19, 1) momenta on the network's grid: shifted right, saturated."""
    shifts = np.repeat(network.shifts, list(OBJECTS.values()))
    momenta = level1.objects[:, :, 0].astype(np.int64) >> shifts
    return np.asarray(np.minimum(momenta, network.largest), np.uint8)[:, :, None]


def object_dataset(dataset: EventDataset, network: ObjectNetwork) -> EventDataset:
    """The same events with coarse momenta (19, 1) where masks were, and zero bias as background.

    Raises:
        InputError: a sample has no level-1 inputs, or there are no zero-bias crossings.
    """
    steps = ", ".join(
        f"{kind} in steps of {LSB_GEV * 2**shift:g} GeV"
        for kind, shift in zip(OBJECTS, network.shifts, strict=True)
    )
    return zero_bias_dataset(
        dataset,
        lambda level1: coarse_momenta(level1, network),
        f"{N_OBJECTS} momenta ({steps}) up to {network.largest} steps",
    )


def variables(dataset: EventDataset) -> tuple[Tensor, Tensor]:
    """Training and validation crossings (N, 19) as the network sees them."""
    parts = (dataset.train.masks, dataset.validation.masks)
    train, validation = (torch.from_numpy(part[:, :, 0]).float() for part in parts)
    return train, validation


def object_breakings(largest: int) -> dict[str, Breaking]:
    """Ways to break crossings (N, 19) of integers from 0 to ``largest``; results are such again."""

    def overlaid(crossings: Tensor, generator: torch.Generator) -> Tensor:
        """The sum with another crossing, object by object."""
        others = crossings[torch.randperm(len(crossings), generator=generator)]
        return (crossings + others).clamp(max=largest)

    def raised(crossings: Tensor, generator: torch.Generator) -> Tensor:
        """All objects times a factor."""
        draws = torch.rand(len(crossings), 1, generator=generator)
        return torch.floor(crossings * LARGEST_FACTOR**draws).clamp(max=largest)

    def displaced(crossings: Tensor, generator: torch.Generator) -> Tensor:
        """A few objects of any momentum."""
        shape = (len(crossings), MOST_DISPLACED)
        chosen = torch.randint(crossings.shape[1], shape, generator=generator)
        anything = torch.randint(largest + 1, shape, generator=generator)
        return crossings.scatter(1, chosen, anything.to(crossings.dtype))

    return {
        "exchanged": exchanged,
        "overlaid": overlaid,
        "raised": raised,
        "displaced": displaced,
    }
