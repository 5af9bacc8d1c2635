"""The table of operations: complete, and every filled cell exercised by a test."""

from __future__ import annotations

import inspect
from typing import Any

import chains
import hls4ml
import numpy as np
import pytest
from samples import SAMPLES

from trigforge.hls import ops
from trigforge.hls.backends.hls4ml_layers import HEADERS, NNET, register
from trigforge.hls.backends.hls4ml_project import WRITERS, layer_list
from trigforge.hls.backends.layer_list import IoType
from trigforge.hls.backends.steps import MODELS
from trigforge.hls.cli import main
from trigforge.hls.graph import Node
from trigforge.hls.kernels import PREPARE
from trigforge.hls.operations import OPERATIONS, Absent, Operation

rows = pytest.mark.parametrize("row", OPERATIONS.values(), ids=OPERATIONS)


def test_every_node_type_has_a_row() -> None:
    classes = {
        value
        for value in vars(ops).values()
        if inspect.isclass(value) and issubclass(value, Node) and value is not Node
    }
    assert {row.node for row in OPERATIONS.values()} == classes
    assert all(name == row.node.op for name, row in OPERATIONS.items())
    assert list(OPERATIONS) == sorted(OPERATIONS)


def test_every_kernel_is_compared_with_python_integers() -> None:
    """tests/hls/test_operations.py runs over SAMPLES."""
    assert set(SAMPLES) == set(PREPARE) == {row.node for row in OPERATIONS.values()}
    assert not any(isinstance(row.kernel, Absent) for row in OPERATIONS.values())


def cell(layer: dict[str, Any]) -> str:
    """What executes a layer, as the table names it."""
    function: str = layer.get("function", layer["class_name"])
    return f"{function}<{layer['element']}>" if layer.get("element") else function


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_every_hls4ml_cell_is_compared_in_csimulation(io_type: IoType) -> None:
    """tests/hls/test_io_types.py compiles the chain; its layers are the cells."""
    graph = chains.every_operation(np.random.default_rng(10))
    layers = {layer["name"]: layer for layer in layer_list(graph, io_type).layers}
    built: dict[str, set[str]] = {}
    for node in graph.nodes:
        names = [name for name in layers if name in (node.name, f"{node.name}_pad")]
        found = {cell(layers[n]) for n in names}
        built.setdefault(node.op, set()).update(found)
    filled = {n: set(r.layers) for n, r in OPERATIONS.items() if not isinstance(r.layers, Absent)}
    assert built == filled


@rows
def test_what_an_hls4ml_cell_names_exists_for_arrays_and_for_streams(row: Operation) -> None:
    if isinstance(row.layers, Absent):
        assert row.layers.reason and row.node not in WRITERS
        return
    register()
    arrays, streams = (
        "".join((NNET / h).read_text() for h in HEADERS if h.endswith("_stream.h") == streaming)
        for streaming in (False, True)
    )
    elements = (NNET / "nnet_elements.h").read_text()
    for name in row.layers:
        function, _, element = name.removesuffix(">").partition("<")
        own = f"void {function}(" in arrays and f"void {function}(" in streams
        assert own or name in hls4ml.model.layers.layer_map
        assert not element or f"struct {element} {{" in elements


def test_everything_with_an_hls4ml_cell_can_be_estimated() -> None:
    """A flattened stream is read on as it is and costs nothing."""
    assert set(MODELS) == set(WRITERS) - {ops.Flatten}


@rows
def test_every_definition_is_one_line(row: Operation) -> None:
    assert 10 < len(row.definition) < 100


def test_the_table_is_printed_from_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops"]) == 0
    printed = capsys.readouterr().out
    for name, row in OPERATIONS.items():
        assert f"{name:15} {row.definition}\n" in printed
    assert "hls4ml parallel: ZeroPadding2D, Conv2D; stream: ZeroPadding2D, Conv2D\n" in printed
    assert "; stream: – lowered to conv by untranspose\n" in printed


def test_one_operation_is_printed_alone_and_unknown_ones_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["ops", "tile"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["ops", "tyle"]) == 2
    assert "tile" in capsys.readouterr().err
