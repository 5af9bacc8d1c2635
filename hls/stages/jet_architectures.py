"""What the model stages do for networks of jets: normalized autoencoders, whole or encoder alone.

The float weights of a stage hold both phases of a training: before the normalisation
(``autoencoder``) and after it (``normalised``). The latter becomes firmware.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigforge.hls.formats import Format
from trigforge.hls.jet_recipe import ImageRecipe, JetRecipe, VariableRecipe

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from trigforge.hls.samples import Sample, Samples
    from trigforge.hls.stages.architectures import Architecture, Trained
    from trigforge.quantize.input_grid import InputGrid
    from trigforge.train.jets.dataset import JetDataset, JetPart
    from trigforge.train.nae.network import Autoencoder
    from trigforge.train.nae.prototypes import LatentScore
    from trigforge.train.nae.released import ReleasedNae

BEFORE, AFTER = "autoencoder", "normalised"
WEIGHTS, OFFSETS = "prototypes.weights", "prototypes.offsets"
PROTOTYPE_SEED = 5
# units in which the windows of equal baseline (5 %, at least 1) make sense
PIXELS, PERMILLE = 1600, 1000


@dataclass(frozen=True)
class Weights:
    """Weights with the history and the metrics of their training."""

    state: dict[str, Tensor]
    history: list[dict[str, float]] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)


class _Jets(ABC):
    """What all of them have in common."""

    @abstractmethod
    def build(self, seed: int) -> Autoencoder:
        """A fresh autoencoder."""

    @abstractmethod
    def baselines(self, recipe: Any, part: JetPart) -> dict[str, NDArray[Any]]:
        """The cheap scores (N,), by name, higher is more anomalous."""

    @abstractmethod
    def upstream(self, recipe: Any) -> str:
        """What happens to jets before the firmware sees them."""

    def train(self, recipe: Any, data: JetDataset, work: Path, build: Path) -> Trained:
        import torch

        from trigforge.train.nae.config import training_of
        from trigforge.train.nae.objectives import JetInputs
        from trigforge.train.nae.training import train_nae

        inputs = JetInputs(_tensor(data.train.inputs), _tensor(data.validation.inputs))
        training = training_of(recipe.train)
        shown = work.with_name("diagnostics")
        trained = train_nae(self.build, inputs, training, work, diagnostics=shown)
        states = {BEFORE: trained.autoencoder, AFTER: trained.normalised}
        with torch.no_grad():
            state = self.completed(recipe, _joined(states), data)
        first, second = trained.reconstruction, trained.normalisation
        return Weights(
            state,
            [*first.history, *second.history],
            {
                "data": asdict(recipe.data),
                "reconstruction_epochs": len(first.history),
                "reconstruction_best": first.best_epoch + 1,
                "normalisation_epochs": len(second.history),
                "normalisation_best": second.best_epoch + 1,
            },
        )

    def completed(
        self, recipe: Any, state: dict[str, Tensor], data: JetDataset
    ) -> dict[str, Tensor]:
        """Weights of a training with what is fitted to background afterwards."""
        return state

    def autoencoder(self, path: Path, phase: str) -> Autoencoder:
        """A network of a weights file, in evaluation mode."""
        network = self.build(0)
        network.load_state_dict(_part(self.state(path), phase))
        return network.eval()

    def state(self, path: Path, **fitted: Tensor) -> dict[str, Tensor]:
        """A weights file: both phases and what is fitted to background."""
        from trigforge.train.weights import load_weights

        phase = self.build(0).state_dict()
        return load_weights(path, {**_joined({BEFORE: phase, AFTER: phase}), **fitted})

    def score_column(self, recipe: Any) -> tuple[int, int]:
        return 0, 1

    def input_format(self, recipe: JetRecipe) -> Format:
        return recipe.network.input_format

    def samples(self, recipe: Any, data: JetDataset) -> Samples:
        from trigforge.hls.samples import Samples

        return Samples(
            name="jets",
            background=recipe.data.background,
            test=self._sample(recipe, data.test),
            signals={name: self._sample(recipe, part) for name, part in data.signals.items()},
            learnt={"train": len(data.train), "validation": len(data.validation)},
            format=self.input_format(recipe),
            info=data.info,
            source=data.source,
            sha256=data.sha256,
            preselection=f"{data.preselection}; upstream of the firmware: {self.upstream(recipe)}",
        )

    def _sample(self, recipe: Any, part: JetPart) -> Sample:
        from trigforge.hls.samples import Sample, on_format

        integers = on_format(part.inputs, self.input_format(recipe))
        return Sample(part.inputs, integers, self.baselines(recipe, part))


class _Energy(_Jets):
    """A whole autoencoder with its energy."""

    def float_network(self, recipe: Any, path: Path) -> nn.Module:
        from trigforge.train.nae.energy_score import EnergySum

        return EnergySum(self.autoencoder(path, AFTER)).eval()

    def rivals(self, recipe: Any, path: Path) -> dict[str, nn.Module]:
        """The autoencoder as it was before the normalisation."""
        from trigforge.train.nae.energy_score import EnergySum

        return {BEFORE: EnergySum(self.autoencoder(path, BEFORE)).eval()}

    def score_name(self, recipe: Any) -> str:
        return "energy"


class _Images(_Jets):
    """Images of 40 x 40 pixels."""

    def build(self, seed: int) -> Autoencoder:
        from trigforge.train.nae.network import build_jet_autoencoder

        return build_jet_autoencoder(seed)

    def released(self, recipe: ImageRecipe, name: str) -> Trained:
        from trigforge.train.nae.released import load_released_nae

        data = recipe.data
        seen = {"power": data.power, "sigma_pixels": data.sigma_pixels}
        return _released(load_released_nae(name), name, data.background, seen)

    def input_shape(self, recipe: ImageRecipe) -> tuple[int, ...]:
        from trigforge.train.nae.network import SIZE

        return SIZE, SIZE

    def baselines(self, recipe: ImageRecipe, part: JetPart) -> dict[str, NDArray[Any]]:
        import numpy as np

        jets = part.jets
        assert jets.constituents is not None  # noqa: S101 # images were made of them
        brightness = PIXELS * np.square(part.inputs, dtype=np.float64).sum((1, 2))
        counts = jets.constituents.counts
        if recipe.data.signals_are == "heavier":
            return {
                "jet_mass": jets.mass,
                "constituents": counts,
                "low_brightness": -brightness,
                "jet_pt": jets.pt,
            }
        return {
            "low_jet_mass": -jets.mass,
            "low_constituents": -counts,
            "brightness": brightness,
            "jet_pt": jets.pt,
        }

    def upstream(self, recipe: ImageRecipe) -> str:
        data = recipe.data
        steps = ["centred, rotated, flipped", "pixels of 0.029 x 0.035"]
        steps += [f"pT^{data.power:g} per pixel"] if data.power != 1 else []
        steps += ["normalised to a sum of one"]
        if data.sigma_pixels:
            steps.append(f"a Gaussian filter (sigma in pixels: {data.sigma_pixels:g})")
        return ", ".join([*steps, f"truncated to {recipe.network.input}"])


class ImageEnergy(_Images, _Energy):
    """The NAE of jet images with its energy in the graph."""

    def quantise(self, recipe: ImageRecipe, network: Any, data: JetDataset, work: Path) -> Trained:
        from trigforge.quantize.nae_qat import quantize_energy

        images = _tensor(data.train.inputs), _tensor(data.validation.inputs)
        model, config = network.autoencoder, recipe.quantize
        return quantize_energy(model, config, *images, work, grid=_grid(recipe))

    def released_quantised(self, recipe: ImageRecipe, name: str) -> Trained:
        from trigforge.quantize.nae_qat import load_released_energy_twin

        return load_released_energy_twin(recipe.quantize, _grid(recipe), name)

    def quantised_network(self, recipe: ImageRecipe, path: Path) -> Any:
        from trigforge.quantize.nae import empty_energy_twin, energy_twin_from_state
        from trigforge.train.weights import load_weights

        config = recipe.quantize
        state = load_weights(path, empty_energy_twin(config).state_dict())
        return energy_twin_from_state(config, state)


class ImageEncoder(_Images):
    """The encoder of an NAE of jet images with prototypes of background behind it."""

    def score_name(self, recipe: ImageRecipe) -> str:
        return "latent_score"

    def score_column(self, recipe: ImageRecipe) -> tuple[int, int]:
        """The density of background, low where anomalous."""
        return 0, -1

    def rivals(self, recipe: ImageRecipe, path: Path) -> dict[str, nn.Module]:
        return {}

    def released(self, recipe: ImageRecipe, name: str) -> Trained:
        """Released weights, with prototypes of the shipped background that they were trained on."""
        from trigforge.hls.jet_data import load_jet_dataset

        found = super().released(recipe, name)
        state = self.completed(recipe, found.state, load_jet_dataset(recipe, None))
        return Weights(state, found.history, found.metrics)

    def completed(
        self, recipe: ImageRecipe, state: dict[str, Tensor], data: JetDataset
    ) -> dict[str, Tensor]:
        """With prototypes fitted to the latents of background."""
        import numpy as np
        import torch

        from trigforge.train.nae.network import build_jet_autoencoder
        from trigforge.train.nae.prototypes import fit_prototypes
        from trigforge.train.scores import evaluate_latents

        network = build_jet_autoencoder(0)
        network.load_state_dict(_part(state, AFTER))
        latents = evaluate_latents(network.encoder, data.train.inputs)
        rng = np.random.default_rng(PROTOTYPE_SEED)
        found = fit_prototypes(latents.astype(np.float64), self._prototypes(recipe), rng)
        return {
            **state,
            WEIGHTS: torch.from_numpy(found.weights),
            OFFSETS: torch.from_numpy(found.offsets),
        }

    def float_network(self, recipe: ImageRecipe, path: Path) -> LatentScore:
        import torch

        from trigforge.train.nae.network import LATENTS, build_jet_autoencoder
        from trigforge.train.nae.prototypes import LatentScore, Prototypes

        count, real = self._prototypes(recipe), torch.float64
        shapes = {WEIGHTS: (count, LATENTS), OFFSETS: (count,)}
        state = self.state(path, **{n: torch.zeros(s, dtype=real) for n, s in shapes.items()})
        model = build_jet_autoencoder(0)
        model.load_state_dict(_part(state, AFTER))
        found = Prototypes(state[WEIGHTS].numpy(), state[OFFSETS].numpy(), 0.0)
        return LatentScore.of(model, found)

    def quantise(self, recipe: ImageRecipe, network: Any, data: JetDataset, work: Path) -> Trained:
        from trigforge.quantize.nae_qat import quantize_latent

        images = _tensor(data.train.inputs), _tensor(data.validation.inputs)
        return quantize_latent(network, recipe.quantize, *images, work, grid=_grid(recipe))

    def released_quantised(self, recipe: ImageRecipe, name: str) -> Trained:
        from trigforge.quantize.nae_qat import load_released_latent_twin

        count = self._prototypes(recipe)
        return load_released_latent_twin(recipe.quantize, _grid(recipe), count, name)

    def quantised_network(self, recipe: ImageRecipe, path: Path) -> Any:
        from trigforge.quantize.nae import empty_latent_twin, latent_twin_from_state
        from trigforge.train.weights import load_weights

        config, count = recipe.quantize, self._prototypes(recipe)
        state = load_weights(path, empty_latent_twin(config, count).state_dict())
        return latent_twin_from_state(config, count, state)

    def _prototypes(self, recipe: ImageRecipe) -> int:
        count = recipe.network.prototypes
        assert count is not None  # noqa: S101 # checked by the recipe
        return count


class VariableEnergy(_Energy):
    """The NAE of eight substructure variables with its energy in the graph."""

    def build(self, seed: int) -> Autoencoder:
        from trigforge.train.nae.network import build_dense_autoencoder

        return build_dense_autoencoder(seed)

    def released(self, recipe: VariableRecipe, name: str) -> Trained:
        from trigforge.train.nae.released import load_released_dense_nae

        return _released(load_released_dense_nae(name), name, recipe.data.background, {})

    def input_shape(self, recipe: VariableRecipe) -> tuple[int, ...]:
        from trigforge.train.nae.network import VARIABLES

        return (VARIABLES,)

    def baselines(self, recipe: VariableRecipe, part: JetPart) -> dict[str, NDArray[Any]]:
        from trigforge.train.jets.jets import VARIABLES

        jets = part.jets
        assert jets.variables is not None  # noqa: S101 # they are the inputs
        heavier = recipe.data.signals_are == "heavier"
        sign, low = (1, "") if heavier else (-1, "low_")
        return {
            f"{low}jet_mass": sign * jets.mass,
            "jet_pt": jets.pt,
            f"{low}tau3_permille": sign * PERMILLE * jets.variables[:, VARIABLES.index("tau3")],
        }

    def upstream(self, recipe: VariableRecipe) -> str:
        return (
            "eight variables, each mapped to the normal distribution of the background, "
            f"truncated to {recipe.network.input}"
        )

    def quantise(
        self, recipe: VariableRecipe, network: Any, data: JetDataset, work: Path
    ) -> Trained:
        from trigforge.quantize.nae_qat import quantize_dense

        variables = _tensor(data.train.inputs), _tensor(data.validation.inputs)
        model, config = network.autoencoder, recipe.quantize
        return quantize_dense(model, config, *variables, work, grid=_grid(recipe))

    def released_quantised(self, recipe: VariableRecipe, name: str) -> Trained:
        from trigforge.quantize.nae_qat import load_released_dense_twin

        return load_released_dense_twin(recipe.quantize, _grid(recipe), name)

    def quantised_network(self, recipe: VariableRecipe, path: Path) -> Any:
        from trigforge.quantize.nae import dense_twin_from_state, empty_dense_twin
        from trigforge.train.weights import load_weights

        config = recipe.quantize
        state = load_weights(path, empty_dense_twin(config).state_dict())
        return dense_twin_from_state(config, state)


JET_ARCHITECTURES: dict[str, Architecture[Any, JetDataset]] = {
    "nae full": ImageEnergy(),
    "nae encoder": ImageEncoder(),
    "nae_variables full": VariableEnergy(),
}


def jet_architecture_of(recipe: JetRecipe) -> Architecture[Any, JetDataset]:
    """The row of the table for a recipe."""
    return JET_ARCHITECTURES[f"{recipe.network.architecture} {recipe.network.export}"]


def _released(
    found: ReleasedNae[Any], name: str, background: str, preprocessing: Mapping[str, float]
) -> Weights:
    """Released weights for the background and the preprocessing of a recipe.

    Raises:
        InputError: they were trained on something else.
    """
    from trigforge.train.errors import InputError

    stated = {"background": found.config.get("background"), **found.config.get("preprocessing", {})}
    for key, value in {"background": background, **preprocessing}.items():
        if stated.get(key) != value:
            raise InputError(
                f"train.released: {name} was trained with {key} = {stated.get(key)}, the recipe "
                f"has data.{key} = {value}; change the recipe or train from scratch"
            )
    states = {BEFORE: found.autoencoder.state_dict(), AFTER: found.normalised.state_dict()}
    history = [epoch for phase in found.history.values() for epoch in phase]
    return Weights(_joined(states), history, dict(found.metrics))


def _joined(states: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {f"{p}.{name}": value for p, state in states.items() for name, value in state.items()}


def _part(state: Mapping[str, Tensor], phase: str) -> dict[str, Tensor]:
    head = f"{phase}."
    return {name.removeprefix(head): v for name, v in state.items() if name.startswith(head)}


def _tensor(inputs: NDArray[Any]) -> Tensor:
    """Images (N, 1, H, W) or variables (N, V)."""
    import torch

    values = torch.from_numpy(inputs)
    return values[:, None] if values.ndim == 3 else values


def _grid(recipe: JetRecipe) -> InputGrid:
    from trigforge.quantize.input_grid import InputGrid

    format = recipe.network.input_format
    return InputGrid(format.width, format.fraction, format.signed)
