"""The hardware model against published reports, a step-by-step simulation, and closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigforge.hls.backends import area
from trigforge.hls.backends.estimate import Estimate, estimate, propose_reuse, scaled
from trigforge.hls.backends.fifos import image_depths
from trigforge.hls.backends.processes import processes
from trigforge.hls.backends.reuse import by_stage, resolve_reuse, valid_factors
from trigforge.hls.backends.schedule import schedule
from trigforge.hls.budget import load_budget
from trigforge.hls.devices import device
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Node
from trigforge.hls.ops import (
    Concat,
    Conv,
    Dense,
    Flatten,
    LeakyRelu,
    MaxPool,
    Quantise,
)
from trigforge.hls.recipe import load_recipe
from trigforge.hls.reports.observations import strongest
from trigforge.train.errors import InputError, UnsupportedError

RECIPES = Path(__file__).resolve().parents[2] / "firmware_projects"
U250 = device("xcu250")


def ints(shape: tuple[int, ...], bits: int, density: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    top = 2 ** (bits - 1) - 1
    return rng.integers(-top, top + 1, shape) * (rng.random(shape) < density)


def conv(
    name: str,
    source: str,
    channels: tuple[int, int],
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    bits: int = 6,
    density: float = 1.0,
) -> Conv:
    return Conv(
        name=name,
        inputs=(source,),
        output=name,
        weight=ints((3, 3, *channels), bits, density, len(name) + channels[1]),
        bias=np.ones(channels[1], np.int64),
        weight_fraction=bits - 1,
        bias_fraction=bits - 1,
        pads=pads,
    )


def dense(name: str, source: str, inputs: int, outputs: int, bits: int, density: float) -> Dense:
    return Dense(
        name=name,
        inputs=(source,),
        output=name,
        weight=ints((inputs, outputs), bits, density, inputs),
        bias=np.ones(outputs, np.int64),
        weight_fraction=bits - 1,
        bias_fraction=bits - 1,
    )


def activation(name: str, source: str, slope: int, fraction: int, fmt: Format) -> list[Node]:
    leaky = LeakyRelu(
        name=name, inputs=(source,), output=f"{name}:x", slope=slope, slope_fraction=fraction
    )
    return [
        leaky,
        Quantise(name=f"{name}_quant", inputs=(f"{name}:x",), output=name, format=fmt),
    ]


def pool(name: str, source: str, size: int, stride: int, pads: tuple[int, ...] = (0,) * 4) -> Node:
    return MaxPool(
        name=name,
        inputs=(source,),
        output=name,
        kernel=(size, size),
        strides=(stride, stride),
        pads=(pads[0], pads[1], pads[2], pads[3]),
    )


def svhn() -> Graph:
    """The SVHN network of arXiv:2101.05108 without softmax: 50 % pruned, 6 bit, reuse 1."""
    relu = Format(6, 0, False)
    nodes: list[Node] = []
    source, channels = "image", 3
    for index, filters in enumerate((16, 16, 24), 1):
        nodes.append(conv(f"conv{index}", source, (channels, filters), density=0.5))
        nodes += activation(f"relu{index}", f"conv{index}", 0, 0, relu)
        nodes.append(pool(f"pool{index}", f"relu{index}", 2, 2))
        source, channels = f"pool{index}", filters
    nodes.append(Flatten(name="flat", inputs=(source,), output="flat"))
    nodes.append(dense("dense1", "flat", 96, 42, 6, 0.5))
    nodes += activation("relu4", "dense1", 0, 0, relu)
    nodes.append(dense("dense2", "relu4", 42, 64, 6, 0.5))
    nodes += activation("relu5", "dense2", 0, 0, relu)
    nodes.append(dense("dense3", "relu5", 64, 10, 6, 0.5))
    image = Edge.full((32, 32, 3), Format(16, 6, True))
    return Graph.build("svhn", {"image": image}, nodes, ["dense3"])


def mask_encoder(towers: int = 2, divisor: int = 1) -> Graph:
    """The geometry of codae_mask_encoder: 72 x 58 mask, two towers, dense 5120 -> 2."""
    nodes: list[Node] = []
    ends = []
    for tower in range(towers):
        source, channels, size = "mask", 1, (72, 58)
        for index, filters in enumerate((32, 64, 64, 128), 1):
            name = f"conv{index}_g{tower}"
            nodes.append(conv(name, source, (channels, filters // divisor), (1, 1, 1, 1), 8))
            nodes += activation(f"act{index}_g{tower}", name, 1, 2, Format(10, 4, True))
            before = (size[0] % 2, size[1] % 2)
            nodes.append(
                pool(f"pool{index}_g{tower}", f"act{index}_g{tower}", 3, 2, (*before, 1, 1))
            )
            size = ((size[0] + 1) // 2, (size[1] + 1) // 2)
            source, channels = f"pool{index}_g{tower}", filters // divisor
        ends.append(source)
    nodes.append(Concat(name="join", inputs=tuple(ends), output="join"))
    nodes.append(Flatten(name="flat", inputs=("join",), output="flat"))
    inputs = size[0] * size[1] * channels * towers
    nodes.append(dense("dense", "flat", inputs, 2, 8, 1.0))
    mask = Edge.full((72, 58, 1), Format(1, 1, False))
    return Graph.build("mask_encoder", {"mask": mask}, nodes, ["dense"])


def value(found: Estimate, quantity: str) -> float:
    observation = strongest(found.observations, quantity)
    assert observation is not None
    return observation.value


def published_svhn() -> Estimate:
    """As in the published design, FIFOs hold whole images."""
    return estimate(svhn(), {}, U250, image_depths(schedule(svhn(), {})))


def test_svhn_cycles_match_the_published_c_synthesis() -> None:
    """Vivado HLS 2020.1 on xcu250: 1,044 cycles, II 1,028, and each layer as listed."""
    found = estimate(svhn(), {}, U250)
    assert value(found, "ii_cycles") == 1028
    assert value(found, "latency_cycles") == pytest.approx(1044, rel=0.01)
    assert found.slowest == "conv1"
    reported = {
        "conv1": 1027,
        "conv2": 229,
        "conv3": 40,
        "relu1": 902,
        "relu2": 171,
        "relu3": 18,
        "pool1": 903,
        "pool2": 172,
        "pool3": 19,
        "dense1": 7,
        "dense2": 3,
        "dense3": 2,
    }
    ours = {layer.name: layer.latency_cycles for layer in found.layers}
    for name, cycles in reported.items():
        assert abs((ours[name] or 0) - cycles) <= 2, name


def test_svhn_area_is_of_the_size_of_the_published_c_synthesis() -> None:
    """C-synthesis 263,280 LUT and 100 BRAM_18K; Vivado synthesis 118,931 LUT and 68."""
    found = published_svhn()
    assert 118_931 < value(found, "lut") < 1.3 * 263_280
    assert 68 * 0.8 < value(found, "bram_18k") < 100 * 1.3


def test_resource_strategy_cycles_match_the_published_c_synthesis() -> None:
    """Convolutions of an autoencoder, Vivado HLS 2019.2 on xc7z020, layer by layer.

    The tool quotes every pixel as if it completed a window; ours counts the windows, so that the
    report is the upper end.
    """
    for size, channels, filters, reuse, reported_max, reported_min in (
        (34, 1, 8, 9, 23_120, 4_624),
        (18, 8, 4, 72, 26_892, 1_296),
        (10, 4, 4, 36, 4_700, 400),
        (6, 4, 4, 36, 1_692, 144),
        (18, 4, 8, 36, 15_228, 1_296),
        (34, 8, 1, 72, 95_948, 4_624),
    ):
        edge = Edge.full((size, size, channels), Format(32, 16, True))
        graph = Graph.build("one", {"x": edge}, [conv("c", "x", (channels, filters))], ["c"])
        (process,) = schedule(graph, {"c": reuse}).processes
        windows, pixels = (size - 2) ** 2, size**2
        assert pixels * process.steps.service.max() == reported_max
        assert pixels * process.steps.service.min() == reported_min
        per_window = reported_max // pixels
        assert process.cycles == windows * per_window + (pixels - windows) * 4


def simulate(graph: Graph, reuse: dict[str, int]) -> tuple[int, int]:
    """Slow oracle: every process as a loop over its steps with queues of arrival times."""
    streams = {
        name: list(range(edge.shape[0] * edge.shape[1])) for name, edge in graph.inputs.items()
    }
    finished = 0
    for stage in processes(graph, reuse):
        queues = [list(streams[source]) for source in stage.sources]
        clock, written = 0, []
        for step in range(len(stage.steps.service)):
            if stage.steps.takes[step]:
                clock = max([clock, *(queue.pop(0) for queue in queues)])
            clock += int(stage.steps.service[step])
            if stage.steps.emits[step]:
                written.append(clock + stage.steps.depth)
        streams[stage.stream] = written
        finished = max(finished, clock + stage.steps.depth)
    return finished, written[-1]


@given(st.integers(5, 9), st.integers(5, 9), st.sampled_from([1, 3, 9]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_schedule_equals_the_simulation(height: int, width: int, reuse: int, two: bool) -> None:
    pads = (height % 2, width % 2, 1, 1)
    nodes: list[Node] = [conv("a", "x", (1, 2), (1, 1, 1, 1))]
    nodes += activation("act", "a", 1, 2, Format(8, 3, True))
    nodes.append(pool("p", "act", 3, 2, pads))
    last = "p"
    if two:
        nodes += [conv("b", "x", (1, 2), (1, 1, 1, 1)), pool("q", "b", 3, 2, pads)]
        nodes += activation("bq", "q", 1, 2, Format(8, 3, True))
        nodes.append(Concat(name="j", inputs=("p", "bq"), output="j"))
        last = "j"
    edge = Edge.full((height, width, 1), Format(4, 4, False))
    graph = Graph.build("g", {"x": edge}, nodes, [last])
    factors = {"a": reuse, "b": 1} if two else {"a": reuse}
    timing = schedule(graph, factors)
    assert (timing.latency_cycles, timing.result_cycles) == simulate(graph, factors)


def test_latency_is_a_fill_and_not_a_sum_of_passes() -> None:
    timing = schedule(svhn(), {})
    assert timing.latency_cycles < 1.05 * 1027
    assert sum(process.cycles for process in timing.processes) > 3 * 1027
    # the last row and column of the images are read, but no window needs them
    assert timing.result_cycles < timing.latency_cycles


def test_a_quantiser_of_its_own_takes_a_pass_and_an_unknown_node_is_refused() -> None:
    edge = Edge.full((4, 4, 1), Format(8, 3, True))
    alone = Quantise(name="q", inputs=("x",), output="q", format=Format(4, 2, True))
    graph = Graph.build("g", {"x": edge}, [alone], ["q"])
    assert [p.node for p in schedule(graph, {}).processes] == ["q"]
    grouped = Conv(
        name="g",
        inputs=("x",),
        output="g",
        weight=np.ones((3, 3, 1, 2), np.int64),
        bias=np.zeros(2, np.int64),
        weight_fraction=0,
        bias_fraction=0,
        groups=2,
    )
    wide = Edge.full((4, 4, 2), Format(8, 3, True))
    with pytest.raises(UnsupportedError, match=r"node g .*grouped"):
        schedule(Graph.build("g", {"x": wide}, [grouped], ["g"]), {})


def test_valid_factors_are_those_of_hls4ml() -> None:
    backend = pytest.importorskip("hls4ml.backends.fpga.fpga_backend").FPGABackend
    for inputs, outputs in ((9, 32), (288, 64), (72, 4), (640, 2), (25, 7)):
        theirs = [
            factor
            for factor in range(1, inputs * outputs + 1)
            if backend._validate_reuse_factor(None, inputs, outputs, factor)
        ]
        assert valid_factors(inputs, outputs) == theirs


def test_recipe_entries_name_layers_or_stages() -> None:
    graph = mask_encoder(divisor=16)
    found = resolve_reuse(graph, {"conv2": 2, "conv2_g1": 9})
    assert (found["conv2_g0"], found["conv2_g1"], found["conv1_g0"]) == (2, 9, 1)
    with pytest.raises(InputError, match=r"unknown layer 'cnv2'.*did you mean 'conv2'"):
        resolve_reuse(graph, {"cnv2": 2})
    with pytest.raises(InputError, match="unknown layer 'conv'"):
        resolve_reuse(graph, {"conv": 2})
    with pytest.raises(InputError, match=r"conv3_g0 is 7.*nearest that hls4ml builds is 6"):
        resolve_reuse(graph, {"conv3": 7})
    assert by_stage({"conv2_g0": 4, "conv2_g1": 4, "dense": 8}) == {"conv2": 4, "dense": 8}
    assert by_stage({"conv2_g0": 4, "conv2_g1": 8}) == {"conv2_g0": 4, "conv2_g1": 8}


def test_the_recipe_meets_the_budget_in_every_limit_with_a_margin() -> None:
    recipe, budget = load_recipe("codae_mask_encoder", RECIPES), load_budget("hlt")
    found = estimate(mask_encoder(), recipe.hls.reuse, U250)
    units = recipe.hls.compute_units
    assert value(found, "ii_cycles") / units < 0.9 * budget.ii_cycles
    assert value(found, "latency_cycles") * budget.clock_period_ns < 0.9 * budget.limits.latency_ns
    card = scaled(found.observations, units)
    for quantity, percent in budget.limits.percent().items():
        used = strongest(card, quantity)
        assert used is not None and used.available
        assert 100 * used.value / used.available < 0.9 * percent, quantity


def test_proposed_factors_meet_the_interval_and_are_cheapest() -> None:
    graph, target = mask_encoder(divisor=4), 22_500
    chosen = propose_reuse(graph, target, U250)
    assert schedule(graph, chosen).ii_cycles <= target
    cost = value(estimate(graph, chosen, U250), "lut")
    for name, factor in chosen.items():
        node = next(n for n in graph.nodes if n.name == name)
        assert isinstance(node, Conv | Dense)
        for other in valid_factors(int(np.prod(node.weight.shape[:-1])), node.weight.shape[-1]):
            tried = {**chosen, name: other}
            if other > factor and schedule(graph, tried).ii_cycles <= target:
                assert value(estimate(graph, tried, U250), "lut") > 0.95 * cost
    with pytest.raises(UnsupportedError, match="use more compute units"):
        propose_reuse(graph, 4000, U250)


def test_compute_units_multiply_resources_and_nothing_else() -> None:
    found = estimate(mask_encoder(divisor=16), {}, U250)
    card = scaled(found.observations, 3)
    for one, three in zip(found.observations, card, strict=True):
        assert three.value == one.value * (1 if one.quantity.endswith("cycles") else 3)


def test_the_documentation_quotes_the_model_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (RECIPES.parent / "docs" / "estimates.md").read_text()
    recipe = load_recipe("codae_mask_encoder", RECIPES)
    for found in (published_svhn(), estimate(mask_encoder(), recipe.hls.reuse, U250)):
        for quantity in ("latency_cycles", "ii_cycles", "lut", "ff", "bram_18k"):
            assert f"{value(found, quantity):,}" in text, quantity
    multipliers = sum(layer.multipliers or 0 for layer in found.layers if layer.reuse != 1)
    assert f"{multipliers:,} multipliers" in text
    assert value(found, "dsp") == multipliers < 0.7 * U250.dsp
    monkeypatch.setattr(area, "LUT_PRODUCT_BITS", 8 * 10)
    in_luts = estimate(mask_encoder(), recipe.hls.reuse, U250)
    assert value(in_luts, "dsp") == 0
    assert f"{value(in_luts, 'lut'):,} LUTs" in text
    assert value(in_luts, "lut") < 0.6 * U250.lut


@pytest.mark.parametrize("narrow", [False, True])
def test_only_a_narrow_quantiser_is_a_process_of_its_own(narrow: bool) -> None:
    x = Edge.full((4, 5, 2), Format(6, 3, True))
    nodes = [
        LeakyRelu(name="l", inputs=("x",), output="l", slope=1, slope_fraction=2),
        Quantise(name="q", inputs=("l",), output="q", format=Format(4, 3, True), narrow=narrow),
    ]
    graph = Graph.build("g", {"x": x}, nodes, ["q"])
    found = [process.node for process in schedule(graph, {}).processes]
    assert found == (["l", "q"] if narrow else ["l"])
