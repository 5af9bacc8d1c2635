"""The NAE of jet images as firmware: whole with its energy, or the encoder with prototypes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigforge.hls.jet_recipe import ImageRecipe
from trigforge.hls.stages.jet_networks import (
    AFTER,
    EnergyNetwork,
    JetNetwork,
    Weights,
    input_grid,
    phase_of,
    released_weights,
    tensor,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from trigforge.hls.stages.architectures import Trained
    from trigforge.train.jets.dataset import JetDataset, JetPart
    from trigforge.train.nae.network import Autoencoder
    from trigforge.train.nae.prototypes import LatentScore

WEIGHTS, OFFSETS = "prototypes.weights", "prototypes.offsets"
PROTOTYPE_SEED = 5
PIXELS = 1600
"""The unit in which the windows of equal baseline (5 %, at least 1) make sense for brightness."""


class _Images(JetNetwork):
    """Images of 40 x 40 pixels."""

    def build(self, seed: int) -> Autoencoder:
        from trigforge.train.nae.network import build_jet_autoencoder

        return build_jet_autoencoder(seed)

    def released(self, recipe: ImageRecipe, name: str) -> Trained:
        from trigforge.train.nae.released import load_released_nae

        data = recipe.data
        seen = {"power": data.power, "sigma_pixels": data.sigma_pixels}
        return released_weights(load_released_nae(name), name, data.background, seen)

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


class ImageEnergy(_Images, EnergyNetwork):
    """The NAE of jet images with its energy in the graph."""

    def quantise(self, recipe: ImageRecipe, network: Any, data: JetDataset, work: Path) -> Trained:
        from trigforge.quantize.nae_qat import quantize_energy

        images = tensor(data.train.inputs), tensor(data.validation.inputs)
        model, config = network.autoencoder, recipe.quantize
        return quantize_energy(model, config, *images, work, grid=input_grid(recipe))

    def released_quantised(self, recipe: ImageRecipe, name: str) -> Trained:
        from trigforge.quantize.nae_qat import load_released_energy_twin

        return load_released_energy_twin(recipe.quantize, input_grid(recipe), name)

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
        network.load_state_dict(phase_of(state, AFTER))
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
        model.load_state_dict(phase_of(state, AFTER))
        found = Prototypes(state[WEIGHTS].numpy(), state[OFFSETS].numpy(), 0.0)
        return LatentScore.of(model, found)

    def quantise(self, recipe: ImageRecipe, network: Any, data: JetDataset, work: Path) -> Trained:
        from trigforge.quantize.nae_qat import quantize_latent

        images = tensor(data.train.inputs), tensor(data.validation.inputs)
        return quantize_latent(network, recipe.quantize, *images, work, grid=input_grid(recipe))

    def released_quantised(self, recipe: ImageRecipe, name: str) -> Trained:
        from trigforge.quantize.nae_qat import load_released_latent_twin

        count = self._prototypes(recipe)
        return load_released_latent_twin(recipe.quantize, input_grid(recipe), count, name)

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
