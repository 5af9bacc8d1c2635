"""A TF-Lite file as a list of operations and its constants (tensorflow/lite/schema/schema.fbs).

Reads files of one subgraph with float32, float16 or integer tensors; DEQUANTIZE, which stands
between float16 weights and their users, is resolved. Nothing is executed, and TensorFlow is not
needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trigforge.train.errors import InputError
from trigforge.train.tflite.flatbuffer import FlatbufferError, Table

IDENTIFIER = b"TFL3"
DTYPES = {0: "f4", 1: "f2", 2: "i4", 4: "i8"}
BUILTIN = {
    0: "ADD",
    2: "CONCATENATION",
    3: "CONV_2D",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    40: "MEAN",
    41: "SUB",
    45: "STRIDED_SLICE",
    65: "SLICE",
    69: "TILE",
    76: "RSQRT",
    77: "SHAPE",
    83: "PACK",
    98: "LEAKY_RELU",
    99: "SQUARED_DIFFERENCE",
}
"""BuiltinOperator of the schema, as far as the published networks use it."""

CUSTOM = 32


@dataclass(frozen=True)
class Operation:
    """One operation; tensors are named by their index in the file.

    Attributes:
        name: builtin name, the name of a custom operation, or ``builtin <code>``.
        options: the table of builtin options, where there is one.
        custom: the bytes of a custom operation's options.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None
    custom: bytes

    def option(self, field: int, kind: str, default: float = 0) -> Any:
        """A number of the builtin options."""
        return default if self.options is None else self.options.scalar(field, kind, default)


@dataclass(frozen=True)
class TfliteGraph:
    """Operations in the order of execution.

    Attributes:
        shapes: of every tensor, as the file states them.
        constants: values of the tensors that have some, float16 widened to float32.
    """

    path: Path
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operations: tuple[Operation, ...]
    shapes: tuple[tuple[int, ...], ...]
    constants: dict[int, npt.NDArray[Any]]


def read_tflite(path: Path) -> TfliteGraph:
    """Read a TF-Lite file.

    Raises:
        InputError: missing, unreadable, damaged or not TF-Lite.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    if data[4:8] != IDENTIFIER:
        raise InputError(f"{path}: not a TF-Lite file (no {IDENTIFIER.decode()} at byte 4)")
    try:
        return _graph(path, data)
    except (FlatbufferError, IndexError, OverflowError) as error:
        raise InputError(
            f"{path}: damaged TF-Lite file ({error}); fetch it from its source again"
        ) from None


def _graph(path: Path, data: bytes) -> TfliteGraph:
    model = Table.root(data)
    names = [_name(code) for code in model.tables(1)]
    subgraphs, buffers = model.tables(2), model.tables(4)
    if len(subgraphs) != 1:
        raise FlatbufferError(f"{len(subgraphs)} subgraphs, expected 1")
    graph = subgraphs[0]
    tensors = graph.tables(0)
    shapes = tuple(tuple(int(size) for size in tensor.vector(0, "i4")) for tensor in tensors)
    constants: dict[int, npt.NDArray[Any]] = {}
    for index, (tensor, shape) in enumerate(zip(tensors, shapes, strict=True)):
        values = _constant(tensor, shape, buffers)
        if values is not None:
            constants[index] = values
    operations = []
    for table in graph.tables(3):
        operation = Operation(
            names[table.scalar(0, "I")],
            tuple(int(index) for index in table.vector(1, "i4")),
            tuple(int(index) for index in table.vector(2, "i4")),
            table.table(4),
            table.vector(5, "u1").tobytes(),
        )
        _check_tensors(operation.name, (*operation.inputs, *operation.outputs), len(tensors))
        if operation.name == "DEQUANTIZE" and operation.inputs[0] in constants:
            constants[operation.outputs[0]] = constants[operation.inputs[0]].astype(np.float32)
        else:
            operations.append(operation)
    inputs = tuple(int(index) for index in graph.vector(1, "i4"))
    outputs = tuple(int(index) for index in graph.vector(2, "i4"))
    _check_tensors("the graph", (*inputs, *outputs), len(tensors))
    return TfliteGraph(path, inputs, outputs, tuple(operations), shapes, constants)


def _name(code: Table) -> str:
    """Name of an operator code; old files keep it in one byte, new ones in an integer."""
    builtin = max(code.scalar(0, "b"), code.scalar(3, "i"))
    if builtin == CUSTOM:
        return code.text(1)
    return BUILTIN.get(builtin, f"builtin {builtin}")


def _constant(
    tensor: Table, shape: tuple[int, ...], buffers: list[Table]
) -> npt.NDArray[Any] | None:
    raw = buffers[tensor.scalar(2, "I")].vector(0, "u1")
    kind = DTYPES.get(tensor.scalar(1, "b"))
    if not raw.size:
        return None
    if kind is None or min(shape, default=1) < 1:
        raise FlatbufferError(f"constant {tensor.text(3)!r} is neither float nor integer")
    dtype = np.dtype(kind).newbyteorder("<")
    expected = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    if raw.size != expected:
        raise FlatbufferError(
            f"constant {tensor.text(3)!r} has {raw.size} bytes, its shape {list(shape)} {expected}"
        )
    values: npt.NDArray[Any] = raw.view(dtype).reshape(shape)
    return values


def _check_tensors(user: str, indices: tuple[int, ...], count: int) -> None:
    """Refuse indices outside the file; -1 is an optional input that is absent."""
    for index in indices:
        if not -1 <= index < count:
            raise FlatbufferError(f"{user} uses tensor {index} of {count}")
    if user == "DEQUANTIZE" and len(indices) != 2:
        raise FlatbufferError("a DEQUANTIZE without tensors")
