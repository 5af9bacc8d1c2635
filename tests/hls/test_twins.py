"""Quantised torch network = exported file = emulator, score heads included, edge by edge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import twins
from numpy.typing import NDArray
from onnx import inliner
from torch import nn

from trigforge.hls.accuracy import on_grid
from trigforge.hls.emulator import Emulator
from trigforge.hls.ops import Highest, InstanceNorm, Lookup, Sphere, Tile, Total
from trigforge.hls.oracle import Oracle
from trigforge.hls.passes import lower
from trigforge.hls.read_qonnx import QonnxGraph, read_qonnx
from trigforge.quantize.export import export_qonnx
from trigforge.quantize.functions import function
from trigforge.quantize.reference import File, run_file, run_twin
from trigforge.train.errors import InputError, UnsupportedError

Pixels = NDArray[Any]


def agree(path: Path, network: nn.Module, images: Pixels, pixel_bits: int = 1) -> QonnxGraph:
    """Assert zero mismatches of all stages on images (N, H, W)."""
    export_qonnx(network, path, *images.shape[1:], "scores", pixel_bits)
    return agree_on(path, network, images)


def agree_on(path: Path, network: nn.Module, images: Pixels) -> QonnxGraph:
    """Assert zero mismatches between a network, its file and the emulator.

    Args:
        images: (N, H, W), or vectors (N, V).
    """
    source = read_qonnx(path)
    graph = source.graph
    (output,) = graph.outputs
    edge = graph.inputs["masks"]
    integers = np.rint(images * 2.0**edge.fraction).astype(np.int64)
    integers = integers[..., None] if images.ndim == 3 else integers
    fraction = graph.edges[output].fraction
    torch_side = on_grid(run_twin(network, images), fraction, "torch")
    onnx_side = on_grid(run_file(path, images, 7), fraction, "file")
    assert np.count_nonzero(torch_side != onnx_side) == 0
    edges = [name for name in graph.edges if name in source.tensors]
    few = integers[:8]
    emulated = Emulator(graph, edges).run(few)
    tensors = File(path, [source.tensors[name].name for name in edges]).run(images[:8])
    for name in edges:
        tensor = source.tensors[name]
        values = tensor.to_edge(tensors[tensor.name])
        expected = on_grid(values, graph.edges[name].fraction, name)
        assert np.array_equal(expected, emulated[name]), name
    found = Emulator(lower(graph)).run(integers)[output]
    assert np.count_nonzero(found != torch_side) == 0
    assert len(np.unique(found)) > len(images) // 2
    return source


@pytest.mark.parametrize(
    ("height", "width", "normalization", "score"),
    [
        (24, 18, "instance", "bce"),
        (11, 17, "batch", "sse"),
        pytest.param(13, 8, "instance", "sae", marks=pytest.mark.slow),
    ],
)
def test_the_whole_codae_gives_the_same_integers_everywhere(
    tmp_path: Path, height: int, width: int, normalization: Any, score: str
) -> None:
    network = twins.codae_network(height, width, normalization, score)
    images = twins.masks(30, height, width)
    source = agree(tmp_path / "m.onnx", twins.score_network(network), images)
    kinds = [type(node) for node in source.graph.nodes]
    # residual encoder: 2 x 3, decoder: 2 x 3, mask encoder: 2
    assert kinds.count(InstanceNorm) == (14 if normalization == "instance" else 12)
    assert (kinds.count(Tile), kinds.count(Lookup), kinds.count(Total)) == (2, 1, 1)


@pytest.mark.parametrize("head", ["sse", "latent", "prototypes"])
def test_the_autoencoder_gives_the_same_integers_everywhere(tmp_path: Path, head: str) -> None:
    network = twins.autoencoder(head)
    source = agree(tmp_path / "m.onnx", network, twins.grey_images(30), twins.PIXEL_BITS)
    kinds = [type(node) for node in source.graph.nodes]
    assert kinds.count(Sphere) == 1
    assert kinds.count(Highest) == (head == "prototypes")
    assert kinds.count(Lookup) == kinds.count(Total) == (head == "sse")


def test_the_oracle_of_imported_files_runs_our_own_functions(tmp_path: Path) -> None:
    path, images = tmp_path / "m.onnx", twins.grey_images(4)
    network = twins.autoencoder("sse")
    export_qonnx(network, path, *images.shape[1:], "scores", twins.PIXEL_BITS)
    edge = read_qonnx(path).graph.inputs["masks"]
    integers = np.rint(images * 2.0**edge.fraction).astype(np.int64)[..., None]
    (found,) = Oracle(path).run(integers, edge).values()
    assert np.array_equal(found, run_twin(network, images))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> onnx.ModelProto:
    path = tmp_path_factory.mktemp("twin") / "m.onnx"
    network = twins.codae_network(8, 9, "batch", "bce")
    export_qonnx(twins.score_network(network), path, 8, 9, "scores")
    return onnx.load(str(path))


def refused(tmp_path: Path, model: onnx.ModelProto, match: str) -> None:
    onnx.save(model, str(tmp_path / "changed.onnx"))
    with pytest.raises(UnsupportedError, match=match):
        read_qonnx(tmp_path / "changed.onnx")


def copied(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def first(model: onnx.ModelProto, kind: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == kind)


@pytest.mark.parametrize(("kind", "domain"), [("Add", "elsewhere"), ("Quant", "")])
def test_an_operation_of_another_domain_is_refused(
    tmp_path: Path, exported: onnx.ModelProto, kind: str, domain: str
) -> None:
    model = copied(exported)
    first(model, kind).domain = domain
    refused(tmp_path, model, rf"operation {kind} of the domain '{domain}' has no exact form")


def attribute(node: onnx.NodeProto, name: str) -> onnx.AttributeProto:
    return next(a for a in node.attribute if a.name == name)


def test_a_function_with_another_body_is_refused(tmp_path: Path, exported: onnx.ModelProto) -> None:
    model = copied(exported)
    body = next(f for f in model.functions if f.name == "InstanceNorm")
    product = next(node for node in body.node if node.op_type == "Sub")
    product.op_type = "Add"
    refused(tmp_path, model, r"the local function trigforge\.InstanceNorm is not one of")
    del model.functions[:]
    refused(tmp_path, model, "the file has no function InstanceNorm; export again")


def test_attributes_that_contradict_the_graph_are_refused(
    tmp_path: Path, exported: onnx.ModelProto
) -> None:
    for kind, name, value, match in (
        ("InstanceNorm", "in_step", 4.0, r"reads its input on the grid 2\^--2, which lies on"),
        ("InstanceNorm", "out_step", 0.3, "has the step 0.3, which is not a power of two"),
        ("InstanceNorm", "high", 100, "clips to -512..100, which is no format's range"),
        ("Lookup", "first", 3, "has 256 entries from 3 on"),
    ):
        model = copied(exported)
        field = attribute(first(model, kind), name)
        if isinstance(value, float):
            field.f = value
        else:
            field.i = value
        refused(tmp_path, model, match)


def test_an_inlined_file_computes_the_same(tmp_path: Path, exported: onnx.ModelProto) -> None:
    """Functions are notation: without them the file is plain ONNX and gives the same scores."""
    plain, whole = tmp_path / "plain.onnx", tmp_path / "whole.onnx"
    inlined = inliner.inline_local_functions(exported)
    assert not inlined.functions
    onnx.save(inlined, str(plain))
    onnx.save(exported, str(whole))
    images = twins.masks(6, 8, 9)
    assert np.array_equal(run_file(plain, images), run_file(whole, images))


def test_the_same_network_gives_the_same_bytes(tmp_path: Path, exported: onnx.ModelProto) -> None:
    network = twins.codae_network(8, 9, "batch", "bce")
    export_qonnx(twins.score_network(network), tmp_path / "again.onnx", 8, 9, "scores")
    assert onnx.load(str(tmp_path / "again.onnx")) == exported
    onnx.checker.check_model(exported)
    assert function("Lookup") in exported.functions


def test_images_of_another_size_are_one_sentence(tmp_path: Path, exported: onnx.ModelProto) -> None:
    onnx.save(exported, str(tmp_path / "m.onnx"))
    with pytest.raises(InputError, match=r"expects images \[8, 9\], got \[9, 9\]"):
        run_file(tmp_path / "m.onnx", np.zeros((1, 9, 9), np.uint8))
    with pytest.raises(InputError, match="no such file; run the export stage"):
        run_file(tmp_path / "none.onnx", np.zeros((1, 9, 9), np.uint8))


def test_training_the_twin_computes_what_evaluation_computes() -> None:
    network = twins.codae_network(8, 9, "instance", "bce")
    twin = twins.score_network(network).codae
    images = torch.from_numpy(twins.masks(12, 8, 9)).float()[:, None]
    with torch.no_grad():
        trained, evaluated = twin.train()(images), twin.eval()(images)
    assert torch.equal(trained[0], evaluated[0])
    assert torch.equal(trained[1], evaluated[1])
