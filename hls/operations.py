"""The table of operations: what each one is on integers, and who can execute it.

A cell holds what executes the operation, or the reason why nothing does. Kernels and RTL come from
the registries of the emulator and of the tracer; tests hold every layer against the generated code.
"""

from __future__ import annotations

from dataclasses import dataclass

from trigforge.hls import ops
from trigforge.hls.graph import Node
from trigforge.hls.kernels import PREPARE
from trigforge.hls.rtl.trace import REFUSED, TRACE
from trigforge.train.errors import unknown_name


@dataclass(frozen=True)
class Absent:
    """Nothing executes the operation here, and why."""

    reason: str


Cell = tuple[str, ...] | Absent


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row.

    Attributes:
        node: its class in the exact graph; the docstring's first sentence is its definition.
        layers: hls4ml layer classes, or our own functions in ``nnet/``. Either exists twice, for
            arrays (io_parallel) and for streams (io_stream).
    """

    node: type[Node]
    layers: Cell

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

    @property
    def rtl(self) -> Cell:
        """The function that unrolls it into logic."""
        tracer = TRACE.get(self.node)
        return (tracer.__name__.lstrip("_"),) if tracer else Absent(REFUSED[self.node.op])


OPERATIONS: dict[str, Operation] = {
    "add": Operation(node=ops.Add, layers=("pair_cl<add>",)),
    "append": Operation(node=ops.Append, layers=("append_cl",)),
    "bilinear": Operation(node=ops.Bilinear, layers=("bilinear_cl",)),
    "concat": Operation(node=ops.Concat, layers=("Concatenate",)),
    "conv": Operation(node=ops.Conv, layers=("ZeroPadding2D", "Conv2D")),
    "conv_transpose": Operation(
        node=ops.ConvTranspose, layers=Absent("lowered to conv by untranspose")
    ),
    "crop": Operation(node=ops.Crop, layers=("crop_cl",)),
    "dense": Operation(node=ops.Dense, layers=("Dense",)),
    "flatten": Operation(node=ops.Flatten, layers=("Reshape",)),
    "highest": Operation(node=ops.Highest, layers=("highest_cl",)),
    "instance_norm": Operation(node=ops.InstanceNorm, layers=("instance_norm_cl",)),
    "leaky_relu": Operation(node=ops.LeakyRelu, layers=("LeakyReLU",)),
    "lookup": Operation(node=ops.Lookup, layers=("each_cl<lookup>",)),
    "max_pool": Operation(node=ops.MaxPool, layers=("max_pool_2d_cl",)),
    "mul": Operation(node=ops.Mul, layers=("pair_cl<mul>", "each_cl<square>")),
    "nearest": Operation(node=ops.Nearest, layers=("nearest_cl",)),
    "prelu": Operation(node=ops.Prelu, layers=("each_cl<prelu>",)),
    "quantise": Operation(node=ops.Quantise, layers=("each_cl<quantise>",)),
    "scale": Operation(node=ops.Scale, layers=("each_cl<scale>",)),
    "sphere": Operation(node=ops.Sphere, layers=("sphere_cl",)),
    "split": Operation(node=ops.Split, layers=("split_cl",)),
    "sub": Operation(node=ops.Sub, layers=("pair_cl<sub>",)),
    "thresholds": Operation(node=ops.Thresholds, layers=("each_cl<thresholds>",)),
    "tile": Operation(node=ops.Tile, layers=("tile_cl",)),
    "total": Operation(node=ops.Total, layers=("total_cl",)),
    "unflatten": Operation(node=ops.Unflatten, layers=("unflatten_cl",)),
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
        layers = render(row.layers)
        text += [
            f"{key:15} {row.definition}",
            f"{'':15} emulator: {render(row.kernel)}; RTL: {render(row.rtl)}",
            f"{'':15} hls4ml parallel: {layers}; stream: {layers}",
        ]
    return text
