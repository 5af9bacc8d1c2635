"""Quantisers, at the input and on activations: Quant, BipolarQuant, and QDQ pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge
from trigforge.hls.ops import Quantise
from trigforge.hls.ops.quantise import Rounding
from trigforge.hls.readers import pending
from trigforge.hls.readers.reader import Codes, Reader, attributes, scale_fraction

MODES: dict[str, Rounding] = {"FLOOR": "floor", "ROUND": "half_even", "HALF_EVEN": "half_even"}
LARGEST_BITS = 32


def quantise(reader: Reader, node: onnx.NodeProto) -> None:
    """A Quant node with one power-of-two scale."""
    scale, zero, bits = (_constant(reader, node, i) for i in (1, 2, 3))
    settings = attributes(node)
    if scale.size != 1:
        raise reader.refuse(node, "has a scale per channel; use one scale per tensor")
    fraction = scale_fraction(reader, node, scale)
    if np.any(zero):
        raise reader.refuse(node, f"has the zero point {zero.flat[0]}; use a symmetric quantiser")
    if bits.size != 1 or bits.flat[0] != int(bits.flat[0]) or not 1 <= bits.flat[0] <= LARGEST_BITS:
        raise reader.refuse(
            node,
            f"has the bit width {bits.flat[0]}; use one whole number from 1 to {LARGEST_BITS}",
        )
    width, signed = int(bits.flat[0]), bool(settings.get("signed", 1))
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    if settings.get("narrow", 0):
        low, high = (low + 1, high) if signed else (low, high - 1)
    mode = settings.get("rounding_mode", b"ROUND").decode().upper()
    if mode not in MODES:
        raise reader.refuse(node, f"rounds with {mode}; known are FLOOR and ROUND (half to even)")
    fmt = Format(width, width - fraction, signed)
    _apply(reader, node, node.input[0], fmt, low, high, MODES[mode])


def bipolar(reader: Reader, node: onnx.NodeProto) -> None:
    """The sign of a value, zero counting as positive, times a power of two."""
    scale = _constant(reader, node, 1)
    if scale.size != 1:
        raise reader.refuse(node, "has a scale per channel; use one scale per tensor")
    fraction = scale_fraction(reader, node, scale)
    source = pending.start(reader, node, "is a sign")
    fmt = Format(2, 2 - fraction, True)
    pending.settle(reader, node, source, lambda v: np.where(v >= 0, 1, 0), fmt, stride=2, offset=-1)


def quantise_linear(reader: Reader, node: onnx.NodeProto) -> None:
    """The first half of a QDQ pair; what comes out are integers."""
    scale = _constant(reader, node, 1)
    has_zero = len(node.input) > 2 and node.input[2]
    zero = _constant(reader, node, 2) if has_zero else np.zeros(1, np.uint8)
    if scale.size != 1 or zero.size != 1:
        raise reader.refuse(node, "has a scale per channel; use one scale per tensor")
    if not np.issubdtype(zero.dtype, np.integer):
        raise reader.refuse(node, f"has a zero point of type {zero.dtype}, expected integers")
    kind = np.iinfo(zero.dtype)
    reader.codes[node.output[0]] = Codes(
        node.input[0],
        float(scale.flat[0]),
        int(zero.flat[0]),
        int(kind.min),
        int(kind.max),
    )


def clip_codes(reader: Reader, node: onnx.NodeProto) -> None:
    """Fewer integers than the type holds: how QCDQ writes other bit widths."""
    codes = reader.codes[node.input[0]]
    low, high = reader.limits(node)
    low = codes.low if low is None else max(codes.low, int(np.ceil(low)))
    high = codes.high if high is None else min(codes.high, int(np.floor(high)))
    reader.codes[node.output[0]] = Codes(codes.tensor, codes.scale, codes.zero, low, high)


def dequantise_linear(reader: Reader, node: onnx.NodeProto) -> None:
    """The second half of a QDQ pair: together a quantiser."""
    codes = reader.codes.get(node.input[0])
    if codes is None:
        raise reader.refuse(
            node, f"dequantises {node.input[0]}, which no QuantizeLinear made; feed floats instead"
        )
    scale = _constant(reader, node, 1)
    has_zero = len(node.input) > 2 and node.input[2]
    zero = _constant(reader, node, 2) if has_zero else np.zeros(1, np.uint8)
    same = scale.size == 1 and zero.size == 1
    if not same or (float(scale.flat[0]), int(zero.flat[0])) != (codes.scale, codes.zero):
        raise reader.refuse(
            node,
            "has another scale or zero point than the QuantizeLinear before it; make them equal",
        )
    fraction = scale_fraction(reader, node, scale)
    low, high = codes.low - codes.zero, codes.high - codes.zero
    if low > high:
        raise reader.refuse(node, f"follows a Clip that leaves nothing of [{low}, {high}]")
    fmt = Format.smallest(low, high, fraction)
    _apply(reader, node, codes.tensor, fmt, low, high, "half_even")


def _apply(
    reader: Reader,
    node: onnx.NodeProto,
    tensor: str,
    fmt: Format,
    low: int,
    high: int,
    rounding: Rounding,
) -> None:
    """Quantise a tensor: it says on which grid an input lies, or drops bits of an activation."""
    if tensor in reader.unread:
        _declare(reader, node, tensor, fmt, low, high)
        return
    if tensor in reader.declared:
        declared = reader.inputs[reader.places[tensor][0]]
        if (declared.format, declared.lo[0], declared.hi[0]) != (fmt, low, high):
            raise reader.refuse(node, f"quantises {tensor} a second time, in another format")
        reader.known(node.output[0], *reader.places[tensor])
        return
    if tensor in reader.pending:
        step, rounded = 2.0**-fmt.fraction, np.floor if rounding == "floor" else np.rint

        def levels(values: NDArray[Any]) -> NDArray[Any]:
            whole: NDArray[Any] = rounded(values / values.dtype.type(step))
            return np.asarray(np.clip(whole, low, high))

        pending.settle(reader, node, reader.pending[tensor], levels, fmt)
        return
    edge, order = reader.place_of(node, tensor)
    name = reader.name("quant")
    whole = (low, high) == (fmt.min_int, fmt.max_int)
    narrow = fmt.signed and (low, high) == (fmt.min_int + 1, fmt.max_int)
    exact = Quantise(
        name=name,
        inputs=(edge,),
        output=name,
        format=fmt,
        narrow=narrow,
        rounding=rounding,
        clip=None if whole or narrow else (low, high),
    )
    reader.add(node, exact, order)


def _declare(
    reader: Reader, node: onnx.NodeProto, tensor: str, fmt: Format, low: int, high: int
) -> None:
    """The quantiser of a graph input says which grid the input lies on."""
    shape = reader.unread.pop(tensor)
    edge = Edge(shape, fmt, np.full(shape[-1], low, np.int64), np.full(shape[-1], high, np.int64))
    reader.declare(tensor, edge)
    reader.declared.add(tensor)
    reader.known(node.output[0], *reader.places[tensor])


def _constant(reader: Reader, node: onnx.NodeProto, index: int) -> NDArray[Any]:
    name = node.input[index]
    if name not in reader.constants:
        raise reader.refuse(node, f"input {name} is computed; quantisers need constant parameters")
    value = reader.constants[name]
    if not value.size:
        raise reader.refuse(node, f"input {name} is empty")
    return value
