from __future__ import annotations

import contextlib
import os
import signal
import threading

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


def test_other_threads_are_left_alone() -> None:
    done = []

    def work() -> None:
        with interruptible():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
