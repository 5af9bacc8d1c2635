"""What the model stages do for each architecture of a recipe: train, release, quantise, rebuild.

The network that becomes firmware takes masks and gives latents, whatever it was trained with.
Heavy packages are imported where they are used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from trigforge.hls.formats import Format
from trigforge.hls.recipe import Recipe
from trigforge.train.config import Level1Network

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from trigforge.hls.samples import Sample, Samples
    from trigforge.train.config import NetworkConfig
    from trigforge.train.events import EventDataset, Events

State = Mapping[str, "Tensor"]
# what an architecture needs of a recipe, and of data
R = TypeVar("R", contravariant=True)
D = TypeVar("D", contravariant=True)


class Trained(Protocol):
    """Weights with the history and the metrics of their training."""

    @property
    def state(self) -> dict[str, Tensor]:
        """State dict."""
        ...

    @property
    def history(self) -> list[dict[str, float]]:
        """One entry per epoch."""
        ...

    @property
    def metrics(self) -> dict[str, Any]:
        """What goes into the manifest."""
        ...


class Architecture(Protocol[R, D]):
    """One architecture. ``work`` survives an interruption, ``build`` is shared by all models."""

    def train(self, recipe: R, data: D, work: Path, build: Path) -> Trained:
        """Train the float network."""
        ...

    def released(self, recipe: R, name: str) -> Trained:
        """Released float weights."""
        ...

    def float_network(self, recipe: R, path: Path) -> nn.Module:
        """The float network that becomes firmware, from a weights file."""
        ...

    def quantise(self, recipe: R, network: Any, data: D, work: Path) -> Trained:
        """Train the quantised twin of a float network."""
        ...

    def released_quantised(self, recipe: R, name: str) -> Trained:
        """Released quantised weights."""
        ...

    def quantised_network(self, recipe: R, path: Path) -> Any:
        """The quantised network, from a weights file."""
        ...

    def score_name(self, recipe: R) -> str:
        """What the score is called in reports."""
        ...

    def score_column(self, recipe: R) -> tuple[int, int]:
        """Which output is the score, and the sign that makes it higher where anomalous."""
        ...

    def input_format(self, recipe: R) -> Format:
        """Format of the firmware's input."""
        ...

    def input_shape(self, recipe: R) -> tuple[int, ...]:
        """(H, W) of images of one channel, or (V,) of variables."""
        ...

    def rivals(self, recipe: R, path: Path) -> dict[str, nn.Module]:
        """Float networks of the weights file that are compared with the score, by name."""
        ...

    def samples(self, recipe: R, data: D) -> Samples:
        """What the network is judged on, with the cheap scores beside it."""
        ...


class EventArchitecture(Architecture[Recipe, "EventDataset"], Protocol):
    """An architecture of events."""

    def events(self, data: EventDataset, network: NetworkConfig) -> EventDataset:
        """The events with what the network sees as masks."""
        ...


class EventRow(ABC):
    """What networks of events have in common: integers, seen as they are by all stages."""

    def input_shape(self, recipe: Recipe) -> tuple[int, ...]:
        return recipe.network.height, recipe.network.width

    def score_column(self, recipe: Recipe) -> tuple[int, int]:
        return recipe.network.score_latent, recipe.network.score_sign

    def rivals(self, recipe: Recipe, path: Path) -> dict[str, nn.Module]:
        return {}

    def events(self, data: EventDataset, network: NetworkConfig) -> EventDataset:
        """The events with what the network sees as masks."""
        return data

    @abstractmethod
    def input_format(self, recipe: Recipe) -> Format:
        """Format of the firmware's input."""

    @abstractmethod
    def baselines(self, events: Events) -> dict[str, NDArray[Any]]:
        """The cheap scores (N,) beside it, by name."""

    def samples(self, recipe: Recipe, data: EventDataset) -> Samples:
        from trigforge.hls.samples import Samples

        background = recipe.data.background
        return Samples(
            name="events",
            background=background,
            test=self.sample(data.test),
            signals={name: self.sample(events) for name, events in data.signals.items()},
            learnt={"train": len(data.train), "validation": len(data.validation)},
            format=self.input_format(recipe),
            info=data.info.get(f"{background}/test", data.info.get(background)),
            source=data.source,
            sha256=data.sha256,
            preselection=data.preselection,
        )

    def sample(self, events: Events) -> Sample:
        """Events as the network and the cheap scores see them."""
        from trigforge.hls.samples import Sample

        return Sample(events.masks, events.masks, self.baselines(events))


class _Masked(EventRow):
    """What networks of tracker masks have in common."""

    def input_format(self, recipe: Recipe) -> Format:
        return Format(1, 1, False)

    def baselines(self, events: Events) -> dict[str, NDArray[Any]]:
        import numpy as np

        counts = events.masks.sum(axis=(1, 2), dtype=np.int64)
        return {"mask_sum": counts, "n_tracks": events.n_tracks}


class _Encoder(_Masked):
    """What networks that end as a quantised mask encoder have in common."""

    def released_quantised(self, recipe: Recipe, name: str) -> Trained:
        from trigforge.quantize.qat import load_released_encoder

        return load_released_encoder(recipe.network, recipe.quantize, name)

    def quantised_network(self, recipe: Recipe, path: Path) -> Any:
        from trigforge.quantize.qat import twin_from_state
        from trigforge.quantize.twin import empty_twin
        from trigforge.train.weights import load_weights

        network, config = recipe.network, recipe.quantize
        state = load_weights(path, empty_twin(network, config).state_dict())
        return twin_from_state(network, config, state)


class Codae(_Encoder):
    """The mask encoder of a CoDAE, trained with the rest of it."""

    def train(self, recipe: Recipe, data: EventDataset, work: Path, build: Path) -> Trained:
        from trigforge.train.train_codae import train_codae

        return train_codae(recipe.network, recipe.train, data, work)

    def released(self, recipe: Recipe, name: str) -> Trained:
        from trigforge.train.train_codae import load_released_codae

        return load_released_codae(recipe.network, name)

    def float_network(self, recipe: Recipe, path: Path) -> nn.Module:
        from trigforge.train.codae import CoDAE
        from trigforge.train.train_codae import codae_from_state
        from trigforge.train.weights import load_weights

        network = recipe.network
        state = load_weights(path, CoDAE(network).state_dict())
        return codae_from_state(network, state).mask_encoder

    def quantise(self, recipe: Recipe, network: Any, data: EventDataset, work: Path) -> Trained:
        from trigforge.quantize.qat import quantize_mask_encoder

        return quantize_mask_encoder(recipe.network, recipe.quantize, network, data, work)

    def score_name(self, recipe: Recipe) -> str:
        """``z_m[0]``, with a minus where small values are anomalous."""
        network = recipe.network
        return f"{'-' if network.score_sign < 0 else ''}z_m[{network.score_latent}]"


class FullCodae(Codae):
    """A whole CoDAE with its reconstruction score computed in the graph."""

    def float_network(self, recipe: Recipe, path: Path) -> nn.Module:
        from trigforge.train.codae import CoDAE
        from trigforge.train.scores import ReconstructionScore
        from trigforge.train.train_codae import codae_from_state
        from trigforge.train.weights import load_weights

        network = recipe.network
        state = load_weights(path, CoDAE(network).state_dict())
        return ReconstructionScore(codae_from_state(network, state), network.score).eval()

    def quantise(self, recipe: Recipe, network: Any, data: EventDataset, work: Path) -> Trained:
        from trigforge.quantize.full_qat import quantize_codae

        return quantize_codae(recipe.network, recipe.quantize, network.codae, data, work)

    def released_quantised(self, recipe: Recipe, name: str) -> Trained:
        from trigforge.train.errors import InputError

        raise InputError(
            f"quantize.released is {name!r}, but no whole autoencoder is released yet; remove it"
        )

    def quantised_network(self, recipe: Recipe, path: Path) -> Any:
        from trigforge.quantize.full import ScoreNetwork, codae_from_state, empty_codae
        from trigforge.train.weights import load_weights

        network, config = recipe.network, recipe.quantize
        state = load_weights(path, empty_codae(network, config).state_dict())
        twin = codae_from_state(network, config, state)
        return ScoreNetwork(twin, network, config).eval()

    def score_name(self, recipe: Recipe) -> str:
        """``sse``."""
        return recipe.network.score


class ScoreStudent(_Encoder):
    """A mask encoder that learns a teacher's score."""

    def train(self, recipe: Recipe, data: EventDataset, work: Path, build: Path) -> Trained:
        from trigforge.train.student import train_student

        return train_student(recipe.network, recipe.train, data, work, build / "pools")

    def released(self, recipe: Recipe, name: str) -> Trained:
        from trigforge.train.student import load_released_student

        return load_released_student(recipe.network, name)

    def float_network(self, recipe: Recipe, path: Path) -> nn.Module:
        from trigforge.train.student import build_student, student_from_state
        from trigforge.train.weights import load_weights

        network = recipe.network
        state = load_weights(path, build_student(network, seed=0).state_dict())
        return student_from_state(network, state)

    def quantise(self, recipe: Recipe, network: Any, data: EventDataset, work: Path) -> Trained:
        from trigforge.quantize.student_qat import quantize_student

        return quantize_student(recipe.network, recipe.quantize, recipe.train, network, data, work)

    def score_name(self, recipe: Recipe) -> str:
        return "student"


class MaskSum(_Masked):
    """Counting: nothing to train or to quantise, every stage is the same network."""

    def train(self, recipe: Recipe, data: EventDataset, work: Path, build: Path) -> Trained:
        from trigforge.train.mask_sum import Untrained

        return Untrained()

    def released(self, recipe: Recipe, name: str) -> Trained:
        from trigforge.train.errors import InputError

        raise InputError(f"train.released is {name!r}, but a mask_sum has no weights; remove it")

    def float_network(self, recipe: Recipe, path: Path) -> nn.Module:
        from trigforge.train.mask_sum import MaskSum

        return MaskSum().eval()

    def quantise(self, recipe: Recipe, network: Any, data: EventDataset, work: Path) -> Trained:
        from trigforge.train.mask_sum import Untrained

        return Untrained()

    def released_quantised(self, recipe: Recipe, name: str) -> Trained:
        return self.released(recipe, name)

    def quantised_network(self, recipe: Recipe, path: Path) -> Any:
        return self.float_network(recipe, path)

    def score_name(self, recipe: Recipe) -> str:
        return "pixel_count"


ARCHITECTURES: dict[str, EventArchitecture] = {
    "codae": Codae(),
    "codae full": FullCodae(),
    "score_student": ScoreStudent(),
    "mask_sum": MaskSum(),
}


def architecture_of(network: NetworkConfig) -> EventArchitecture:
    """The row of the table for a network and what of it is exported."""
    if isinstance(network, Level1Network):
        from trigforge.hls.stages.level1_architectures import LEVEL1_ARCHITECTURES

        return LEVEL1_ARCHITECTURES[network.architecture]
    whole = " full" if network.export == "full" else ""
    return ARCHITECTURES[f"{network.architecture}{whole}"]
