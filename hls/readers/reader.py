"""What reading a QONNX file keeps in mind: constants, grids, edges and where they came from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from trigforge.hls.graph import Edge, Ints, Node, typed
from trigforge.hls.readers.orders import to_edge
from trigforge.train.errors import UnsupportedError

# Finest grid for slopes; a slope needs this many bits or it is refused rather than rounded.
SLOPE_FRACTION = 12
# Words of C++ that an input may be called.
CPP_WORDS = frozenset(
    (
        "auto",
        "bool",
        "char",
        "class",
        "const",
        "default",
        "double",
        "float",
        "int",
        "long",
        "new",
        "short",
        "signed",
        "template",
        "this",
        "union",
        "unsigned",
        "void",
    )
)
# Constants without a quantiser lie on a grid when it needs no more bits than this.
RAW_BITS = 16


@dataclass(frozen=True)
class Tensor:
    """Where an edge of the exact graph lives in the ONNX file.

    Attributes:
        name: of the ONNX tensor.
        order: axes of the ONNX tensor, see :mod:`~trigforge.hls.readers.orders`; the exact graph's
            edge has the order ``BHWC`` or ``BC``.
    """

    name: str
    order: str

    def to_edge(self, values: NDArray[Any]) -> NDArray[Any]:
        """A batch of the tensor's values, (N, ...), laid out as the edge."""
        return to_edge(values, self.order)


@dataclass(frozen=True)
class Frame:
    """Pads that the next layer takes over.

    Attributes:
        pads: (top, left, bottom, right).
        zeros: filled with zeros, for a convolution; else with minus infinity, for a max-pool.
    """

    pads: tuple[int, int, int, int]
    zeros: bool


@dataclass(frozen=True)
class Codes:
    """Integers between QuantizeLinear and DequantizeLinear.

    Attributes:
        tensor: what is quantised.
        scale: of one step.
        zero: integer that stands for zero.
        low: smallest integer; ``high`` the largest.
    """

    tensor: str
    scale: float
    zero: int
    low: int
    high: int


@dataclass
class Reader:
    """The exact graph under construction and what is known about the ONNX tensors so far."""

    path: Path
    constants: dict[str, NDArray[Any]]
    # fractions of constants that came out of a quantiser
    fractions: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, Edge] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    # ONNX tensor -> (edge, order of axes)
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    frames: dict[str, Frame] = field(default_factory=dict)
    codes: dict[str, Codes] = field(default_factory=dict)
    # ONNX tensor -> its function of an edge, see readers/pending.py
    pending: dict[str, Any] = field(default_factory=dict)
    # graph inputs whose grid is not known yet -> their shape without the batch axis
    unread: dict[str, tuple[int, ...]] = field(default_factory=dict)
    # graph inputs whose grid a quantiser stated
    declared: set[str] = field(default_factory=set)
    # what a person should know: sizes and errors of tables, ties
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def refuse(self, node: onnx.NodeProto, reason: str) -> UnsupportedError:
        """The error for a node that cannot be exact."""
        return UnsupportedError(f"{self.path}: node {node.name or node.output[0]}: {reason}")

    def name(self, kind: str) -> str:
        """``conv1``, ``conv2`` and so on; the first dense layer and flattening have no number."""
        self.counts[kind] = count = self.counts.get(kind, 0) + 1
        name = kind if count == 1 and kind in ("dense", "flatten") else f"{kind}{count}"
        return name if name not in self.inputs else self.name(kind)

    def place(self, node: onnx.NodeProto, index: int = 0) -> tuple[str, str]:
        """Edge and axis order of a node's input."""
        return self.place_of(node, node.input[index])

    def place_of(self, node: onnx.NodeProto, name: str) -> tuple[str, str]:
        """Edge and axis order of a tensor that a node reads."""
        if name in self.frames:
            fill, layer = (
                ("zeros", "Conv") if self.frames[name].zeros else ("minus infinity", "MaxPool")
            )
            raise self.refuse(node, f"reads an image framed with {fill}; only {layer} may")
        if name in self.pending:
            raise self.unsettled(name)
        if name in self.codes:
            raise self.refuse(node, f"computes with the integers {name}; dequantise them first")
        if name in self.unread:
            raise self.refuse(
                node,
                f"reads the input {name}, whose grid is not known; put a quantiser on it or state "
                "its format, as in --input 'fixed<8,1>'",
            )
        if name not in self.places:
            raise self.refuse(
                node,
                f"reads {name}, which is not on a grid; put a Quant node on every input",
            )
        return self.places[name]

    def unsettled(self, tensor: str) -> UnsupportedError:
        """The error for a floating-point function without a quantiser right behind it."""
        pending = self.pending[tensor]
        return self.refuse(
            pending.node,
            f"{pending.reason}, or put a quantiser right behind it, or cut the graph in front of "
            f"it with --output {pending.tensor}",
        )

    def add(self, node: onnx.NodeProto, exact: Node, order: str) -> None:
        """Append a node of the exact graph."""
        self.insert(exact)
        self.known(node.output[0], exact.output, order)

    def insert(self, exact: Node) -> None:
        """Append a node of the exact graph that stands for no ONNX tensor of its own."""
        self.nodes.append(exact)
        self.edges[exact.output] = typed(exact, self.edges)

    def known(self, tensor: str, edge: str, order: str) -> None:
        """Remember where an ONNX tensor went."""
        self.places[tensor] = (edge, order)
        self.tensors.setdefault(edge, Tensor(tensor, order))

    def declare(self, tensor: str, edge: Edge) -> None:
        """Make a graph input an edge, under a name that C++ takes."""
        name = identifier(tensor)
        self.inputs[name] = self.edges[name] = edge
        self.known(tensor, name, "BCHW" if len(edge.shape) == 3 else "BC")

    def limits(self, node: onnx.NodeProto) -> tuple[float | None, float | None]:
        """Lower and upper limit of a Clip node, as inputs or, before opset 11, as attributes."""
        settings = attributes(node)
        found = [settings.get("min"), settings.get("max")]
        for index, name in enumerate(node.input[1:3]):
            if name:
                if name not in self.constants or self.constants[name].size != 1:
                    raise self.refuse(node, f"limit {name} is computed; it must be one constant")
                found[index] = float(self.constants[name].flat[0])
        return found[0], found[1]

    def sizes(self, node: onnx.NodeProto, index: int, name: str) -> list[int]:
        """Whole numbers that newer opsets give as an input and older ones as an attribute."""
        given = attributes(node).get(name)
        return [int(v) for v in given] if given is not None else self.numbers(node, index)

    def numbers(self, node: onnx.NodeProto, index: int) -> list[int]:
        """A constant input that says sizes or positions; empty where the input is left out."""
        if index >= len(node.input) or not node.input[index]:
            return []
        name = node.input[index]
        if name not in self.constants:
            raise self.refuse(node, f"input {name} is computed; export it as a constant")
        return [int(v) for v in self.constants[name].ravel()]

    def integers(self, node: onnx.NodeProto, index: int) -> tuple[Ints, int]:
        """Integers and grid of a constant input."""
        name = node.input[index]
        if name not in self.constants:
            raise self.refuse(node, f"input {name} is computed; weights must be constants")
        found = self.grid(name)
        if found is None:
            raise self.refuse(
                node, f"{name} is floating point; quantise it with a power-of-two scale"
            )
        return found

    def grid(self, name: str) -> tuple[Ints, int] | None:
        """Integers and grid of a constant; ``None`` where it is plain floating point.

        A constant that no quantiser made is on the coarsest grid that holds it, if that takes at
        most :data:`RAW_BITS` bits: weights that were quantised before they were written, factors
        of two.
        """
        values = self.constants[name].astype(np.float64)
        if name in self.fractions:
            fraction = self.fractions[name]
            return np.rint(values * 2.0**fraction).astype(np.int64), fraction
        largest = float(np.abs(values).max(initial=0))
        if not np.isfinite(largest):
            return None
        finest = RAW_BITS - 1 - int(np.ceil(np.log2(largest))) if largest else 0
        scaled = values * 2.0**finest
        integers = np.rint(scaled).astype(np.int64)
        if not np.array_equal(integers, scaled):
            return None
        return coarsest(integers, finest)


def identifier(tensor: str) -> str:
    """The tensor's name if C++ can call a stream so, else one made of its letters and digits."""
    plain = re.sub(r"\W", "_", tensor, flags=re.ASCII)
    taken = plain != tensor or tensor[0].isdigit() or tensor in CPP_WORDS
    return f"input_{plain}" if taken else tensor


def coarsest(integers: Ints, fraction: int) -> tuple[Ints, int]:
    """The same values on the coarsest grid that holds them all."""
    while np.any(integers) and not np.any(integers % 2):
        integers, fraction = integers // 2, fraction - 1
    return integers, fraction if np.any(integers) else 0


def slope_integers(reader: Reader, node: onnx.NodeProto, slopes: NDArray[Any]) -> tuple[Ints, int]:
    """Slopes as integers on the coarsest grid that holds them all.

    Raises:
        UnsupportedError: a slope that is not a multiple of 2^-12.
    """
    scaled = slopes.astype(np.float64) * 2**SLOPE_FRACTION
    integers = scaled.astype(np.int64)
    if not np.array_equal(integers, scaled):
        off = slopes[integers != scaled].flat[0]
        raise reader.refuse(
            node,
            f"has the slope {off:.6g}, which is not a multiple of 2^-{SLOPE_FRACTION}; "
            "train with a slope such as 0.25 or 0.1875",
        )
    fraction = SLOPE_FRACTION
    while fraction and not np.any(integers % 2):
        integers, fraction = integers // 2, fraction - 1
    return integers, fraction


def scale_fraction(reader: Reader, node: onnx.NodeProto, scale: NDArray[Any]) -> int:
    """Fraction bits of the finest of power-of-two scales.

    Raises:
        UnsupportedError: a scale that is no power of two.
    """
    values = scale.astype(np.float64).ravel()
    mantissas, exponents = np.frexp(values)
    if not values.size or np.any(mantissas != 0.5):
        wrong = values[mantissas != 0.5][0] if values.size else float("nan")
        raise reader.refuse(
            node,
            f"has the scale {wrong:.6g}, which is not a power of two; train with power-of-two "
            "scales (fixed-point quantisers)",
        )
    return 1 - int(exponents.min())


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Attributes by name."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def pair(values: Any) -> tuple[int, int]:
    """Two whole numbers."""
    first, second = values
    return int(first), int(second)


def frame(values: Any) -> tuple[int, int, int, int]:
    """(top, left, bottom, right)."""
    top, left, bottom, right = values
    return int(top), int(left), int(bottom), int(right)
