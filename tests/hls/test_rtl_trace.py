"""RTL before it is Verilog: da4ml's interpreter of the traced graph against the emulator."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from networks_rtl import every_operation, image_network, mlp, scored
from samples import SAMPLES, random_values

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import Dense, Mul, Quantise
from trigforge.hls.rtl import delays
from trigforge.hls.rtl.blocks import Bundle, Design, build
from trigforge.hls.rtl.netlist import INPUT, RELU, SELECT, SLICE, TABLE
from trigforge.hls.rtl.trace import REFUSED, TRACE
from trigforge.train.errors import UnsupportedError

pytest.importorskip("da4ml", reason="the extra 'rtl' is not installed")

PERIOD_NS = 4.167
TRACED = [op for op in SAMPLES if op in TRACE]


def cuts(design: Design) -> list[str]:
    return list(dict.fromkeys(name for block in design.blocks for name in block.outputs.edges))


def check(graph: Graph, x: np.ndarray, period_ns: float = PERIOD_NS) -> Design:
    """The interpreter gives the emulator's integers on every cut."""
    design = build(graph, period_ns)
    expected = Emulator(graph, cuts(design)).run(x)
    found = design.run(x)
    for name in cuts(design):
        assert np.array_equal(found[name], expected[name]), name
    return design


@pytest.mark.parametrize("op", TRACED, ids=lambda op: op.op)
def test_every_operation_equals_the_emulator(op: type[Node]) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        graph = SAMPLES[op](rng)
        check(graph, random_values(rng, graph.edges["x"], 50))


def test_every_operation_is_traced_or_refused() -> None:
    assert {op.op for op in SAMPLES if op not in TRACE} == set(REFUSED)


@pytest.mark.parametrize("network", [mlp, scored, image_network, every_operation])
def test_networks_equal_the_emulator_on_every_cut(network, rng: np.random.Generator) -> None:  # type: ignore[no-untyped-def]
    graph = network(rng)
    design = check(graph, random_values(rng, graph.edges["x"], 300))
    assert len(design.blocks) > 1


def test_the_simulated_networks_have_every_kind_of_operation(rng: np.random.Generator) -> None:
    """What Verilator runs covers what da4ml can emit, negations included."""
    seen = {
        (operation.code, operation.negated)
        for network in (scored, every_operation)
        for block in build(network(rng), PERIOD_NS).blocks
        for operation in block.netlist.operations
    }
    assert {code for code, _ in seen} == set(range(INPUT, TABLE + 1))
    assert {code for code, negated in seen if negated} == {RELU, SLICE, SELECT}


def test_a_faster_clock_takes_more_stages_of_fewer_levels(rng: np.random.Generator) -> None:
    graph = mlp(rng)
    x = random_values(rng, graph.edges["x"], 20)
    slow, fast = check(graph, x, 20.0), check(graph, x, 1.5)
    assert fast.latency_cycles > slow.latency_cycles
    for design, period_ns in ((slow, 20.0), (fast, 1.5)):
        limit = 1000 * period_ns - delays.REGISTER
        assert all(d <= limit for b in design.blocks for d in b.schedule.delays_ps)
    deepest = [max(max(b.schedule.levels) for b in d.blocks) for d in (slow, fast)]
    assert deepest[1] < deepest[0]


def test_wide_matrices_are_solved_in_blocks(rng: np.random.Generator) -> None:
    graph = mlp(rng, (120, 40), weight_bits=2, density=0.3)
    check(graph, random_values(rng, graph.edges["x"], 40))


def test_what_has_no_hardware_is_refused_by_name() -> None:
    graph = SAMPLES[next(op for op in SAMPLES if op.op == "sphere")](np.random.default_rng(1))
    with pytest.raises(
        UnsupportedError, match=r"node y \(sphere\): has no RTL; export the latents"
    ):
        build(graph, PERIOD_NS)


def test_what_is_too_large_to_unroll_is_refused_with_a_number(rng: np.random.Generator) -> None:
    weight = np.ones((400, 200), np.int64)
    node = Dense(
        name="wide",
        inputs=("x",),
        output="y",
        weight=weight,
        bias=np.zeros(200, np.int64),
        weight_fraction=0,
        bias_fraction=0,
    )
    graph = Graph.build("wide", {"x": Edge.full((400,), Format(4, 4, True))}, [node], ["y"])
    with pytest.raises(UnsupportedError, match=r"80000 products .* node wide"):
        build(graph, PERIOD_NS)


def test_an_operation_longer_than_the_clock_is_refused() -> None:
    x = Edge.full((4,), Format(24, 24, True))
    half = Quantise(name="half", inputs=("x",), output="half", format=Format(20, 22, True))
    node = Mul(name="product", inputs=("x", "half"), output="y")
    with pytest.raises(UnsupportedError, match=r"product: one operation takes .* quantise its"):
        build(Graph.build("long", {"x": x}, [half, node], ["y"]), 1.0)


def test_rounding_of_wide_drops_keeps_the_sign() -> None:
    """Dropping more bits than there are leaves -1 or 0."""
    x = Edge.full((3,), Format(3, 3, True))
    node = Quantise(name="y", inputs=("x",), output="y", format=Format(4, 9, True))
    graph = Graph.build("wide", {"x": x}, [node], ["y"])
    values = np.array([[-4, -1, 3], [0, 1, 2]])
    design = check(graph, values)
    assert design.run(values)["y"].tolist() == [[-1, -1, 0], [0, 0, 0]]


def test_bundles_pack_the_first_element_lowest() -> None:
    edges = {"a": Edge.full((2,), Format(3, 3, True)), "b": Edge.full((1,), Format(5, 1, False))}
    bundle = Bundle(edges)
    assert bundle.width == 11
    assert bundle.elements() == [(0, 3, True), (3, 3, True), (6, 5, False)]
    assert (bundle.offset("a"), bundle.offset("b")) == (0, 6)


def test_the_delay_model_is_the_routed_path(shared: Path) -> None:
    """Constants are means over the path of 53 levels, which they add up to again."""
    report = shared / "fixtures/reports/vitis_hls_2024.1_xcvu9p/timing_summary_routed.rpt"
    text = report.read_text().split("Max Delay Paths")[1].split("Slack (MET)")[1]
    assert "Data Path Delay:        18.972ns" in text
    nets = [float(n) for n in re.findall(r"net \(fo=\d+, \w+\) +([\d.]+)", text)]
    cells = re.findall(r"(CARRY8|LUT\d) \(Prop_\w+?_SLICE\w_(\S+)\)\s+([\d.]+)", text)
    far = [n for n in nets if n > 0.06]
    near = [n for n in nets if n <= 0.06]
    luts = [float(t) for kind, _, t in cells if kind != "CARRY8"]
    enters = [float(t) for kind, pin, t in cells if kind == "CARRY8" and "CI_" not in pin]
    goes_on = [float(t) for kind, pin, t in cells if kind == "CARRY8" and "CI_" in pin]
    assert (len(luts), len(enters), len(goes_on), len(far)) == (30, 17, 6, 33)
    for constant, values in (
        (delays.NET, far),
        (delays.LUT, luts),
        (delays.CARRY, enters),
        (delays.CHAIN, goes_on),
        (delays.LOCAL, near),
    ):
        assert abs(constant - 1000 * float(np.mean(values))) < 1
    model = 33 * delays.NET + 30 * delays.LUT + 17 * delays.CARRY + 6 * delays.CHAIN
    assert abs(model + len(near) * delays.LOCAL - 18972) < 100


def test_squares_beyond_a_table_entry_are_multiplied() -> None:
    """A narrow range far from zero: da4ml's tables carry 32 bits."""
    x = Edge(
        (1,), Format(18, 18, False), np.array([200_000], np.int64), np.array([200_100], np.int64)
    )
    graph = Graph.build(
        "square", {"x": x}, [Mul(name="square", inputs=("x", "x"), output="y")], ["y"]
    )
    check(graph, np.array([[200_000], [200_077], [200_100]]), 10.0)


def test_weights_that_the_solver_cannot_carry_are_refused() -> None:
    node = Dense(
        name="y",
        inputs=("x",),
        output="y",
        weight=np.array([[(1 << 24) + 1]]),
        bias=np.zeros(1, np.int64),
        weight_fraction=0,
        bias_fraction=0,
    )
    graph = Graph.build("heavy", {"x": Edge.full((1,), Format(3, 3, True))}, [node], ["y"])
    with pytest.raises(UnsupportedError, match="16777217 steps: RTL carries 24 bits"):
        build(graph, PERIOD_NS)
