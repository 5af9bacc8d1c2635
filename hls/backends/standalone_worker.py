"""Runs a standalone emulator on a file of events, in a process of its own.

Imports nothing heavy. Started as ``python standalone_worker.py LIBRARY PREFIX INPUT OUTPUT WIDTH
THREADS``: reads (N, n) int64 from a .npy file, writes (N, WIDTH) int64, prints the seconds taken.
"""

from __future__ import annotations

import ctypes
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np


def main(library: str, prefix: str, source: str, target: str, width: str, threads: str) -> None:
    """Run all events, shared by threads; see the module's docstring."""
    x = np.load(source, allow_pickle=False)
    y = np.zeros((len(x), int(width)), np.int64)
    code = ctypes.CDLL(library)
    array = np.ctypeslib.ndpointer(np.int64, flags="C_CONTIGUOUS")
    evaluate, message = getattr(code, f"{prefix}_evaluate"), getattr(code, f"{prefix}_message")
    evaluate.argtypes, evaluate.restype = [array, ctypes.c_size_t, array], ctypes.c_int
    message.restype = ctypes.c_char_p

    def run(part: slice) -> str:
        # ctypes lets other threads work during the call
        failed = evaluate(x[part], len(x[part]), y[part])
        return message().decode() if failed else ""

    # as many ends as threads; rounding spreads what does not divide
    ends = [round(i * len(x) / int(threads)) for i in range(int(threads) + 1)]
    parts = [slice(a, b) for a, b in pairwise(ends) if a < b]
    started = time.perf_counter()
    with ThreadPoolExecutor(int(threads)) as pool:
        wrong = [said for said in pool.map(run, parts) if said]
    print(time.perf_counter() - started)
    if wrong:
        sys.exit(wrong[0])
    with Path(target).open("wb") as stream:
        np.save(stream, y)


if __name__ == "__main__":
    main(*sys.argv[1:])
