"""The Verilog in Verilator: equal to the emulator, cycles measured, planted bugs located."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from networks_rtl import every_operation, mlp, scored
from samples import random_values

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Ints
from trigforge.hls.ops import Dense, Lookup
from trigforge.hls.rtl import bench
from trigforge.hls.rtl.bench import Measured
from trigforge.hls.rtl.blocks import Bundle, Design, build
from trigforge.hls.rtl.simulate import (
    compile_bench,
    cut_edges,
    simulate,
    write_bench,
    write_design,
    write_vectors,
)
from trigforge.train.errors import ToolError

pytest.importorskip("da4ml", reason="the extra 'rtl' is not installed")

PERIOD_NS = 4.167
VECTORS = 200


def written(graph: Graph, x: Ints, folder: Path) -> Design:
    """The design with its test bench and the emulator's vectors."""
    design = build(graph, PERIOD_NS)
    write_design(design, folder)
    write_bench(design, folder, len(x), len(x))
    write_vectors(design, x, Emulator(graph, cut_edges(design)).run(x), folder)
    return design


def simulated(design: Design, folder: Path) -> tuple[Measured, Ints]:
    """The simulation of all vectors."""
    return simulate(design, compile_bench(design, folder, folder), folder, VECTORS)


def test_words_pack_elements_from_the_lowest_bit() -> None:
    bundle = Bundle(
        {"a": Edge.full((2,), Format(3, 3, True)), "b": Edge.full((1,), Format(6, 6, False))}
    )
    flat = np.array([[1, -1, 0], [0, 0, 63], [-4, 3, 1]])
    packed = bench.words(bundle, flat)
    assert packed == ["039", "fc0", "05c"]
    assert np.array_equal(bench.integers(bundle, packed), flat)
    with pytest.raises(ToolError, match="unknown bits"):
        bench.integers(bundle, ["0x9"])


def test_a_difference_names_the_first_block_and_its_element(rng: np.random.Generator) -> None:
    design = build(mlp(rng), PERIOD_NS)
    name = design.blocks[0].name
    width, cycles = design.blocks[0].outputs.elements()[0][1], design.latency_cycles
    right, wrong = f"{0:08x}", f"{1 << 2 * width:08x}"
    text = (
        f"DIFFERENCE event=7 block={design.blocks[1].name} expected=0 found=1\n"
        f"DIFFERENCE event=3 block={name} expected={right} found={wrong}\n"
        f"BLOCKS {name}=4 {design.blocks[1].name}=9\n"
        f"RESULT events=20 mismatches=18 shortest={cycles} longest={cycles} interval=1\n"
    )
    found = bench.read(design, text, 10)
    assert found.first == f"{name} (dense1, relu1, quantise1): quantise1[2] of event 3"
    assert found.block_mismatches == {name: 4, design.blocks[1].name: 9}
    assert (found.mismatches, found.latency_cycles, found.ii_cycles) == (18, cycles, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RESULT events=7 too few\n",
        "RESULT events=18 mismatches=0 shortest=5 longest=5 interval=1\n",
        "RESULT events=20 mismatches=0 shortest=5 longest=6 interval=1\n",
        "RESULT events=20 mismatches=0 shortest=99 longest=99 interval=1\n",
    ],
)
def test_an_incomplete_simulation_is_no_result(rng: np.random.Generator, text: str) -> None:
    with pytest.raises(ToolError, match="simulation of mlp_top"):
        bench.read(build(mlp(rng), PERIOD_NS), text, 10)


@pytest.mark.slow
@pytest.mark.parametrize("network", [scored, every_operation])
def test_verilog_equals_the_emulator_and_cycles_are_measured(
    network,
    rng: np.random.Generator,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    graph = network(rng)
    x = random_values(rng, graph.edges["x"], VECTORS)
    design = written(graph, x, tmp_path)
    found, results = simulated(design, tmp_path)
    expected = design.outputs.flat(Emulator(graph).run(x))
    assert np.array_equal(results, np.concatenate([expected, expected]))
    assert (found.mismatches, found.first) == (0, None)
    assert found.vectors == 2 * VECTORS
    assert found.latency_cycles == design.latency_cycles > 2
    assert found.ii_cycles == 1


def table_network(rng: np.random.Generator) -> Graph:
    """Two dense layers with a table between them."""
    graph = mlp(rng, (6, 4, 2))
    table = Lookup(
        name="table",
        inputs=("quantise1",),
        output="table",
        entries=rng.integers(-99, 99, 64),
        format=Format(8, 8, True),
    )
    last = graph.nodes[-1]
    assert isinstance(last, Dense)
    nodes = [*graph.nodes[:-1], table, replace(last, inputs=("table",))]
    return Graph.build("tables", graph.inputs, nodes, graph.outputs)


def planted_shift(text: str) -> str:
    """One shift of the first adder graph made larger by one."""
    shift = re.search(r"<<< (\d+)\)", text)
    assert shift is not None
    return text[: shift.start(1)] + str(int(shift[1]) + 1) + text[shift.end(1) :]


def planted_entry(text: str) -> str:
    """The table entry of key 0 with its last bit turned."""
    entry = re.search(r"'d0: \w+ = \d+'d(\d+);", text)
    assert entry is not None
    return text[: entry.start(1)] + str(int(entry[1]) ^ 1) + text[entry.end(1) :]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "block", "expected"),
    [
        (planted_shift, 0, r"b0_dense1 \(dense1, relu1, quantise1\): quantise1\[\d\] of event \d+"),
        (planted_entry, 1, r"b1_dense2 \(table, dense2\): dense2\[\d\] of event \d+"),
    ],
)
def test_a_planted_bug_is_caught_and_located(  # type: ignore[no-untyped-def]
    plant, block: int, expected: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    graph = table_network(rng)
    x = random_values(rng, graph.edges["x"], VECTORS)
    x[2] = 0
    design = written(graph, x, tmp_path)
    path = tmp_path / f"{design.blocks[block].name}.v"
    path.write_text(plant(path.read_text()))
    found, results = simulated(design, tmp_path)
    assert found.mismatches > 0
    assert not np.array_equal(results[:VECTORS], design.outputs.flat(Emulator(graph).run(x)))
    assert found.first is not None
    assert re.fullmatch(expected, found.first), found.first
    right = [b.name for b in design.blocks[:block]]
    assert all(found.block_mismatches[name] == 0 for name in right)
