"""Rows of the table of architectures for level-1 networks, see :mod:`.architectures`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigforge.hls.formats import Format
from trigforge.hls.recipe import Recipe
from trigforge.hls.stages.architectures import EventArchitecture, EventRow, Trained
from trigforge.train.config import Level1Network, NetworkConfig, ObjectNetwork, RegionNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from trigforge.hls.samples import Sample, Samples
    from trigforge.train.events import EventDataset, Events
    from trigforge.train.generation.level1 import Level1
    from trigforge.train.level1.background import View


class Level1Row(EventRow):
    """What level-1 networks have in common: zero-bias crossings are trained on and judged by."""

    # cheap scores of :data:`trigforge.train.level1.scores.LEVEL1_SCORES`, and the sum of what the
    # network sees, under this name
    rivals_of_level1: tuple[str, ...]
    sum_name: str

    def input_format(self, recipe: Recipe) -> Format:
        network = recipe.network
        assert isinstance(network, Level1Network)  # noqa: S101 # the recipe's class says so
        return Format(network.input_bits, network.input_bits, False)

    @abstractmethod
    def view(self, network: NetworkConfig) -> View:
        """What the network sees of level-1 inputs, (N, H, W)."""

    def samples(self, recipe: Recipe, data: EventDataset) -> Samples:
        from trigforge.train.generation.zero_bias import (
            CROSSING_LUMINOSITY_PER_CM2_S,
            CROSSING_RATE_HZ,
        )

        return replace(
            super().samples(recipe, data),
            input_rate_hz=CROSSING_RATE_HZ,
            luminosity_per_cm2_s=CROSSING_LUMINOSITY_PER_CM2_S,
        )

    def crossings(self, recipe: Recipe, level1: Level1) -> Sample:
        """Zero-bias crossings as the network and the cheap scores see them."""
        from trigforge.train.level1.background import crossing_events

        return self.sample(crossing_events(level1, self.view(recipe.network)))

    def baselines(self, events: Events) -> dict[str, NDArray[Any]]:
        import numpy as np

        from trigforge.train.level1.scores import LEVEL1_SCORES

        assert events.level1 is not None  # noqa: S101 # zero_bias_dataset has refused
        found = {self.sum_name: events.masks.sum(axis=(1, 2), dtype=np.int64)}
        for name in self.rivals_of_level1:
            found[name] = LEVEL1_SCORES[name].of(events.level1)
        return found


class Level1Regions(Level1Row):
    """A score of level-1 regions, taught by an autoencoder of zero-bias crossings."""

    rivals_of_level1 = ("total_region_et", "lit_regions", "region_excess")
    sum_name = "region_sum"

    def view(self, network: NetworkConfig) -> View:
        from trigforge.train.level1.regions import coarse

        return lambda level1: coarse(level1.regions, _regions(network))

    def events(self, data: EventDataset, network: NetworkConfig) -> EventDataset:
        from trigforge.train.level1.regions import region_dataset

        return region_dataset(data, _regions(network))

    def train(self, recipe: Recipe, data: EventDataset, work: Path, build: Path) -> Trained:
        from trigforge.train.level1.region_student import train_region_score

        return train_region_score(_regions(recipe.network), recipe.train, data, work)

    def released(self, recipe: Recipe, name: str) -> Trained:
        from trigforge.train.level1.region_student import load_released_region_score

        return load_released_region_score(_regions(recipe.network), name)

    def float_network(self, recipe: Recipe, path: Path) -> nn.Module:
        from trigforge.train.level1.region_student import (
            build_region_score,
            region_score_from_state,
        )
        from trigforge.train.weights import load_weights

        network = _regions(recipe.network)
        state = load_weights(path, build_region_score(network, seed=0).state_dict())
        return region_score_from_state(network, state)

    def quantise(self, recipe: Recipe, network: Any, data: EventDataset, work: Path) -> Trained:
        from trigforge.quantize.regions import quantize_region_score

        config = _regions(recipe.network)
        return quantize_region_score(config, recipe.quantize, recipe.train, network, data, work)

    def released_quantised(self, recipe: Recipe, name: str) -> Trained:
        from trigforge.quantize.regions import load_released_region_twin

        return load_released_region_twin(_regions(recipe.network), recipe.quantize, name)

    def quantised_network(self, recipe: Recipe, path: Path) -> Any:
        from trigforge.quantize.regions import empty_region_twin, region_twin_from_state
        from trigforge.train.weights import load_weights

        network, config = _regions(recipe.network), recipe.quantize
        state = load_weights(path, empty_region_twin(network, config).state_dict())
        return region_twin_from_state(network, config, state)

    def score_name(self, recipe: Recipe) -> str:
        return "l1_regions"


class Level1Objects(Level1Row):
    """An autoencoder of level-1 objects with its squared error in the graph."""

    rivals_of_level1 = ("object_ht", "missing_et", "leading_jet")
    sum_name = "object_sum"

    def input_shape(self, recipe: Recipe) -> tuple[int, ...]:
        return (recipe.network.height,)

    def sample(self, events: Events) -> Sample:
        from trigforge.hls.samples import Sample

        momenta = events.masks[:, :, 0]
        return Sample(momenta, momenta, self.baselines(events))

    def view(self, network: NetworkConfig) -> View:
        from trigforge.train.level1.objects import coarse_momenta

        return lambda level1: coarse_momenta(level1, _objects(network))

    def events(self, data: EventDataset, network: NetworkConfig) -> EventDataset:
        from trigforge.train.level1.objects import object_dataset

        return object_dataset(data, _objects(network))

    def train(self, recipe: Recipe, data: EventDataset, work: Path, build: Path) -> Trained:
        from trigforge.train.level1.object_autoencoder import train_object_autoencoder

        return train_object_autoencoder(_objects(recipe.network), recipe.train, data, work)

    def released(self, recipe: Recipe, name: str) -> Trained:
        from trigforge.train.level1.object_autoencoder import load_released_object_score

        return load_released_object_score(_objects(recipe.network), name)

    def float_network(self, recipe: Recipe, path: Path) -> nn.Module:
        from trigforge.train.level1.object_autoencoder import (
            empty_object_score,
            object_score_from_state,
        )
        from trigforge.train.weights import load_weights

        network = _objects(recipe.network)
        state = load_weights(path, empty_object_score(network).state_dict())
        return object_score_from_state(network, state)

    def quantise(self, recipe: Recipe, network: Any, data: EventDataset, work: Path) -> Trained:
        from trigforge.quantize.objects import quantize_object_score

        config = _objects(recipe.network)
        return quantize_object_score(config, recipe.quantize, network, data, work)

    def released_quantised(self, recipe: Recipe, name: str) -> Trained:
        from trigforge.quantize.objects import load_released_object_twin

        return load_released_object_twin(_objects(recipe.network), recipe.quantize, name)

    def quantised_network(self, recipe: Recipe, path: Path) -> Any:
        from trigforge.quantize.objects import empty_object_twin, object_twin_from_state
        from trigforge.train.weights import load_weights

        network, config = _objects(recipe.network), recipe.quantize
        state = load_weights(path, empty_object_twin(network, config).state_dict())
        return object_twin_from_state(network, config, state)

    def score_name(self, recipe: Recipe) -> str:
        return "l1_objects"


LEVEL1_ARCHITECTURES: dict[str, EventArchitecture] = {
    "l1_regions": Level1Regions(),
    "l1_objects": Level1Objects(),
}


def _regions(network: NetworkConfig) -> RegionNetwork:
    if not isinstance(network, RegionNetwork):
        raise TypeError(f"a {network.architecture} without the grid of its regions")
    return network


def _objects(network: NetworkConfig) -> ObjectNetwork:
    if not isinstance(network, ObjectNetwork):
        raise TypeError(f"a {network.architecture} without the grids of its objects")
    return network
