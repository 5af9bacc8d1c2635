"""The operations as hardware: a function per operation, from variables to variables.

Tensors are arrays of da4ml variables of the edge's shape, (H, W, C) or (C,), each an integer of
the edge's grid. Whole images are unrolled: every pixel has its own logic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from trigforge.hls.graph import Edge, Graph, Ints, Node
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    Flatten,
    Highest,
    LeakyRelu,
    Lookup,
    MaxPool,
    Mul,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Split,
    Sub,
    Thresholds,
    Tile,
    Total,
    Unflatten,
    aligned,
)
from trigforge.hls.rtl import variables
from trigforge.hls.rtl.linear import LinearSolver
from trigforge.hls.rtl.variables import Variable, Variables
from trigforge.train.errors import UnsupportedError

# Products with constants of a whole network. One costs some five LUTs: more than this fills a
# sixth of the largest device, and tracing takes minutes.
LARGEST_PRODUCTS = 60_000

# thresholds become a table up to so many bits of input, comparators beyond
TABLE_BITS = 10

REFUSED = {
    "instance_norm": "fold it into the convolution before it (BatchNorm), or use io_stream hls4ml",
    "sphere": "export the latents before the normalisation, or use io_stream hls4ml",
}


def trace(
    nodes: Sequence[Node],
    edges: Mapping[str, Edge],
    known: Mapping[str, Variables],
    solver: LinearSolver,
) -> dict[str, Variables]:
    """Variables of every edge that the nodes write, from those of the edges they read.

    Raises:
        UnsupportedError: an operation has no hardware.
    """
    found = dict(known)
    for node in nodes:
        inputs = [edges[name] for name in node.inputs]
        output = TRACE[type(node)](node, inputs, [found[name] for name in node.inputs], solver)
        found[node.output] = _proven(output, edges[node.output])
    return found


def check(graph: Graph) -> None:
    """Refuse what cannot be unrolled, before minutes of work.

    Raises:
        UnsupportedError: names the node, the reason and the nearest thing that works.
    """
    products = 0
    for node in graph.nodes:
        if type(node) not in TRACE:
            raise node.refuse(f"has no RTL; {REFUSED.get(node.op, 'use hls4ml')}")
        if isinstance(node, Conv | ConvTranspose | Dense):
            pixels = int(np.prod(graph.edges[node.output].shape[:-1], dtype=np.int64))
            products += pixels * int(np.count_nonzero(node.weight))
        if products > LARGEST_PRODUCTS:
            raise UnsupportedError(
                f"graph {graph.name}: {products} products with constants up to node {node.name}, "
                f"fully unrolled RTL takes at most {LARGEST_PRODUCTS}; use fewer weights or a "
                "coarser input, or hls4ml with io_stream"
            )


def _proven(x: Variables, edge: Edge) -> Variables:
    """The variables without bits that the range analysis proves to be idle."""
    lo = np.broadcast_to(edge.lo, edge.shape).ravel()
    hi = np.broadcast_to(edge.hi, edge.shape).ravel()
    flat = x.reshape(-1)
    ends = zip(flat, lo.tolist(), hi.tolist(), strict=True)
    return _array([variables.bounded(v, low, high) for v, low, high in ends], edge.shape)


def _array(values: Sequence[Variable], shape: tuple[int, ...]) -> Variables:
    """An object array; numpy would look inside the variables."""
    flat = np.empty(len(values), object)
    for index, value in enumerate(values):
        flat[index] = value
    return flat.reshape(shape)


def _each(function: Callable[..., Variable], x: Variables, *parameters: Ints) -> Variables:
    """A function of every element and of its channel's parameters."""
    rows = [np.broadcast_to(p, x.shape).ravel().tolist() for p in parameters]
    return _array([function(v, *row) for v, *row in zip(x.ravel(), *rows, strict=True)], x.shape)


def _constants(values: Ints) -> Variables:
    return _array([variables.constant(int(value)) for value in values.ravel()], values.shape)


def _add(
    node: Node, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    _, (a_shift, b_shift) = aligned.shifts(edges)
    sign = -1 if isinstance(node, Sub) else 1
    pairs = zip(x[0].ravel(), x[1].ravel(), strict=True)
    up, factor = 2.0**a_shift, sign * 2.0**b_shift
    return _array([a * up + b * factor for a, b in pairs], x[0].shape)


def _mul(
    node: Mul, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    if node.is_square:
        return _each(variables.square, x[0])
    pairs = zip(x[0].ravel(), x[1].ravel(), strict=True)
    return _array([a * b for a, b in pairs], x[0].shape)


def _append(
    node: Append, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    own, shift = node.shifts(edges[0])
    image = _each(lambda v: variables.shift(v, own), x[0])
    return np.concatenate([image, _constants(node.constant << shift)], axis=-1)


def _bilinear(
    node: Bilinear, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    def double(image: Variables) -> Variables:
        before = np.concatenate([image[:1], image[:-1]])
        after = np.concatenate([image[1:], image[-1:]])
        pairs = np.stack([before + 3 * image, 3 * image + after], axis=1)
        return pairs.reshape(-1, *image.shape[1:])

    return double(double(x[0]).swapaxes(0, 1)).swapaxes(0, 1)


def _concat(
    node: Concat, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return np.concatenate(list(x), axis=-1)


def _dense(
    node: Dense, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    product, shift = node.shifts(edges[0])
    sums = solver.apply(node.weight << product, x[0])
    bias = (node.bias << shift).tolist()
    return _array([y + b for y, b in zip(sums, bias, strict=True)], (len(sums),))


def _conv(
    node: Conv, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    product, shift = node.shifts(edges[0])
    kh, kw, block, outputs = node.weight.shape
    top, left, bottom, right = node.pads
    zero = variables.constant(0)
    image = np.pad(x[0], ((top, bottom), (left, right), (0, 0)), constant_values=zero)
    rows = range(0, image.shape[0] - kh + 1, node.strides[0])
    columns = range(0, image.shape[1] - kw + 1, node.strides[1])
    share = outputs // node.groups
    values: list[Variable] = []
    for row in rows:
        for column in columns:
            for group in range(node.groups):
                window = image[row : row + kh, column : column + kw]
                taps = window[..., group * block : (group + 1) * block].ravel()
                weight = node.weight[..., group * share : (group + 1) * share]
                values += solver.apply(weight.reshape(-1, share) << product, taps)
    offset = np.tile(node.bias << shift, len(rows) * len(columns)).tolist()
    biased = [value + b for value, b in zip(values, offset, strict=True)]
    return _array(biased, (len(rows), len(columns), outputs))


def _conv_transpose(
    node: ConvTranspose, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return _conv(node.as_conv(), edges, x, solver)


def _crop(
    node: Crop, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return x[0][node.top : node.top + node.height, node.left : node.left + node.width]


def _flatten(
    node: Flatten, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return x[0].reshape(-1)


def _highest(
    node: Highest, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return _array([variables.tree(variables.larger, x[0])], (1,))


def _leaky(value: Variable, slope: int, fraction: int) -> Variable:
    """x 2^fraction from zero on, slope x below."""
    lo, hi = variables.ends(value)
    up = variables.shift(value, fraction)
    if lo >= 0:
        return up
    if slope == 0:
        return variables.at_least(up, 0)
    down = value * float(slope)
    return down if hi < 0 else variables.select(value, down, up)


def _leaky_relu(
    node: LeakyRelu, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return _each(lambda v: _leaky(v, node.slope, node.slope_fraction), x[0])


def _prelu(
    node: Prelu, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return _each(lambda v, slope: _leaky(v, slope, node.slope_fraction), x[0], node.slopes)


def _lookup(
    node: Lookup, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    first = edges[0].format.min_int
    return _each(lambda v: variables.looked_up(v, lambda i: node.entries[i - first]), x[0])


def _max_pool(
    node: MaxPool, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    top, left, bottom, right = node.pads
    height, width, channels = x[0].shape
    kh, kw = node.kernel
    rows = range(-top, height + bottom - kh + 1, node.strides[0])
    columns = range(-left, width + right - kw + 1, node.strides[1])
    values = [
        variables.tree(variables.larger, window[..., channel].ravel())
        for row in rows
        for column in columns
        for window in [x[0][max(row, 0) : row + kh, max(column, 0) : column + kw]]
        for channel in range(channels)
    ]
    return _array(values, (len(rows), len(columns), channels))


def _nearest(
    node: Nearest, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return x[0].repeat(2, axis=0).repeat(2, axis=1)


def _quantise(
    node: Quantise, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    drop = edges[0].fraction - node.format.fraction
    low, high = node.bounds

    def one(value: Variable) -> Variable:
        if drop > 0 and node.rounding == "half_even":
            # the last bit that stays turns "half up" into "half to even"
            odd = variables.bit(value, drop)
            value = value + odd + ((1 << (drop - 1)) - 1)
        return variables.clip(variables.shift(variables.floor(value, drop), -drop), low, high)

    return _each(one, x[0])


def _scale(
    node: Scale, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    product, shift = node.shifts(edges[0])

    def one(value: Variable, factor: int, offset: int) -> Variable:
        return value * float(factor) + offset

    return _each(one, x[0], node.factor << product, node.offset << shift)


def _split(
    node: Split, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return x[0][..., node.start : node.stop]


def _thresholds(
    node: Thresholds, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    def one(value: Variable, channel: int) -> Variable:
        levels = node.thresholds[channel]
        first, step = int(node.first[channel]), int(node.step[channel])
        lo, hi = variables.ends(value)
        if hi - lo < 1 << TABLE_BITS:

            def entries(integers: Ints) -> Ints:
                counts: Ints = (integers[:, None] >= levels).sum(-1)
                return first + step * counts

            return variables.looked_up(value, entries)
        one = variables.constant(1)
        zero = variables.constant(0)
        reached = [variables.select(value - int(level), zero, one) for level in levels]
        return variables.total(reached) * float(step) + first

    return _each(one, x[0], np.arange(x[0].shape[-1]))


def _tile(
    node: Tile, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return np.broadcast_to(x[0], (node.height, node.width, len(x[0])))


def _total(
    node: Total, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    flat = x[0].reshape(-1, x[0].shape[-1])
    columns = [flat.ravel()] if node.channels else list(flat.T)
    return _array([variables.total(list(column)) for column in columns], (len(columns),))


def _unflatten(
    node: Unflatten, edges: Sequence[Edge], x: Sequence[Variables], solver: LinearSolver
) -> Variables:
    return np.moveaxis(x[0].reshape(node.channels, node.height, node.width), 0, -1)


TRACE: dict[type[Node], Callable[..., Variables]] = {
    Add: _add,
    Append: _append,
    Bilinear: _bilinear,
    Concat: _concat,
    Conv: _conv,
    ConvTranspose: _conv_transpose,
    Crop: _crop,
    Dense: _dense,
    Flatten: _flatten,
    Highest: _highest,
    LeakyRelu: _leaky_relu,
    Lookup: _lookup,
    MaxPool: _max_pool,
    Mul: _mul,
    Nearest: _nearest,
    Prelu: _prelu,
    Quantise: _quantise,
    Scale: _scale,
    Split: _split,
    Sub: _add,
    Thresholds: _thresholds,
    Tile: _tile,
    Total: _total,
    Unflatten: _unflatten,
}
