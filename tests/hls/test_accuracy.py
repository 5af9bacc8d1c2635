"""Brevitas = QONNX = emulator on a small mask encoder, and a flipped bit is found by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from trigforge.hls.accuracy import compare, locate_against_qonnx, on_grid
from trigforge.hls.emulator import Emulator
from trigforge.hls.ops import Conv, Dense
from trigforge.hls.passes import lower
from trigforge.hls.read_qonnx import QonnxGraph, read_qonnx
from trigforge.hls.vectors import extreme_masks, random_masks, to_input
from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.equality import run_brevitas, run_qonnx
from trigforge.quantize.export import export_qonnx
from trigforge.quantize.twin import build_twin
from trigforge.train.codae import MaskEncoder, build_codae
from trigforge.train.config import NetworkConfig
from trigforge.train.errors import TrigforgeError

NETWORK = NetworkConfig(
    architecture="codae",
    export="encoder",
    height=18,
    width=14,
    filters=(4, 8, 8),
    groups=(1, 2, 2),
    residual_filters=(4, 4, 4, 4),
    bottleneck=4,
)
QUANTIZE = QuantizeConfig(weight_bits=(5, 5, 5, 7), activation_bits=(6, 6, 6), bias_bits=10)

Built = tuple[MaskEncoder, Path, QonnxGraph]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    encoder = build_codae(NETWORK, seed=3).mask_encoder.eval()
    masks = random_masks(np.random.default_rng(0), 64, 18, 14)
    twin = build_twin(encoder, NETWORK, QUANTIZE, torch.from_numpy(masks).float()[:, None])
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    export_qonnx(twin, path, 18, 14)
    return twin, path, read_qonnx(path)


def inputs() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.concatenate(
        [extreme_masks(18, 14), random_masks(np.random.default_rng(1), 60, 18, 14)]
    )


def test_three_stages_give_the_same_integers(built: Built) -> None:
    twin, path, source = built
    masks = inputs()
    fraction = source.graph.edges["dense"].fraction
    brevitas = on_grid(run_brevitas(twin, masks), fraction, "Brevitas")
    qonnx = on_grid(run_qonnx(path, masks), fraction, "QONNX")
    x = to_input(masks, source.graph.inputs["masks"])
    for graph in (source.graph, lower(source.graph)):
        emulated = Emulator(graph).run(x)["dense"]
        result = compare("qonnx", "emulator", "random", qonnx, emulated)
        assert (result.mismatches, result.max_abs_lsb, result.values) == (0, 0, 2 * len(masks))
    assert compare("brevitas", "qonnx", "random", brevitas, qonnx).mismatches == 0
    assert len(np.unique(qonnx)) > 20


@pytest.mark.parametrize("victim", ["conv1", "conv3", "dense"])
def test_a_flipped_weight_bit_names_its_layer(built: Built, victim: str) -> None:
    _, path, source = built
    assert locate_against_qonnx(source.graph, source, path, inputs()) is None
    nodes = list(source.graph.nodes)
    index = next(i for i, node in enumerate(nodes) if node.name == victim)
    node = nodes[index]
    assert isinstance(node, Conv | Dense)
    weight = node.weight.copy()
    weight.flat[len(weight.flat) // 2] ^= 1
    nodes[index] = replace(node, weight=weight)
    flipped = source.graph.rebuilt(nodes)
    assert locate_against_qonnx(flipped, source, path, inputs()) == victim


def test_differences_are_counted() -> None:
    left = np.array([[1, 2], [3, 4]])
    right = left + np.array([[0, 5], [0, -1]])
    result = compare("qonnx", "emulator", "events", left, right, first_layer="x")
    assert (result.mismatches, result.max_abs_lsb, result.vectors) == (2, 5, 2)
    with pytest.raises(ValueError, match="gives"):
        compare("qonnx", "emulator", "events", left, left[:1])


def test_values_off_the_grid_are_an_error() -> None:
    assert on_grid(np.array([0.5, -1.25]), 2, "x").tolist() == [2, -5]
    with pytest.raises(TrigforgeError, match=r"0\.5 LSB off the grid 2\^-1"):
        on_grid(np.array([0.25]), 1, "x")
