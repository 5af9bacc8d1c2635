"""Worker processes for tasks that each leave one cache file."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as Yields
from contextlib import contextmanager
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Protocol, TypeVar


class Task(Protocol):
    """A unit of work: picklable, and everything that decides its result."""

    @property
    def path(self) -> Path:
        """The cache file of the result."""
        ...


T = TypeVar("T", bound=Task)
R = TypeVar("R")


def run_tasks(
    tasks: Sequence[T],
    workers: int,
    make: Callable[[T], R],
    read: Callable[[Path], R | None],
    write: Callable[[Path, R], None],
) -> Yields[R, None, None]:
    """Results of the tasks in their order, from the cache or computed by worker processes.

    Workers only compute; this process alone writes, so that a killed worker leaves no file behind.

    Args:
        make: a function of a module (workers import it).
        read: None where the file is absent or damaged.
    """
    cached = [read(task.path) for task in tasks]
    if all(result is not None for result in cached):
        yield from (result for result in cached if result is not None)
        return
    with _pool(workers) as pool:
        pending = [
            None if found is not None else pool.apply_async(make, (task,))
            for task, found in zip(tasks, cached, strict=True)
        ]
        for task, found, future in zip(tasks, cached, pending, strict=True):
            result = found
            if future is not None:
                result = future.get()
                write(task.path, result)
            if result is not None:
                yield result


@contextmanager
def _pool(workers: int) -> Iterator[Pool]:
    """Worker processes that end with this block, with Ctrl-C and with their parent."""
    pool = multiprocessing.get_context("spawn").Pool(max(1, workers), initializer=_start_worker)
    try:
        yield pool
    finally:
        pool.terminate()
        pool.join()


def _start_worker() -> None:
    """Ctrl-C is the parent's business; a lost parent ends the worker; no banners on stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
    with open(os.devnull, "w") as sink:  # noqa: PTH123 (a file descriptor, not a path)
        os.dup2(sink.fileno(), 1)
