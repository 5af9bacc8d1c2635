"""What all tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# a slow or busy machine is not a wrong result
settings.register_profile("trigforge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trigforge")

# A shell starts what it puts into the background with Ctrl-C ignored, and processes that tests
# start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(20230612)


@pytest.fixture
def shared() -> Path:
    """The folder of published data beside a checkout; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent: published data are not part of the repository")
    return SHARED
