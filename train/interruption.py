"""Ctrl-C that cannot get lost.

Some libraries import their optional parts in a ``try`` that swallows everything, Ctrl-C included.
Inside :func:`interruptible` an interruption is also remembered, and :func:`check_interruption`
raises it again at the next place where work can stop.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_requested = threading.Event()


@contextmanager
def interruptible() -> Iterator[None]:
    """Remember Ctrl-C while the block runs; outside the main thread there is nothing to do."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _requested.clear()
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _requested.clear()


def check_interruption() -> None:
    """Raise ``KeyboardInterrupt`` if Ctrl-C was pressed since :func:`interruptible` began."""
    if _requested.is_set():
        raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    _requested.set()
    raise KeyboardInterrupt
