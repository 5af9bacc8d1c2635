"""The quantised score of objects: Brevitas, the exported file and the emulator agree."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trigforge.hls.emulator import Emulator
from trigforge.hls.grid_vectors import extreme_inputs, random_inputs
from trigforge.hls.passes import lower
from trigforge.hls.read_qonnx import read_qonnx
from trigforge.hls.recipe import load_recipe
from trigforge.quantize.equality import run_brevitas, run_qonnx
from trigforge.quantize.export import export_network
from trigforge.quantize.objects import (
    load_released_object_twin,
    object_grid,
    object_twin_from_state,
)
from trigforge.train.config import ObjectNetwork
from trigforge.train.events import Events, load_shipped
from trigforge.train.level1.background import crossing_events
from trigforge.train.level1.object_autoencoder import (
    load_released_object_score,
    object_score_from_state,
)
from trigforge.train.level1.objects import coarse_momenta, object_dataset
from trigforge.train.level1.rates import Efficiency, score_rates
from trigforge.train.level1.scores import LEVEL1_SCORES
from trigforge.train.metrics import auc
from trigforge.train.scores import evaluate_latents

RECIPE = load_recipe("l1_objects", Path(__file__).resolve().parents[2] / "firmware_projects")
NETWORK, QUANTIZE = RECIPE.network, RECIPE.quantize
assert isinstance(NETWORK, ObjectNetwork)
NAME = "l1_objects_v1"


def test_the_released_twin_is_the_same_in_every_stage(tmp_path: Path) -> None:
    quantised = load_released_object_twin(NETWORK, QUANTIZE, NAME)
    twin = object_twin_from_state(NETWORK, QUANTIZE, quantised.state)
    path = tmp_path / "model.onnx"
    export_network(twin, path, (19,), object_grid(NETWORK), "scores")
    graph = lower(read_qonnx(path).graph)
    (edge,), (output,) = graph.inputs.values(), graph.outputs
    random = random_inputs(np.random.default_rng(3), 300, edge)
    x = np.concatenate([random, extreme_inputs(graph)])
    assert x.min() == 0 and x.max() == NETWORK.largest
    expected = run_brevitas(twin, x)
    emulated = Emulator(graph).run(x)[output]
    assert np.array_equal(expected, run_qonnx(path, x))
    assert np.array_equal(expected, emulated * 2.0 ** -graph.edges[output].fraction)
    assert len(np.unique(emulated)) > 50


def test_a_reconstruction_by_hand_gives_the_score() -> None:
    quantised = load_released_object_twin(NETWORK, QUANTIZE, NAME)
    twin = object_twin_from_state(NETWORK, QUANTIZE, quantised.state)
    x = torch.from_numpy(np.random.default_rng(1).integers(0, 32, (20, 19))).float()
    with torch.no_grad():
        found, reconstructed = twin(x)[:, 0], twin.reconstruct(x)
    for event in range(20):
        pairs = zip(x[event].tolist(), reconstructed[event].tolist(), strict=True)
        assert float(found[event]) == sum((a - b) ** 2 for a, b in pairs)


def test_quantisation_costs_little_and_the_score_beats_its_rivals_at_a_fixed_rate() -> None:
    shipped = load_shipped()
    data = object_dataset(shipped, NETWORK)
    trained = load_released_object_score(NETWORK, NAME)
    quantised = load_released_object_twin(NETWORK, QUANTIZE, NAME)
    networks = (
        object_score_from_state(NETWORK, trained.state),
        object_twin_from_state(NETWORK, QUANTIZE, quantised.state),
    )
    for events in data.signals.values():
        areas = [
            auc(scores(network, events), scores(network, data.test)).value for network in networks
        ]
        assert abs(areas[0] - areas[1]) < RECIPE.budget.max_auc_drop
    crossings = data.zero_bias["test"]
    seen = crossing_events(crossings.level1, lambda level1: coarse_momenta(level1, NETWORK))

    def kept(score: Callable[[Events], Any]) -> Mapping[str, Efficiency]:
        samples = {name: score(events) for name, events in data.signals.items()}
        point = score_rates(score(seen), crossings, samples, (2e4,)).points[2e4]
        assert point is not None
        return point.efficiency

    network = kept(lambda events: scores(networks[1], events))
    for name in ("object_ht", "missing_et", "leading_jet"):
        rival = kept(lambda events, of=LEVEL1_SCORES[name].of: of(events.level1))  # type: ignore[misc]
        for signal in ("suep_300", "suep_400", "suep_700", "suep_1000"):
            error = np.hypot(network[signal].error, rival[signal].error)
            assert network[signal].value > rival[signal].value + 3 * error


def scores(network: torch.nn.Module, events: Events) -> Any:
    """Integers (N,)."""
    found = evaluate_latents(network, events.masks[:, :, 0], 512)[:, 0]
    return np.round(found.astype(np.float64) * 2**8).astype(np.int64)
