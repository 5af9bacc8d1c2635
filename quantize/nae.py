"""Quantised normalized autoencoders of jet images: the whole network with its energy, the encoder.

The networks are those of ``trigforge.train.nae`` built from quantised layers, so modules are
matched by name and :func:`~trigforge.quantize.calibration.calibrate` fills them.
"""

from __future__ import annotations

from itertools import repeat

from torch import Tensor, nn

from trigforge.quantize.activations import QuantGrid
from trigforge.quantize.calibration import calibrate
from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.heads import RECONSTRUCTION
from trigforge.quantize.layers import QuantLayers
from trigforge.train.nae.network import JetAutoencoder
from trigforge.train.nae.prototypes import LatentScore


class EnergyScore(nn.Module):
    """A quantised autoencoder with its energy: images (B, 1, H, W) to scores (B, 1).

    The score is the squared error summed over pixels, exact; the paper's energy is that over their
    number. Images lie on the grid that the export is given.
    """

    def __init__(self, autoencoder: JetAutoencoder, config: QuantizeConfig) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        logits = autoencoder.decoder.logits
        assert isinstance(logits, QuantGrid)  # noqa: S101
        self.head = RECONSTRUCTION["sse"](logits, config.table_bits)

    def forward(self, images: Tensor) -> Tensor:
        """Sums of squared errors over pixels."""
        logits, _ = self.autoencoder(images)
        scores: Tensor = self.head(logits, images)
        return scores


def layers_of(config: QuantizeConfig) -> QuantLayers:
    """One width for all weights and one for all activations, those of ``full``."""
    return QuantLayers(config, repeat(config.full_weight_bits), repeat(config.full_activation_bits))


def build_energy_twin(model: JetAutoencoder, config: QuantizeConfig, images: Tensor) -> EnergyScore:
    """A calibrated twin of a whole autoencoder, see :func:`~.calibration.calibrate`.

    Args:
        images: background (B, 1, H, W) on the grid of the firmware's input.
    """
    twin = JetAutoencoder(layers_of(config), model.latents, model.size)
    calibrate(model, twin, images)
    return EnergyScore(twin, config).eval()


def build_latent_twin(model: LatentScore, config: QuantizeConfig, images: Tensor) -> LatentScore:
    """A calibrated twin of an encoder with its prototypes."""
    twin = model.rebuilt(layers_of(config))
    calibrate(model, twin, images)
    return twin.eval()
