"""Long evaluations in parts, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from trigforge.train.interruption import check_interruption

PART = 256


def in_parts(
    evaluate: Callable[[NDArray[Any]], NDArray[Any]], inputs: NDArray[Any], label: str
) -> NDArray[Any]:
    """``evaluate(inputs)`` for inputs (N, ...), a few hundred at a time."""
    parts = []
    with tqdm(total=len(inputs), desc=label, unit="event") as bar:
        for start in range(0, len(inputs), PART):
            part = inputs[start : start + PART]
            parts.append(evaluate(part))
            check_interruption()
            bar.update(len(part))
    return np.concatenate(parts)
