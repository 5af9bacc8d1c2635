"""Seeds of statistically independent streams of random numbers."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_sequence(seed: int, label: str, index: int) -> np.random.SeedSequence:
    """The source of all random numbers of piece ``index`` of the stream ``label``."""
    digest = hashlib.sha256(label.encode()).digest()
    return np.random.SeedSequence([seed, int.from_bytes(digest[:8], "little"), index])
