"""Ctrl-C that neither gets lost nor breaks anything.

A module that is being imported is a bad place for an exception: some libraries import their
optional parts in a ``try`` that swallows everything, Ctrl-C included, and extension modules written
in C++ abort the process. Inside :func:`interruptible` an interruption therefore waits until no
import is running, and :func:`check_interruption` raises one that was swallowed all the same.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

POLL = 0.02
"""Seconds after which a waiting interruption looks again whether the import has ended."""

_requested = threading.Event()


@contextmanager
def interruptible() -> Iterator[None]:
    """Remember Ctrl-C while the block runs; outside the main thread there is nothing to do.

    The block may not use the alarm signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _requested.clear()
    before = {
        number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGALRM)
    }
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        _requested.clear()


def check_interruption() -> None:
    """Raise ``KeyboardInterrupt`` if Ctrl-C was pressed since :func:`interruptible` began."""
    if _requested.is_set():
        raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    _requested.set()
    if _imports(frame):
        signal.setitimer(signal.ITIMER_REAL, POLL)
    else:
        raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported in this frame or in one that called it."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
