"""Constant matrices times vectors of variables, by distributed arithmetic.

da4ml finds adder graphs that share sub-sums between outputs (Sun et al., arXiv:2507.04535); its
time grows steeply with the matrix, so wide ones are solved in blocks whose partial sums are added.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trigforge.hls.graph import Ints
from trigforge.hls.rtl.variables import (
    ADDER_SIZE,
    CARRY_SIZE,
    Variable,
    Variables,
    constant,
    ends,
    total,
)
from trigforge.train.errors import UnsupportedError

# Entries of a matrix that are solved at once; beyond that, blocks of rows and columns.
LARGEST_MATRIX = 2048
BLOCK_ROWS = 50
BLOCK_COLUMNS = 32

# the depth of an adder graph may exceed the shallowest one's by so many levels
EXTRA_DEPTH = 2


class LinearSolver:
    """Solves each different matrix once: a convolution repeats one at every pixel."""

    def __init__(self) -> None:
        self._solved: dict[tuple[Any, ...], Any] = {}

    def apply(self, matrix: Ints, x: Variables) -> list[Variable]:
        """The products x @ matrix for x (inputs,) and a matrix (inputs, outputs)."""
        constants = np.array([variable.low == variable.high for variable in x], bool)
        alive = ~constants & matrix.any(1)
        fixed = sum(
            (int(x[i].low) * matrix[i] for i in np.flatnonzero(constants)),
            np.zeros(matrix.shape[1], np.int64),
        )
        matrix, x = matrix[alive], x[alive]
        outputs: list[Variable] = []
        whole = matrix.size <= LARGEST_MATRIX
        columns = matrix.shape[1] if whole else BLOCK_COLUMNS
        rows = max(len(x), 1) if whole else BLOCK_ROWS
        for start in range(0, matrix.shape[1], columns):
            part = matrix[:, start : start + columns]
            sums = [
                self._block(part[first : first + rows], x[first : first + rows])
                for first in range(0, len(x), rows)
            ]
            outputs += [total([block[j] for block in sums]) for j in range(part.shape[1])]
        return [y + int(offset) for y, offset in zip(outputs, fixed, strict=True)]

    def _block(self, matrix: Ints, x: Variables) -> list[Variable]:
        from da4ml.cmvm import QInterval, solve

        used = np.flatnonzero(matrix.any(0))
        outputs = [constant(0)] * matrix.shape[1]
        if not len(used):
            return outputs
        dense = np.ascontiguousarray(matrix[:, used])
        carried = dense.astype(np.float32)
        if np.any(carried.astype(np.float64) != dense):
            raise UnsupportedError(
                f"a weight of {int(np.abs(dense).max())} steps: RTL carries 24 bits; use fewer"
            )
        intervals = [QInterval(*map(float, (*ends(v), v.step))) for v in x]
        key = (dense.tobytes(), dense.shape, tuple(intervals))
        if key not in self._solved:
            self._solved[key] = solve(
                carried,
                qintervals=intervals,
                latencies=[0.0] * len(x),
                adder_size=ADDER_SIZE,
                carry_size=CARRY_SIZE,
                hard_dc=EXTRA_DEPTH,
            )
        for index, value in zip(used, self._solved[key](x), strict=True):
            outputs[int(index)] = value
        return outputs
