"""The model of io_parallel projects: intervals, paths, and one copy of the arithmetic per pixel."""

from __future__ import annotations

import chains
import numpy as np
import pytest

from trigforge.hls.backends.estimate import Estimate
from trigforge.hls.backends.operators import arithmetic
from trigforge.hls.backends.parallel import WIRES, cost_of, estimate_parallel, timing
from trigforge.hls.devices import device
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Add, Conv, Crop, Dense, Flatten, Mul, Total
from trigforge.hls.passes import lower
from trigforge.hls.reports.observations import strongest

VU9P = device("xcvu9p")


def value(found: Estimate, quantity: str) -> float:
    observation = strongest(found.observations, quantity)
    assert observation is not None and observation.provenance == "estimated"
    return observation.value


def network(rng: np.random.Generator) -> Graph:
    """Two dense layers and the squared length of the second."""
    c = chains.Chain()
    for name, source, shape in (("a", "x", (16, 8)), ("b", "q", (8, 4))):
        c(
            Dense, name, source, weight=rng.integers(-15, 16, shape),
            bias=rng.integers(-9, 9, shape[1]), weight_fraction=4, bias_fraction=7,
        )  # fmt: skip
        c.quantise("q" if name == "a" else "z", name, Format(6, 3, True))
    c(Mul, "square", "z", "z")
    c(Total, "score", "square")
    x = Edge.full((16,), Format(6, 3, True))
    return Graph.build("network", {"x": x}, c.nodes, ["score"])


def test_dense_layers_without_reuse_take_an_event_per_clock() -> None:
    graph = network(np.random.default_rng(1))
    found = estimate_parallel(graph, {}, VU9P)
    assert value(found, "ii_cycles") == 1
    # 1 + log2(16) / 2, quantise, 1 + ceil(log2(8) / 2), quantise, square, log2(4) / 2
    assert value(found, "latency_cycles") == 3 + 1 + 3 + 1 + 2 + 1
    assert [layer.name for layer in found.layers] == ["a", "q", "b", "z", "square", "score"]
    assert all(layer.fifo_depths == () for layer in found.layers)
    shared = estimate_parallel(graph, {"a": 4}, VU9P)
    assert value(shared, "ii_cycles") == 4 + 1
    assert value(shared, "latency_cycles") == value(found, "latency_cycles") + 3
    assert shared.slowest == "a"


def test_a_convolution_works_on_one_window_after_another() -> None:
    x = Edge.full((5, 8, 2), Format(6, 3, True))
    conv = Conv(
        name="c", inputs=("x",), output="c", weight=np.ones((3, 3, 2, 4), np.int64),
        bias=np.ones(4, np.int64), weight_fraction=0, bias_fraction=0,
    )  # fmt: skip
    graph = Graph.build("g", {"x": x}, [conv], ["c"])
    assert timing(graph, conv, 1).interval == 3 * 6
    assert timing(graph, conv, 9).interval == 3 * 6 * 9
    assert value(estimate_parallel(graph, {}, VU9P), "ii_cycles") == 3 * 6 + 1


@pytest.mark.parametrize("pixels", [(1, 2), (5, 7)])
def test_arithmetic_is_paid_per_pixel_and_wires_are_free(pixels: tuple[int, int]) -> None:
    x = Edge.full((*pixels, 3), Format(6, 3, True))
    add = Add(name="a", inputs=("x", "x"), output="a")
    crop = Crop(name="k", inputs=("a",), output="k", top=0, left=0, height=1, width=1)
    flat = Flatten(name="f", inputs=("k",), output="f")
    graph = Graph.build("g", {"x": x}, [add, crop, flat], ["f"])
    one = arithmetic(add, (x, x), graph.edges["a"])
    assert one.lut == 3 * 7
    assert cost_of(graph, add, 1, dataflow=False).lut == pixels[0] * pixels[1] * one.lut
    for node in (crop, flat):
        assert isinstance(node, WIRES)
        assert cost_of(graph, node, 1, dataflow=True).lut == 0
    assert [layer.name for layer in estimate_parallel(graph, {}, VU9P).layers] == ["a"]


def test_every_operation_is_estimated() -> None:
    graph = lower(chains.every_operation(np.random.default_rng(10)))
    found = estimate_parallel(graph, {}, VU9P)
    rows = {layer.name for layer in found.layers}
    assert rows == {node.name for node in graph.nodes if not isinstance(node, WIRES)}
    free = [layer.name for layer in found.layers if layer.lut == 0]
    assert free == ["fused", "v"]
    assert value(found, "lut") > sum(layer.lut or 0 for layer in found.layers) - len(rows)
    assert value(found, "bram_18k") == 0
