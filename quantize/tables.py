"""Functions as tables of integers: one definition for training, ONNX and the exact graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trigforge.train.errors import unknown_name

Values = NDArray[np.float64]
Integers = NDArray[np.int64]

LARGEST_WIDTH = 14
"""Bits of a table's input: at most 2^14 entries."""


def sigmoid(x: Values) -> Values:
    """1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-x)))


def softplus(x: Values) -> Values:
    """log(1 + exp(x)): of the signed logit, a pixel's binary cross-entropy."""
    return np.asarray(np.logaddexp(0, x))


def tanh(x: Values) -> Values:
    """Hyperbolic tangent."""
    return np.asarray(np.tanh(x))


def reciprocal_root(x: Values) -> Values:
    """1 / sqrt(x); infinite, that is the largest entry, for x <= 0."""
    root = np.sqrt(np.maximum(x, 0))
    return np.divide(1, root, out=np.full_like(root, np.inf), where=root > 0)


FUNCTIONS: dict[str, Callable[[Values], Values]] = {
    "reciprocal_root": reciprocal_root,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "tanh": tanh,
}


def function(name: str) -> Callable[[Values], Values]:
    """A function by name.

    Raises:
        InputError: no function of that name.
    """
    if name not in FUNCTIONS:
        raise unknown_name("function", name, FUNCTIONS)
    return FUNCTIONS[name]


def nearest(exact: Values, fraction: int) -> Values:
    """The nearest integers on the grid 2^-fraction, halves upwards; infinite values stay so."""
    return np.asarray(np.floor(exact * 2.0**fraction + 0.5))


def entries(
    name: str, first: int, last: int, fraction: int, low: int, high: int, target: int
) -> Integers:
    """The table of a function over the integers ``first .. last`` of the grid 2^-fraction.

    Returns:
        (last - first + 1,) integers of the grid 2^-target, clipped to ``low .. high``.

    Raises:
        InputError: no function of that name.
    """
    x = np.arange(first, last + 1, dtype=np.float64) * 2.0**-fraction
    return np.clip(nearest(function(name)(x), target), low, high).astype(np.int64)
