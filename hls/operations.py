"""The table of operations: what each one is on integers, and who can execute it.

A cell holds what executes the operation, or the reason why nothing does. Kernels come from the
emulator's own registry; tests hold every other filled cell against the generated code.
"""

from __future__ import annotations

from dataclasses import dataclass

from trigforge.hls import ops
from trigforge.hls.graph import Node
from trigforge.hls.kernels import PREPARE
from trigforge.train.errors import unknown_name


@dataclass(frozen=True)
class Absent:
    """Nothing executes the operation here, and why."""

    reason: str


Cell = tuple[str, ...] | Absent

STREAMS_ONLY = Absent("projects stream")
NO_RTL = Absent("no RTL backend yet")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row.

    Attributes:
        node: its class in the exact graph; the docstring's first sentence is its definition.
        stream: hls4ml layer classes, or our own functions in ``nnet/``, in io_stream.
        parallel: the same in io_parallel.
        rtl: modules.
    """

    node: type[Node]
    stream: Cell
    parallel: Cell = STREAMS_ONLY
    rtl: Cell = NO_RTL

    @property
    def definition(self) -> str:
        """What it does on integers."""
        text = " ".join((self.node.__doc__ or "").split("\n\n")[0].split())
        return text.replace("``", "").rstrip(".")

    @property
    def kernel(self) -> Cell:
        """The emulator's function."""
        kernel = PREPARE.get(self.node)
        return (kernel.__name__.lstrip("_"),) if kernel else Absent("the emulator lacks it")


OPERATIONS: dict[str, Operation] = {
    "add": Operation(node=ops.Add, stream=("add_cl",)),
    "append": Operation(node=ops.Append, stream=("append_cl",)),
    "bilinear": Operation(node=ops.Bilinear, stream=("bilinear_cl",)),
    "concat": Operation(node=ops.Concat, stream=("Concatenate",)),
    "conv": Operation(node=ops.Conv, stream=("ZeroPadding2D", "Conv2D")),
    "conv_transpose": Operation(
        node=ops.ConvTranspose, stream=Absent("lowered to conv by untranspose")
    ),
    "crop": Operation(node=ops.Crop, stream=("crop_cl",)),
    "dense": Operation(node=ops.Dense, stream=("Dense",)),
    "flatten": Operation(node=ops.Flatten, stream=("Reshape",)),
    "highest": Operation(node=ops.Highest, stream=("highest_cl",)),
    "instance_norm": Operation(node=ops.InstanceNorm, stream=("instance_norm_cl",)),
    "leaky_relu": Operation(node=ops.LeakyRelu, stream=("LeakyReLU",)),
    "lookup": Operation(node=ops.Lookup, stream=("lookup_cl",)),
    "max_pool": Operation(node=ops.MaxPool, stream=("FramedMaxPool",)),
    "mul": Operation(node=ops.Mul, stream=("mul_cl", "square_cl")),
    "nearest": Operation(node=ops.Nearest, stream=("nearest_cl",)),
    "prelu": Operation(node=ops.Prelu, stream=("prelu_cl",)),
    "quantise": Operation(node=ops.Quantise, stream=("quantise_cl",)),
    "scale": Operation(node=ops.Scale, stream=("scale_cl",)),
    "sphere": Operation(node=ops.Sphere, stream=("sphere_cl",)),
    "split": Operation(node=ops.Split, stream=("split_cl",)),
    "sub": Operation(node=ops.Sub, stream=("sub_cl",)),
    "tile": Operation(node=ops.Tile, stream=("tile_cl",)),
    "total": Operation(node=ops.Total, stream=("total_cl",)),
    "unflatten": Operation(node=ops.Unflatten, stream=("unflatten_cl",)),
}


def operation(name: str) -> Operation:
    """The row of an operation.

    Raises:
        InputError: there is none of that name.
    """
    if name not in OPERATIONS:
        raise unknown_name("operation", name, OPERATIONS, "trigforge ops")
    return OPERATIONS[name]


def render(cell: Cell) -> str:
    """A cell in words: what executes it, or a dash and the reason."""
    return f"– {cell.reason}" if isinstance(cell, Absent) else ", ".join(cell)


def lines(name: str | None = None) -> list[str]:
    """The table as text: three lines per operation, or the one named.

    Raises:
        InputError: there is no operation of that name.
    """
    rows = OPERATIONS if name is None else {name: operation(name)}
    text = []
    for key, row in rows.items():
        text += [
            f"{key:15} {row.definition}",
            f"{'':15} emulator: {render(row.kernel)}; hls4ml stream: {render(row.stream)}",
            f"{'':15} hls4ml parallel: {render(row.parallel)}; RTL: {render(row.rtl)}",
        ]
    return text
