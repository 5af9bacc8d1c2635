"""Functions that only a table or comparators make exact: the quantiser must stand right behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from trigforge.hls.readers import pending
from trigforge.hls.readers.reader import Reader

Values = NDArray[Any]


def sigmoid(x: Values) -> Values:
    """1 / (1 + exp(-x)) in the type of ``x``."""
    one = x.dtype.type(1)
    return np.asarray(one / (one + np.exp(-x)))


def softplus(x: Values) -> Values:
    """log(1 + exp(x)) in the type of ``x``."""
    return np.asarray(np.logaddexp(x.dtype.type(0), x))


# All rise, so that comparators can take the place of a table.
FUNCTIONS: dict[str, Callable[[Values], Values]] = {
    "Exp": np.exp,
    "Sigmoid": sigmoid,
    "Softplus": softplus,
    "Tanh": np.tanh,
}


def function(reader: Reader, node: onnx.NodeProto) -> None:
    """Sigmoid, softplus, tanh or exp."""
    reason = f"{node.op_type} has no exact form without a quantiser; quantise its output"
    before = pending.start(reader, node, reason)
    reader.pending[node.output[0]] = before.then(FUNCTIONS[node.op_type], curved=True)
