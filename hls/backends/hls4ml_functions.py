"""Operations whose hls4ml layer is our own: C++ in ``nnet/``, constants from the exact graph."""

from __future__ import annotations

import numpy as np

from trigforge.hls.backends.layer_list import LayerList
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Ints, Node
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    Crop,
    Flatten,
    Highest,
    InstanceNorm,
    Lookup,
    MaxPool,
    Mul,
    Nearest,
    Prelu,
    Quantise,
    Scale,
    Sphere,
    Split,
    Sub,
    Thresholds,
    Tile,
    Total,
    Unflatten,
    affine,
    reciprocal_root,
)

AXES = ("height", "width")
SIDES = ("top", "left", "bottom", "right")


def quantise(lists: LayerList, graph: Graph, node: Quantise) -> list[Node]:
    """A quantiser that is no other layer's result type."""
    y = graph.edges[node.output]
    members = _pixels(y)
    for name, bound in zip(("lowest", "highest"), node.bounds, strict=True):
        members += f"    static constexpr double {name} = {bound * 2.0**-y.fraction!r};\n"
    (x,) = graph.node_inputs(node)
    # rounding reads the highest bit that is dropped: AP_RND_CONV needs it to exist
    missing = max(x.fraction - y.fraction - x.format.width, 0)
    wide = Format(x.format.width + missing, x.format.integer + missing, x.format.signed)
    members += f"    typedef {wide.ap()} wide_t;\n"
    half_even = node.rounding == "half_even"
    return _add(
        lists,
        graph,
        node,
        "each_cl",
        members,
        element="quantise",
        saturate=True,
        half_even=half_even,
    )


def thresholds(lists: LayerList, graph: Graph, node: Thresholds) -> list[Node]:
    """Comparators per channel."""
    (x,) = graph.node_inputs(node)
    members = _pixels(graph.edges[node.output]) + _number("count", node.thresholds.shape[1])
    table = affine.format_of(node.thresholds, x.fraction)
    members += _table("threshold", table, node.thresholds.ravel())
    for name, integers in (("first", node.first), ("step", node.step)):
        members += _table(name, affine.format_of(integers, node.format.fraction), integers)
    return _add(lists, graph, node, "each_cl", members, element="thresholds")


def prelu(lists: LayerList, graph: Graph, node: Prelu) -> list[Node]:
    """PReLU with a slope per channel."""
    members = _pixels(graph.edges[node.output])
    members += _table("slope", node.slope_format, node.slopes)
    return _add(lists, graph, node, "each_cl", members, element="prelu")


def scale(lists: LayerList, graph: Graph, node: Scale) -> list[Node]:
    """A factor and an offset per channel."""
    members = _pixels(graph.edges[node.output])
    members += _table("factor", node.factor_format, node.factor)
    members += _table("offset", node.offset_format, node.offset)
    return _add(lists, graph, node, "each_cl", members, element="scale")


def add(lists: LayerList, graph: Graph, node: Add) -> list[Node]:
    """Sum of two tensors."""
    return _add(lists, graph, node, "pair_cl", _pixels(graph.edges[node.output]), element="add")


def sub(lists: LayerList, graph: Graph, node: Sub) -> list[Node]:
    """Difference of two tensors."""
    return _add(lists, graph, node, "pair_cl", _pixels(graph.edges[node.output]), element="sub")


def mul(lists: LayerList, graph: Graph, node: Mul) -> list[Node]:
    """Product of two tensors, or the square of one."""
    members = _pixels(graph.edges[node.output])
    if node.is_square:
        return _add(lists, graph, node, "each_cl", members, element="square")
    return _add(lists, graph, node, "pair_cl", members, element="mul")


def split(lists: LayerList, graph: Graph, node: Split) -> list[Node]:
    """A block of channels."""
    (x,) = graph.node_inputs(node)
    members = _pixels(graph.edges[node.output]) + _number("start", node.start)
    members += _number("in_chan", x.shape[-1])
    return _add(lists, graph, node, "split_cl", members)


def append(lists: LayerList, graph: Graph, node: Append) -> list[Node]:
    """Constant channels behind the input's."""
    (x,) = graph.node_inputs(node)
    members = _pixels(graph.edges[node.output]) + _number("kept", x.shape[-1])
    members += _table("constant", node.constant_format, node.constant.ravel())
    return _add(lists, graph, node, "append_cl", members)


def max_pool(lists: LayerList, graph: Graph, node: MaxPool) -> list[Node]:
    """Largest pixel of each window; the frame never wins."""
    (x,) = graph.node_inputs(node)
    numbers = {
        **{f"pool_{axis}": size for axis, size in zip(AXES, node.kernel, strict=True)},
        **{f"stride_{axis}": step for axis, step in zip(AXES, node.strides, strict=True)},
        **{f"pad_{side}": size for side, size in zip(SIDES, node.pads, strict=True)},
    }
    members = _sizes(graph, node) + "".join(_number(*number) for number in numbers.items())
    lowest = x.format.min_int * 2.0**-x.fraction
    members += f"    static constexpr double lowest = {lowest!r};\n"
    return _add(lists, graph, node, "max_pool_2d_cl", members)


def crop(lists: LayerList, graph: Graph, node: Crop) -> list[Node]:
    """A window of the image."""
    members = _sizes(graph, node) + _number("top", node.top) + _number("left", node.left)
    return _add(lists, graph, node, "crop_cl", members)


def nearest(lists: LayerList, graph: Graph, node: Nearest) -> list[Node]:
    """Every pixel four times."""
    return _add(lists, graph, node, "nearest_cl", _sizes(graph, node))


def bilinear(lists: LayerList, graph: Graph, node: Bilinear) -> list[Node]:
    """Weighted means of four neighbours."""
    return _add(lists, graph, node, "bilinear_cl", _sizes(graph, node))


def unflatten(lists: LayerList, graph: Graph, node: Unflatten) -> list[Node]:
    """A vector laid out as an image."""
    members = _number("out_height", node.height) + _number("out_width", node.width)
    members += _number("n_chan", node.channels)
    return _add(lists, graph, node, "unflatten_cl", members)


def tile(lists: LayerList, graph: Graph, node: Tile) -> list[Node]:
    """A vector repeated at every pixel."""
    members = _number("out_height", node.height) + _number("out_width", node.width)
    members += _number("n_chan", graph.edges[node.output].shape[-1])
    return _add(lists, graph, node, "tile_cl", members)


def lookup(lists: LayerList, graph: Graph, node: Lookup) -> list[Node]:
    """A table, in the order of the input's bits: negative integers behind the others."""
    (x,) = graph.node_inputs(node)
    members = _pixels(graph.edges[node.output]) + _number("in_bits", x.format.width)
    members += _table("entry", node.format, np.roll(node.entries, x.format.min_int))
    return _add(lists, graph, node, "each_cl", members, element="lookup")


def total(lists: LayerList, graph: Graph, node: Total) -> list[Node]:
    """Sum over pixels, or over everything."""
    (x,) = graph.node_inputs(node)
    members = _pixels(x) + _number("everything", int(node.channels))
    return _add(lists, graph, node, "total_cl", members)


def highest(lists: LayerList, graph: Graph, node: Highest) -> list[Node]:
    """Largest entry of a vector."""
    return _add(lists, graph, node, "highest_cl", _pixels(graph.node_inputs(node)[0]))


def instance_norm(lists: LayerList, graph: Graph, node: InstanceNorm) -> list[Node]:
    """Normalisation of every channel over its pixels."""
    (x,) = graph.node_inputs(node)
    members = _root(x, node.format, *node.widths(x))
    members += f"    static long long epsilon() {{ return {node.epsilon}LL; }}\n"
    return _add(lists, graph, node, "instance_norm_cl", members)


def sphere(lists: LayerList, graph: Graph, node: Sphere) -> list[Node]:
    """Normalisation of a vector to length one."""
    (x,) = graph.node_inputs(node)
    members = _root(x, node.format, x.format.width + 1, node.square_width(x))
    return _add(lists, graph, node, "sphere_cl", members)


def _add(
    lists: LayerList,
    graph: Graph,
    node: Node,
    function: str,
    members: str,
    *,
    element: str = "",
    saturate: bool = False,
    half_even: bool = False,
) -> list[Node]:
    for name in node.inputs:
        if lists.io_type == "io_stream" and isinstance(graph.producer(name), Flatten):
            raise node.refuse("reads a flattened image, which still streams pixel by pixel")
    y = graph.edges[node.output]
    lists.add(
        {
            "name": node.name,
            "class_name": "OwnFunction",
            "inputs": [lists.where[name] for name in dict.fromkeys(node.inputs)],
            "function": function,
            "element": element,
            "members": members,
            "out_shape": list(y.shape),
        },
        node.output,
        result=y.format.ap(saturate=saturate, half_even=half_even),
    )
    return []


def _pixels(y: Edge) -> str:
    return _number("pixels", int(np.prod(y.shape[:-1]))) + _number("n_chan", y.shape[-1])


def _sizes(graph: Graph, node: Node) -> str:
    (x,) = graph.node_inputs(node)
    y = graph.edges[node.output]
    sizes = {"in_height": x.shape[0], "in_width": x.shape[1], "n_chan": x.shape[2]}
    sizes |= {"out_height": y.shape[0], "out_width": y.shape[1]}
    return "".join(_number(name, size) for name, size in sizes.items())


def _root(x: Edge, fmt: Format, deviation_bits: int, square_bits: int) -> str:
    """Types, table and bounds of :mod:`~trigforge.hls.ops.reciprocal_root`."""
    square_bits = max(square_bits, reciprocal_root.INDEX_BITS) + 1
    numbers = {
        "in_bits": x.format.width,
        "out_bits": fmt.width,
        "index_bits": reciprocal_root.INDEX_BITS,
        "first": reciprocal_root.FIRST,
        "square_bits": square_bits,
        "shift": reciprocal_root.PRECISION - fmt.fraction,
    }
    members = _pixels(x) + "".join(_number(name, value) for name, value in numbers.items())
    kind = "ap_int" if x.format.signed else "ap_uint"
    members += f"    typedef {kind}<{x.format.width}> integer_t;\n"
    members += f"    typedef ap_int<{deviation_bits}> deviation_t;\n"
    members += f"    typedef ap_uint<{square_bits}> square_t;\n"
    root = affine.format_of(reciprocal_root.TABLE, 0)
    members += f"    typedef ap_int<{max(deviation_bits + root.width, fmt.width) + 1}> product_t;\n"
    members += f"    static const int lowest = {fmt.min_int};\n"
    members += f"    static const int highest = {fmt.max_int};\n"
    return members + _table("root", root, reciprocal_root.TABLE)


def _number(name: str, value: int) -> str:
    return f"    static const unsigned {name} = {value};\n"


def _table(name: str, fmt: Format, integers: Ints) -> str:
    """A function that looks a constant up; small types are exact as decimal literals of doubles."""
    values = ", ".join(repr(float(i) * 2.0**-fmt.fraction) for i in integers.tolist())
    return (
        f"    typedef {fmt.ap()} {name}_t;\n"
        f"    static {name}_t {name}(unsigned i) {{\n"
        f"        static const {name}_t values[{len(integers)}] = {{{values}}};\n"
        f"        return values[i];\n"
        f"    }}\n"
    )
