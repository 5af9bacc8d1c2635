"""Floating-point functions of one variable that wait for the quantiser behind them.

A BatchNorm whose factors lie on no grid, a sigmoid, a product with 0.3: none of them has an exact
form of its own. Together with the quantiser behind it each is a function from integers to
integers, which is a staircase of comparators (:class:`~trigforge.hls.ops.thresholds.Thresholds`) or
a table (:class:`~trigforge.hls.ops.lookup.Lookup`), exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Ints
from trigforge.hls.ops import Lookup, Thresholds
from trigforge.hls.ops.thresholds import LARGEST_COUNT
from trigforge.hls.readers.reader import Reader
from trigforge.quantize.tables import LARGEST_WIDTH

Values = NDArray[Any]
# (C, K) values of any floating type to the same, monotone in every channel
Step = Callable[[Values], Values]
# Up to this many comparators per channel are cheaper than a table.
FEW = 15


@dataclass(frozen=True, eq=False)
class Pending:
    """A tensor that is a monotone function of an edge, channel by channel.

    Attributes:
        edge: what it is a function of; ``order`` its axes in the ONNX file.
        tensor: the ONNX tensor behind ``edge``: where to cut.
        node: the first node that cannot stand alone, ``reason`` why.
        steps: in the order of execution.
        uniform: the same function in every channel.
        curved: not affine, so that a table states an error.
    """

    edge: str
    order: str
    tensor: str
    node: onnx.NodeProto
    reason: str
    steps: tuple[Step, ...] = ()
    uniform: bool = True
    curved: bool = False

    def then(self, step: Step, *, uniform: bool = True, curved: bool = False) -> Pending:
        """One more step."""
        return replace(
            self,
            steps=(*self.steps, step),
            uniform=self.uniform and uniform,
            curved=self.curved or curved,
        )

    def __call__(self, integers: Ints, fraction: int, kind: type[np.floating[Any]]) -> Values:
        """Values for (C, K) integers of the edge, in the arithmetic of ``kind``."""
        values = (integers * 2.0**-fraction).astype(kind)
        for step in self.steps:
            values = step(values)
        return values


def start(reader: Reader, node: onnx.NodeProto, reason: str, index: int = 0) -> Pending:
    """The pending function of a node's input so far: itself, when it is an edge."""
    tensor = node.input[index]
    if tensor in reader.pending:
        found: Pending = reader.pending[tensor]
        return found
    edge, order = reader.place(node, index)
    return Pending(edge, order, tensor, node, reason)


def settle(
    reader: Reader,
    node: onnx.NodeProto,
    pending: Pending,
    levels: Callable[[Values], Values],
    fmt: Format,
    stride: int = 1,
    offset: int = 0,
) -> None:
    """Make a staircase or a table of a pending function and the quantiser behind it.

    Args:
        levels: values to whole numbers of ``stride`` steps of the output's grid, monotone.
        stride: integers of the output are ``levels`` times this plus ``offset`` (2 and -1 for a
            bipolar quantiser).

    Raises:
        UnsupportedError: too many steps for comparators and too many inputs for a table.
    """
    x = reader.edges[pending.edge]

    def quantised(integers: Ints, kind: type[np.floating[Any]] = np.float64) -> Ints:
        with np.errstate(over="ignore"):
            values = pending(integers, x.fraction, kind)
        return np.asarray(levels(values)).astype(np.int64)

    ends = quantised(np.stack([x.lo, x.hi], axis=1))
    count = int(np.abs(ends[:, 1] - ends[:, 0]).max())
    if (
        pending.uniform
        and stride == 1
        and x.format.width <= LARGEST_WIDTH
        and (pending.curved or count > FEW)
    ):
        _table(reader, node, pending, x, quantised, fmt)
        return
    if count > LARGEST_COUNT:
        raise reader.refuse(
            node,
            f"together with {pending.node.name or pending.node.output[0]} has {count} steps, "
            f"comparators take {LARGEST_COUNT} and tables {LARGEST_WIDTH} input bits; "
            "quantise with fewer bits",
        )
    thresholds = _crossings(x, ends, max(count, 1), quantised)
    step = np.sign(ends[:, 1] - ends[:, 0]) * stride
    name = reader.name("thresholds")
    exact = Thresholds(
        name=name,
        inputs=(pending.edge,),
        output=name,
        thresholds=thresholds,
        first=ends[:, 0] * stride + offset,
        step=np.where(step == 0, stride, step),
        format=fmt,
    )
    reader.add(node, exact, pending.order)
    sides = np.clip(
        np.concatenate([thresholds - 1, thresholds], axis=1), x.lo[:, None], x.hi[:, None]
    )
    different = int((quantised(sides) != quantised(sides, np.float32)).sum())
    _note(reader, node, f"{thresholds.size} comparators in {len(thresholds)} channels", different)


def _crossings(x: Edge, ends: Ints, count: int, quantised: Callable[[Ints], Ints]) -> Ints:
    """(C, K) smallest integers that reach the k-th step, one beyond the range where none does."""
    low, high = ends.min(1, keepdims=True), ends.max(1, keepdims=True)
    rising = (ends[:, 1] >= ends[:, 0])[:, None]
    ranks = np.arange(1, count + 1)
    goals = np.where(rising, low + ranks, high - ranks)
    below = np.repeat(x.lo[:, None] - 1, count, axis=1)
    above = np.repeat(x.hi[:, None] + 1, count, axis=1)
    while np.any(above - below > 1):
        middle = (above + below) // 2
        inside = np.clip(middle, x.lo[:, None], x.hi[:, None])
        found = quantised(inside)
        reached = np.where(rising, found >= goals, found <= goals)
        reached = (reached & (middle >= x.lo[:, None])) | (middle > x.hi[:, None])
        open_ = above - below > 1
        above = np.where(open_ & reached, middle, above)
        below = np.where(open_ & ~reached, middle, below)
    return above


def _table(
    reader: Reader,
    node: onnx.NodeProto,
    pending: Pending,
    x: Edge,
    quantised: Callable[..., Ints],
    fmt: Format,
) -> None:
    integers = np.arange(x.format.min_int, x.format.max_int + 1)
    rows = np.repeat(integers[None], len(x.lo), axis=0)
    entries = quantised(rows)[0]
    name = reader.name("table")
    exact = Lookup(name=name, inputs=(pending.edge,), output=name, entries=entries, format=fmt)
    reader.add(node, exact, pending.order)
    values = pending(rows, x.fraction, np.float64)[0]
    inside = (entries > entries.min()) & (entries < entries.max())
    errors = np.abs(entries * 2.0**-fmt.fraction - values)[inside]
    different = int((entries != quantised(rows, np.float32)[0]).sum())
    text = f"a table of {len(entries)} entries of {fmt.width} bits, largest error "
    text += f"{float(errors.max(initial=0)):.3g} (one step is {2.0**-fmt.fraction:.3g})"
    _note(reader, node, text, different)


def _note(reader: Reader, node: onnx.NodeProto, text: str, different: int) -> None:
    if different:
        text += (
            f"; float32 rounds {different} of them to the other side of a tie, "
            "the exact side is built"
        )
    reader.notes.append(f"{node.name or node.output[0]}: {text}")


def affine(
    reader: Reader,
    node: onnx.NodeProto,
    index: int,
    constant: Values,
    reason: str,
) -> Pending:
    """A pending function plus, minus, times or over a constant (C, 1) or (1, 1).

    Args:
        index: of the input that is the function.

    Raises:
        UnsupportedError: a constant over the function.
    """
    before = start(reader, node, reason, index)
    kind = node.op_type
    if kind == "Div" and index == 1:
        raise reader.refuse(node, "divides by a tensor; only constants can divide")

    def step(values: Values) -> Values:
        c = constant.astype(values.dtype)
        if kind == "Add":
            return np.asarray(values + c)
        if kind == "Sub":
            return np.asarray(values - c if index == 0 else c - values)
        return np.asarray(values * c if kind == "Mul" else values / c)

    return before.then(step, uniform=bool(np.all(constant == constant.flat[0])))


def leak(reader: Reader, node: onnx.NodeProto, slope: float) -> Pending:
    """LeakyReLU of a pending function."""
    if slope < 0:
        raise reader.refuse(node, f"has the slope {slope:.6g}; behind a function it must rise")
    before = start(reader, node, "")
    return before.then(lambda v: np.where(v >= 0, v, v * v.dtype.type(slope)))
