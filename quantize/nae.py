"""Quantised normalized autoencoders: of jet images (whole, encoder) and of eight variables.

The networks are those of ``trigforge.train.nae`` built from quantised layers, so modules are
matched by name and :func:`~trigforge.quantize.calibration.calibrate` fills them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, repeat

from torch import Tensor, nn

from trigforge.quantize.activations import QuantGrid
from trigforge.quantize.calibration import calibrate
from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.heads import RECONSTRUCTION, square
from trigforge.quantize.layers import QuantLayers
from trigforge.quantize.lookup import tabulated
from trigforge.quantize.quantisers import freeze_scales
from trigforge.train.nae.network import (
    DENSE,
    LATENTS,
    SIZE,
    VARIABLES,
    DenseAutoencoder,
    JetAutoencoder,
)
from trigforge.train.nae.prototypes import LatentScore

State = Mapping[str, Tensor]

HEADROOM = 1
"""See :func:`~.calibration.calibrate`."""

ENCODER_LAYERS = 7
"""Layers with weights of :class:`~trigforge.train.nae.network.JetEncoder`."""


class EnergyScore(nn.Module):
    """A quantised autoencoder with its energy: images (B, 1, H, W) to scores (B, 1).

    The score is the squared error summed over pixels, exact; the paper's energy is that over their
    number. Images lie on the grid that the export is given. The head follows from the grid of the
    logits, which has to be chosen before.
    """

    def __init__(self, autoencoder: JetAutoencoder, config: QuantizeConfig) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        logits = autoencoder.decoder.logits
        assert isinstance(logits, QuantGrid)  # noqa: S101
        self.table = partial(
            tabulated,
            name="sigmoid",
            bits=logits.bits,
            exponent=logits.exponent,
            out_bits=config.table_bits,
        )
        self.head = RECONSTRUCTION["sse"](logits, config.table_bits)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (B, 1, H, W) that the decoder makes."""
        logits, _ = self.autoencoder(images)
        return self.table(logits)

    def forward(self, images: Tensor) -> Tensor:
        """Sums of squared errors over pixels."""
        logits, _ = self.autoencoder(images)
        scores: Tensor = self.head(logits, images)
        return scores


class DenseEnergyScore(nn.Module):
    """A quantised autoencoder of variables with its energy: (B, V) to scores (B, 1).

    The score is the squared error summed over variables, exact.
    """

    def __init__(self, autoencoder: DenseAutoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def reconstruct(self, variables: Tensor) -> Tensor:
        """Variables (B, V) that the decoder makes."""
        network = self.autoencoder
        # decode() makes float32, which would break float64 oracles
        found: Tensor = network.output(network.decoder(network.encode(variables)))
        return found

    def forward(self, variables: Tensor) -> Tensor:
        """Sums of squared errors over variables."""
        errors = square(variables - self.reconstruct(variables)).double()
        return errors.sum(1, keepdim=True)


def layers_of(config: QuantizeConfig) -> QuantLayers:
    """One width for all weights and one for all activations, those of ``full``."""
    return QuantLayers(config, repeat(config.full_weight_bits), repeat(config.full_activation_bits))


def latent_layers_of(config: QuantizeConfig) -> QuantLayers:
    """As :func:`layers_of`, but prototypes have ``bias_bits``.

    They are few and long: where background is dense on the sphere, a step of a prototype's
    components is worth a step of the score.
    """
    weights = chain(repeat(config.full_weight_bits, ENCODER_LAYERS), repeat(config.bias_bits))
    return QuantLayers(config, weights, repeat(config.full_activation_bits))


def empty_energy_twin(
    config: QuantizeConfig, latents: int = LATENTS, size: int = SIZE
) -> EnergyScore:
    """The quantised architecture, scales frozen at 1: the tensors of a state dict."""
    twin = EnergyScore(JetAutoencoder(layers_of(config), latents, size), config)
    freeze_scales(twin)
    return twin


def empty_latent_twin(
    config: QuantizeConfig, prototypes: int, latents: int = LATENTS, size: int = SIZE
) -> LatentScore:
    """The quantised architecture, scales frozen at 1, to be filled from a state dict."""
    twin = LatentScore(latent_layers_of(config), latents, size, prototypes)
    freeze_scales(twin)
    return twin


def empty_dense_twin(
    config: QuantizeConfig, variables: int = VARIABLES, widths: Sequence[int] = DENSE
) -> DenseEnergyScore:
    """The quantised architecture, scales frozen at 1, to be filled from a state dict."""
    twin = DenseEnergyScore(DenseAutoencoder(layers_of(config), variables, widths))
    freeze_scales(twin)
    return twin


def build_energy_twin(model: JetAutoencoder, config: QuantizeConfig, images: Tensor) -> EnergyScore:
    """A calibrated twin of a whole autoencoder, see :func:`~.calibration.calibrate`.

    Args:
        images: background (B, 1, H, W) on the grid of the firmware's input.
    """
    twin = JetAutoencoder(layers_of(config), model.latents, model.size)
    calibrate(model, twin, images, HEADROOM)
    return EnergyScore(twin, config).eval()


def build_latent_twin(model: LatentScore, config: QuantizeConfig, images: Tensor) -> LatentScore:
    """A calibrated twin of an encoder with its prototypes."""
    twin = model.rebuilt(latent_layers_of(config))
    calibrate(model, twin, images, HEADROOM)
    return twin.eval()


def build_dense_twin(
    model: DenseAutoencoder, config: QuantizeConfig, variables: Tensor
) -> DenseEnergyScore:
    """A calibrated twin of an autoencoder of variables.

    Args:
        variables: background (B, V) on the grid of the firmware's input.
    """
    twin = model.rebuilt(layers_of(config))
    calibrate(model, twin, variables)
    return DenseEnergyScore(twin).eval()


def energy_twin_from_state(config: QuantizeConfig, state: State) -> EnergyScore:
    """The twin in evaluation mode with the weights and scales of a training."""
    twin = empty_energy_twin(config)
    twin.load_state_dict(state)
    return EnergyScore(twin.autoencoder, config).eval()


def latent_twin_from_state(config: QuantizeConfig, prototypes: int, state: State) -> LatentScore:
    """The twin in evaluation mode with the weights and scales of a training."""
    twin = empty_latent_twin(config, prototypes)
    twin.load_state_dict(state)
    return twin.eval()


def dense_twin_from_state(config: QuantizeConfig, state: State) -> DenseEnergyScore:
    """The twin in evaluation mode with the weights and scales of a training."""
    twin = empty_dense_twin(config)
    twin.load_state_dict(state)
    return twin.eval()
