"""The quantised score of regions: Brevitas, the exported file and the emulator agree."""

from pathlib import Path

import numpy as np
import torch

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.passes import lower
from trigforge.hls.read_qonnx import read_qonnx
from trigforge.hls.recipe import load_recipe
from trigforge.hls.stages.architectures import ARCHITECTURES
from trigforge.hls.vectors import extreme_masks, random_masks, to_input
from trigforge.quantize.equality import run_brevitas, run_qonnx
from trigforge.quantize.export import export_qonnx
from trigforge.quantize.regions import (
    build_region_twin,
    load_released_region_twin,
    region_twin_from_state,
)
from trigforge.train.config import Level1Network
from trigforge.train.events import load_shipped
from trigforge.train.level1.region_student import (
    build_region_score,
    load_released_region_score,
    region_score_from_state,
)
from trigforge.train.level1.regions import region_dataset
from trigforge.train.metrics import auc
from trigforge.train.scores import evaluate_latents

RECIPE = load_recipe("l1_regions", Path(__file__).resolve().parents[2] / "firmware_projects")
NETWORK, QUANTIZE = RECIPE.network, RECIPE.quantize
assert isinstance(NETWORK, Level1Network)
BITS = NETWORK.input_bits


def test_the_exported_input_has_the_bits_of_the_regions() -> None:
    assert ARCHITECTURES["l1_regions"].input_format(RECIPE) == Format(BITS, BITS, False)


def test_the_twin_is_the_same_in_every_stage(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    regions = np.concatenate([random_masks(rng, 200, 18, 14, BITS), extreme_masks(18, 14, BITS)])
    assert regions.max() == 2**BITS - 1 and len(np.unique(regions)) == 2**BITS
    student = build_region_score(NETWORK, seed=5)
    twin = build_region_twin(
        student, NETWORK, QUANTIZE, torch.from_numpy(regions[:64]).float()[:, None]
    ).eval()
    path = tmp_path / "model.onnx"
    export_qonnx(twin, path, 18, 14, pixel_bits=BITS, integers=True)
    graph = lower(read_qonnx(path).graph)
    (edge,), (output,) = graph.inputs.values(), graph.outputs
    expected = run_brevitas(twin, regions)
    emulated = Emulator(graph).run(to_input(regions, edge))[output]
    assert np.array_equal(expected, run_qonnx(path, regions))
    assert np.array_equal(expected, emulated * 2.0 ** -graph.edges[output].fraction)
    assert len(np.unique(emulated)) > 50


def test_released_weights_separate_and_quantisation_costs_little() -> None:
    data = region_dataset(load_shipped(), NETWORK)
    trained = load_released_region_score(NETWORK, "l1_regions_v2")
    quantised = load_released_region_twin(NETWORK, QUANTIZE, "l1_regions_v2")
    student = region_score_from_state(NETWORK, trained.state)
    twin = region_twin_from_state(NETWORK, QUANTIZE, quantised.state)
    background = data.test.masks
    assert data.test.level1 is not None
    networks = [(m, evaluate_latents(m, background, 512)[:, 0]) for m in (student, twin)]
    rival = data.test.level1.regions.sum((1, 2), dtype=np.int64)
    for name, events in data.signals.items():
        areas = [
            auc(evaluate_latents(network, events.masks, 512)[:, 0], found).value
            for network, found in networks
        ]
        assert abs(areas[0] - areas[1]) < RECIPE.budget.max_auc_drop
        assert events.level1 is not None
        if name.startswith("suep"):
            total = events.level1.regions.sum((1, 2), dtype=np.int64)
            assert areas[1] > auc(total, rival).value
