"""Operations that ONNX lacks, as local functions written in standard integer operations.

A model that uses one carries its body, so onnxruntime and onnx's reference evaluator execute the
file as it is, with no code of ours; ``onnx.inliner`` turns it into plain nodes. Values cross to
int64 and back, because no intermediate needs to fit a float's mantissa there. Integer division is
only used where both sides are divisible or positive: runtimes differ in how they round it.
"""

from __future__ import annotations

import onnx
from onnx import parser

from trigforge.quantize import reciprocal_root as root

DOMAIN = "trigforge"
VERSION = 1
OPSET = 17

_HEADER = f'<domain: "{DOMAIN}", opset_import: ["" : {OPSET}]>'

# Attributes in_step and out_step are powers of two; low and high clip the output's integers.
_INTEGERS = """
  in_step = Constant <value_float: float = @in_step> ()
  in_step64 = Cast <to = 11> (in_step)
  x64 = Cast <to = 11> (x)
  steps = Div (x64, in_step64)
  n = Cast <to = 7> (steps)
"""

_VALUES = """
  out_step = Constant <value_float: float = @out_step> ()
  out_step64 = Cast <to = 11> (out_step)
  scaled64 = Cast <to = 11> (integers)
  y64 = Mul (scaled64, out_step64)
  y = CastLike (y64, x)
"""

_ROOTS = ", ".join(map(str, root.TABLE.tolist()))

# y = floor(d r[m] / 2^(16 + s/2 - fraction)) with square = m 2^s, see quantize/reciprocal_root.py.
# The length in bits is the number of powers of two that do not exceed the square.
_QUOTIENT = f"""
  powers = Constant <value = int64[62] {{{", ".join(str(1 << k) for k in range(62))}}}> ()
  last = Constant <value = int64[1] {{-1}}> ()
  zero = Constant <value = int64 {{0}}> ()
  two = Constant <value = int64 {{2}}> ()
  index_bits = Constant <value = int64 {{{root.INDEX_BITS}}}> ()
  first = Constant <value = int64 {{{root.FIRST}}}> ()
  precision = Constant <value = int64 {{{root.PRECISION}}}> ()
  roots = Constant <value = int64[{len(root.TABLE)}] {{{_ROOTS}}}> ()
  square1 = Unsqueeze (square, last)
  reached = GreaterOrEqual (square1, powers)
  counted = Cast <to = 7> (reached)
  length = ReduceSum <keepdims = 0> (counted, last)
  beyond = Sub (length, index_bits)
  odd = Mod (beyond, two)
  shift = Add (beyond, odd)
  negative = Neg (shift)
  right = Max (shift, zero)
  left = Max (negative, zero)
  divisor = Gather (powers, right)
  factor = Gather (powers, left)
  dropped = Div (square, divisor)
  mantissa = Mul (dropped, factor)
  index = Sub (mantissa, first)
  reciprocal = Gather (roots, index)
  product = Mul (deviation, reciprocal)
  half = Div (shift, two)
  fraction = Constant <value_int: int = @fraction> ()
  finer = Sub (precision, fraction)
  exponent = Add (half, finer)
  unit = Gather (powers, exponent)
  rest = Mod (product, unit)
  whole = Sub (product, rest)
  floored = Div (whole, unit)
  low = Constant <value_int: int = @low> ()
  high = Constant <value_int: int = @high> ()
  raised = Max (floored, low)
  integers = Min (raised, high)
"""

_TEXTS = {
    "InstanceNorm": f"""{_HEADER}
InstanceNorm <in_step, epsilon, out_step, fraction, low, high> (x) => (y)
{{{_INTEGERS}
  pixel_axes = Constant <value = int64[2] {{2, 3}}> ()
  shape = Shape <start = 2> (n)
  pixels = ReduceProd <keepdims = 0> (shape)
  sum = ReduceSum <keepdims = 1> (n, pixel_axes)
  n_squared = Mul (n, n)
  sum_of_squares = ReduceSum <keepdims = 1> (n_squared, pixel_axes)
  pixel_squares = Mul (pixels, sum_of_squares)
  sum_squared = Mul (sum, sum)
  variance = Sub (pixel_squares, sum_squared)
  epsilon = Constant <value_int: int = @epsilon> ()
  square = Add (variance, epsilon)
  multiple = Mul (pixels, n)
  deviation = Sub (multiple, sum)
{_QUOTIENT}{_VALUES}}}""",
    "Sphere": f"""{_HEADER}
Sphere <in_step, out_step, fraction, low, high> (x) => (y)
{{{_INTEGERS}
  channel_axis = Constant <value = int64[1] {{1}}> ()
  one = Constant <value = int64 {{1}}> ()
  n_squared = Mul (n, n)
  length_squared = ReduceSum <keepdims = 1> (n_squared, channel_axis)
  square = Max (length_squared, one)
  deviation = Identity (n)
{_QUOTIENT}{_VALUES}}}""",
    "Lookup": f"""{_HEADER}
Lookup <in_step, first, out_step> (x, entries) => (y)
{{{_INTEGERS}
  first = Constant <value_int: int = @first> ()
  index = Sub (n, first)
  integers = Gather (entries, index)
{_VALUES}}}""",
}


def function(name: str) -> onnx.FunctionProto:
    """One of ``InstanceNorm``, ``Sphere``, ``Lookup``.

    InstanceNorm, (B, C, H, W): N x - S over sqrt(N Q - S^2 + epsilon) for each channel's integers.
    Sphere, (B, C): x over sqrt(max(sum of x^2, 1)). Lookup, any shape: ``entries[x - first]``.
    """
    return parser.parse_function(_TEXTS[name])


NAMES = tuple(_TEXTS)


def is_known(candidate: onnx.FunctionProto) -> bool:
    """Whether a file's function is one of ours, body and all."""
    if candidate.domain != DOMAIN or candidate.name not in NAMES:
        return False
    own = function(candidate.name)
    return [n.SerializeToString(deterministic=True) for n in own.node] == [
        n.SerializeToString(deterministic=True) for n in candidate.node
    ] and (own.input, own.output) == (candidate.input, candidate.output)


def attach(proto: onnx.ModelProto) -> None:
    """Give a model the bodies of the functions that it uses (in place)."""
    used = {node.op_type for node in proto.graph.node if node.domain == DOMAIN}
    if not used:
        return
    proto.functions.extend(function(name) for name in sorted(used))
    if all(entry.domain != DOMAIN for entry in proto.opset_import):
        proto.opset_import.append(onnx.helper.make_opsetid(DOMAIN, VERSION))
