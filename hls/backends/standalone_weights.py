"""The constants of a written hls4ml project as integers in its code instead of text files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.graph import Ints
from trigforge.train.errors import ToolError

TYPES = (np.int8, np.int16, np.int32, np.int64)
LOADS = re.compile(r'nnet::(load_\w+)<[^>]*>\((\w+), "(\w+\.txt)"\);')
DECLARES = re.compile(r"^(\w+) (\w+)\[(\d+)\];$", re.MULTILINE)


@dataclass(frozen=True)
class Weights:
    """One array of constants: value = integer * 2^-fraction."""

    name: str
    type: str
    integers: Ints
    fraction: int


def read_weights(firmware: Path, top: str) -> list[Weights]:
    """The constants that a project loads from text files, in its order.

    Raises:
        ToolError: the project loads them in a way that is not known here.
    """
    source = firmware / f"{top}.cpp"
    text = source.read_text(encoding="utf-8")
    found = []
    loads = LOADS.findall(text)
    if len(loads) != text.count("nnet::load_") or {kind for kind, *_ in loads} - {
        "load_weights_from_txt"
    }:
        raise ToolError(f"{source}: loads weights in a form that trigforge does not write; write "
                        "the project anew")  # fmt: skip
    for _, name, file in loads:
        header = firmware / "weights" / f"{name}.h"
        declared = DECLARES.search(header.read_text(encoding="utf-8"))
        path = firmware / "weights" / file
        values = np.array(path.read_text(encoding="utf-8").strip().split(","), np.float64)
        if declared is None or declared[2] != name or int(declared[3]) != len(values):
            raise ToolError(f"{header}: does not declare the {len(values)} values of {path.name}; "
                            "write the project anew")  # fmt: skip
        found.append(Weights(name, declared[1], *on_coarsest_grid(values)))
    return found


def on_coarsest_grid(values: NDArray[np.float64]) -> tuple[Ints, int]:
    """Integers and the smallest fraction f >= 0 with value = integer * 2^-f, exactly."""
    fraction = 0
    for value in values.tolist():
        fraction = max(fraction, value.as_integer_ratio()[1].bit_length() - 1)
    return np.ldexp(values, fraction).astype(np.int64), fraction


def weight_header(array: Weights) -> str:
    """The header that replaces hls4ml's: the array, and its integers to fill it with."""
    lo, hi = int(array.integers.min()), int(array.integers.max())
    kind = next(t for t in TYPES if np.iinfo(t).min <= lo and hi <= np.iinfo(t).max)
    words = [str(i) for i in array.integers]
    size, per_line = len(words), 20
    lines = [", ".join(words[i : i + per_line]) for i in range(0, size, per_line)]
    listed = ",\n    ".join(lines)
    return f"""#pragma once

// value = integer * 2^-{array.fraction}
static {array.type} {array.name}[{size}];
static const {np.dtype(kind).name}_t {array.name}_integers[{size}] = {{
    {listed}}};
"""
