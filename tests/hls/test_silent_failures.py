"""Stock hls4ml 1.3.0 is silently wrong in four places; our vectors tell its answers from ours.

Each mistake is put into numbers here and must differ from the emulator on the vectors that the
comparison with C-simulation uses. No project contains the stock layers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chains
import numpy as np
import pytest
from cases import cases, vectors

from trigforge.hls.backends.hls4ml_project import layer_list
from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Lookup
from trigforge.hls.tables import tabulate

COUNT, SEED = 12, 7
Wrong = Callable[[Graph, Any], Any]


def resize_with_swapped_sides(graph: Graph, x: Any) -> Any:
    """Rows and columns exchanged: right for square images alone."""
    (source,), target = graph.inputs.values(), graph.edges[graph.outputs[0]]
    swapped = x.reshape(len(x), source.shape[1], source.shape[0], source.shape[2])
    return swapped.repeat(2, axis=1).repeat(2, axis=2).reshape(len(x), *target.shape)


def pooling_of_the_last_pixel(graph: Graph, x: Any) -> Any:
    """A global pool that starts again at every pixel."""
    y = x[:, -1, -1]
    return y if graph.edges[graph.outputs[0]].shape[0] > 1 else y.sum(-1, keepdims=True)


def difference_in_the_input_type(graph: Graph, x: Any) -> Any:
    """A score's subtraction that wraps in the width of its first operand."""
    y = Emulator(graph).run(x)[graph.outputs[0]]
    width = graph.node_inputs(graph.nodes[-1])[0].format.width
    return (y + 2 ** (width - 1)) % 2**width - 2 ** (width - 1)


@pytest.mark.parametrize(
    ("op", "wrong"),
    [
        ("nearest", resize_with_swapped_sides),
        ("total", pooling_of_the_last_pixel),
        ("sub", difference_in_the_input_type),
    ],
)
def test_the_vectors_catch_the_mistake_in_every_case(op: str, wrong: Wrong) -> None:
    graphs = {name: g for name, g in cases(5, SEED).items() if name.rstrip("0123456789") == op}
    x = vectors(graphs, COUNT, SEED)
    assert len(graphs) == 5
    for name, graph in graphs.items():
        right = Emulator(graph).run(x[name])[graph.outputs[0]]
        mistaken = wrong(graph, x[name])
        assert mistaken.shape == right.shape
        assert not np.array_equal(mistaken, right), name


def test_the_vectors_catch_a_coarse_sigmoid_table() -> None:
    """1,024 entries over [-8, 8), as in the stock table, miss the nearest integer."""
    inputs, outputs = Format(12, 5, True), Format(8, 0, False)
    table = tabulate("sigmoid", inputs, outputs)
    node = Lookup(name="s", inputs=("x",), output="y", **table.parameters())
    graph = Graph.build("g", {"x": Edge.full((4096,), inputs)}, [node], ["y"])
    x = np.arange(inputs.min_int, inputs.max_int + 1)[None]
    right = Emulator(graph).run(x)["y"]
    steps = np.floor(np.clip(x * 2.0**-inputs.fraction * 64, -512, 511)) / 64
    stock = np.floor(2.0**outputs.fraction / (1 + np.exp(-steps)))
    assert 0.01 < (stock != right).mean() < 1


def test_no_project_contains_the_stock_layers() -> None:
    graph = chains.every_operation(np.random.default_rng(10))
    kinds = {layer["class_name"] for layer in layer_list(graph).layers}
    assert {"Nearest", "Bilinear", "Total", "Lookup", "Sub"} <= {
        type(node).__name__ for node in graph.nodes
    }
    stock = {"Resize", "GlobalPooling2D", "Activation", "Merge"}
    assert not kinds & stock
    assert kinds <= {"InputLayer", "ZeroPadding2D", "Conv2D", "Dense", "LeakyReLU"} | {
        "Concatenate", "Reshape", "OwnFunction",
    }  # fmt: skip
