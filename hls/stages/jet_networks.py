"""What networks of jets have in common: weights of both phases, jets as inputs.

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
from trigforge.hls.jet_recipe import JetRecipe

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from trigforge.hls.samples import Sample, Samples
    from trigforge.hls.stages.architectures import Trained
    from trigforge.quantize.input_grid import InputGrid
    from trigforge.train.jets.dataset import JetDataset, JetPart
    from trigforge.train.nae.network import Autoencoder
    from trigforge.train.nae.released import ReleasedNae

BEFORE, AFTER = "autoencoder", "normalised"


@dataclass(frozen=True)
class Weights:
    """Weights with the history and the metrics of their training."""

    state: dict[str, Tensor]
    history: list[dict[str, float]] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)


class JetNetwork(ABC):
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

        inputs = JetInputs(tensor(data.train.inputs), tensor(data.validation.inputs))
        training = training_of(recipe.train)
        shown = work.with_name("diagnostics")
        trained = train_nae(self.build, inputs, training, work, diagnostics=shown)
        states = {BEFORE: trained.autoencoder, AFTER: trained.normalised}
        with torch.no_grad():
            state = self.completed(recipe, joined(states), data)
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
        network.load_state_dict(phase_of(self.state(path), phase))
        return network.eval()

    def state(self, path: Path, **fitted: Tensor) -> dict[str, Tensor]:
        """A weights file: both phases and what is fitted to background."""
        from trigforge.train.weights import load_weights

        phase = self.build(0).state_dict()
        return load_weights(path, {**joined({BEFORE: phase, AFTER: phase}), **fitted})

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


class EnergyNetwork(JetNetwork):
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


def released_weights(
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
    return Weights(joined(states), history, dict(found.metrics))


def joined(states: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """One state dict of several, each tensor behind the name of its phase."""
    return {f"{p}.{name}": value for p, state in states.items() for name, value in state.items()}


def phase_of(state: Mapping[str, Tensor], phase: str) -> dict[str, Tensor]:
    """The state dict of one phase."""
    head = f"{phase}."
    return {name.removeprefix(head): v for name, v in state.items() if name.startswith(head)}


def tensor(inputs: NDArray[Any]) -> Tensor:
    """Images (N, 1, H, W) or variables (N, V)."""
    import torch

    values = torch.from_numpy(inputs)
    return values[:, None] if values.ndim == 3 else values


def input_grid(recipe: JetRecipe) -> InputGrid:
    """The format of the firmware's input, as quantised networks know it."""
    from trigforge.quantize.input_grid import InputGrid

    format = recipe.network.input_format
    return InputGrid(format.width, format.fraction, format.signed)
