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
    evaluate: Callable[[NDArray[np.uint8]], NDArray[Any]], masks: NDArray[np.uint8], label: str
) -> NDArray[Any]:
    """``evaluate(masks)`` for masks (N, H, W), a few hundred at a time."""
    parts = []
    with tqdm(total=len(masks), desc=label, unit="event") as bar:
        for start in range(0, len(masks), PART):
            part = masks[start : start + PART]
            parts.append(evaluate(part))
            check_interruption()
            bar.update(len(part))
    return np.concatenate(parts)
