"""What the model stages do for networks of jets: a row for each kind, as for those of events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigforge.hls.jet_recipe import JetRecipe, VariableRecipe
from trigforge.hls.stages.jet_images import ImageEncoder, ImageEnergy
from trigforge.hls.stages.jet_networks import (
    EnergyNetwork,
    input_grid,
    released_weights,
    tensor,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trigforge.hls.stages.architectures import Architecture, Trained
    from trigforge.train.jets.dataset import JetDataset, JetPart
    from trigforge.train.nae.network import Autoencoder

PERMILLE = 1000
"""The unit in which the windows of equal baseline (5 %, at least 1) make sense for tau3."""


class VariableEnergy(EnergyNetwork):
    """The NAE of eight substructure variables with its energy in the graph."""

    def build(self, seed: int) -> Autoencoder:
        from trigforge.train.nae.network import build_dense_autoencoder

        return build_dense_autoencoder(seed)

    def released(self, recipe: VariableRecipe, name: str) -> Trained:
        from trigforge.train.nae.released import load_released_dense_nae

        return released_weights(load_released_dense_nae(name), name, recipe.data.background, {})

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

        variables = tensor(data.train.inputs), tensor(data.validation.inputs)
        model, config = network.autoencoder, recipe.quantize
        return quantize_dense(model, config, *variables, work, grid=input_grid(recipe))

    def released_quantised(self, recipe: VariableRecipe, name: str) -> Trained:
        from trigforge.quantize.nae_qat import load_released_dense_twin

        return load_released_dense_twin(recipe.quantize, input_grid(recipe), name)

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
