from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from trigforge.train.interruption import check_interruption, interruptible


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_swallowed_interruption_comes_back_at_the_next_check() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        check_interruption()
        with contextlib.suppress(BaseException):
            press()
        with pytest.raises(KeyboardInterrupt):
            check_interruption()
    check_interruption()
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interruption_is_raised_where_it_happens() -> None:
    with interruptible(), pytest.raises(KeyboardInterrupt):
        press()


def test_an_import_ends_before_the_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pressed.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.1)\nwhole = 1"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyboardInterrupt), interruptible():
        importlib.import_module("pressed")
        for _ in range(100):
            time.sleep(0.1)
    assert sys.modules.pop("pressed").whole == 1


def test_other_threads_are_left_alone() -> None:
    done = []

    def work() -> None:
        with interruptible():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
