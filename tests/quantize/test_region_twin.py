"""The quantised score of regions: Brevitas, the exported file and the emulator agree."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.passes import lower
from trigforge.hls.read_qonnx import read_qonnx
from trigforge.hls.recipe import load_recipe
from trigforge.hls.stages.architectures import architecture_of
from trigforge.hls.vectors import extreme_masks, random_masks, to_input
from trigforge.quantize.equality import run_brevitas, run_qonnx
from trigforge.quantize.export import export_qonnx
from trigforge.quantize.regions import (
    build_region_twin,
    load_released_region_twin,
    region_twin_from_state,
)
from trigforge.train.config import RegionNetwork
from trigforge.train.events import load_shipped
from trigforge.train.level1.rates import Efficiency, score_rates
from trigforge.train.level1.region_student import (
    build_region_score,
    load_released_region_score,
    region_score_from_state,
)
from trigforge.train.level1.regions import Images, coarse, region_dataset
from trigforge.train.metrics import auc
from trigforge.train.scores import evaluate_latents

RECIPE = load_recipe("l1_regions", Path(__file__).resolve().parents[2] / "firmware_projects")
NETWORK, QUANTIZE = RECIPE.network, RECIPE.quantize
assert isinstance(NETWORK, RegionNetwork)
BITS = NETWORK.input_bits


def test_the_exported_input_has_the_bits_of_the_regions() -> None:
    assert architecture_of(NETWORK).input_format(RECIPE) == Format(BITS, BITS, False)


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
    background, signals = data.test, data.signals
    level1 = background.level1
    assert level1 is not None
    rivals = {"region_sum": sums(background.masks), "total_et": sums(level1.regions)}
    networks = [(m, evaluate_latents(m, background.masks, 512)[:, 0]) for m in (student, twin)]
    for name, events in signals.items():
        areas = [
            auc(evaluate_latents(network, events.masks, 512)[:, 0], found).value
            for network, found in networks
        ]
        assert abs(areas[0] - areas[1]) < RECIPE.budget.max_auc_drop
        assert events.level1 is not None
        if name.startswith("suep"):
            assert areas[1] > auc(sums(events.masks), rivals["region_sum"]).value
            assert areas[1] > auc(sums(events.level1.regions), rivals["total_et"]).value


def test_released_weights_keep_more_than_the_sum_of_the_same_regions_at_a_fixed_rate() -> None:
    data = region_dataset(load_shipped(), NETWORK)
    crossings = data.zero_bias["test"]
    seen = coarse(crossings.level1.regions, NETWORK)
    quantised = load_released_region_twin(NETWORK, QUANTIZE, "l1_regions_v2")
    twin = region_twin_from_state(NETWORK, QUANTIZE, quantised.state)

    def kept(score: Callable[[Images], Any]) -> Mapping[str, Efficiency]:
        samples = {name: score(events.masks) for name, events in data.signals.items()}
        point = score_rates(score(seen), crossings, samples, (2e4,)).points[2e4]
        assert point is not None
        return point.efficiency

    network = kept(lambda m: np.round(evaluate_latents(twin, m, 512)[:, 0] * 2**20).astype(int))
    summed = kept(sums)
    for name in ("suep_300", "suep_400", "suep_700", "suep_1000"):
        error = np.hypot(network[name].error, summed[name].error)
        assert network[name].value > summed[name].value + 3 * error


def sums(regions: Any) -> Any:
    return regions.sum((1, 2), dtype=np.int64)
