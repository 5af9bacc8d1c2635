"""Runs a compiled hls4ml library on a file of events, in a process of its own.

An assertion in the generated C++ ends this process, not the user's. Imports nothing heavy. Started
as ``python csim_worker.py LIBRARY FUNCTION INPUT OUTPUT WIDTHS [LAYER=SIZE ...]``: reads one (N, n)
float64 array per input, writes one (N, WIDTH) array per output and, when layers are named, one
(N, SIZE) array each. Prints a line per event.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import numpy as np


class Trace(ctypes.Structure):
    """A layer's name and the address of its values, as the generated bridge fills them in."""

    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.c_void_p)]


def main(library: str, function: str, source: str, target: str, widths: str, *layers: str) -> None:
    """Run all events; see the module's docstring."""
    with np.load(source, allow_pickle=False) as stored:
        inputs = [np.ascontiguousarray(stored[name]) for name in stored.files]
    code = ctypes.CDLL(library)
    array = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
    run = getattr(code, function)
    count = len(inputs[0])
    outputs = [np.zeros((count, int(width))) for width in widths.split(",")]
    run.argtypes, run.restype = [array] * (len(inputs) + len(outputs)), None
    results = {f"output {i}": values for i, values in enumerate(outputs)}
    sizes = {name: int(size) for name, _, size in (layer.partition("=") for layer in layers)}
    results |= {name: np.zeros((count, size)) for name, size in sizes.items()}
    if sizes:
        code.allocate_trace_storage(ctypes.c_size_t(8))
    for index in range(count):
        run(*(values[index] for values in (*inputs, *outputs)))
        if sizes:
            traces = (Trace * 4096)()
            code.collect_trace_output(ctypes.byref(traces))
            for trace in traces:
                name = trace.name.decode() if trace.name else None
                if name in sizes:
                    values = ctypes.cast(trace.data, ctypes.POINTER(ctypes.c_double))
                    results[name][index] = np.ctypeslib.as_array(values, (sizes[name],))
        print(index, flush=True)
    with Path(target).open("wb") as stream:
        np.savez(stream, **results)  # type: ignore[arg-type] # stub takes keywords for flags


if __name__ == "__main__":
    main(*sys.argv[1:])
