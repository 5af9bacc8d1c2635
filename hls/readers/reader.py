"""What reading a QONNX file keeps in mind: constants, grids, edges and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from trigforge.hls.graph import Edge, Ints, Node, typed
from trigforge.train.errors import UnsupportedError

# Finest grid for slopes; a slope needs this many bits or it is refused rather than rounded.
SLOPE_FRACTION = 12


@dataclass(frozen=True)
class Tensor:
    """Where an edge of the exact graph lives in the ONNX file.

    Attributes:
        name: of the ONNX tensor.
        order: axes of the ONNX tensor as letters, ``BCHW``, ``BHWC`` or ``BC``; the exact graph's
            edge has the order ``BHWC`` or ``BC``.
    """

    name: str
    order: str


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
    # ONNX tensor -> pads of minus infinity that the next max-pool takes over
    frames: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def refuse(self, node: onnx.NodeProto, reason: str) -> UnsupportedError:
        """The error for a node that cannot be exact."""
        return UnsupportedError(f"{self.path}: node {node.name or node.output[0]}: {reason}")

    def name(self, kind: str) -> str:
        """``conv1``, ``conv2`` and so on; the first dense layer and flattening have no number."""
        self.counts[kind] = count = self.counts.get(kind, 0) + 1
        return kind if count == 1 and kind in ("dense", "flatten") else f"{kind}{count}"

    def place(self, node: onnx.NodeProto, index: int = 0) -> tuple[str, str]:
        """Edge and axis order of a node's input."""
        name = node.input[index]
        if name in self.frames:
            raise self.refuse(node, "reads an image framed with minus infinity; only MaxPool may")
        if name not in self.places:
            raise self.refuse(
                node,
                f"reads {name}, which is not on a grid; put a Quant node on every input",
            )
        return self.places[name]

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
        if name not in self.fractions:
            raise self.refuse(
                node, f"{name} is floating point; quantise it with a power-of-two scale"
            )
        fraction = self.fractions[name]
        scaled = self.constants[name].astype(np.float64) * 2.0**fraction
        return np.rint(scaled).astype(np.int64), fraction


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
