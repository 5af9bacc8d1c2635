"""The whole CoDAE, quantised, with its reconstruction score in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, repeat

from torch import Tensor, nn

from trigforge.quantize.activations import QuantGrid
from trigforge.quantize.calibration import calibrate
from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.heads import RECONSTRUCTION
from trigforge.quantize.layers import QuantLayers
from trigforge.quantize.quantisers import freeze_scales
from trigforge.train.codae import CoDAE
from trigforge.train.config import NetworkConfig


class ScoreNetwork(nn.Module):
    """A quantised CoDAE and a score head: masks (B, 1, H, W) to scores (B, 1).

    The head follows from the grid of the logits and has nothing to train.
    """

    def __init__(self, codae: CoDAE, network: NetworkConfig, config: QuantizeConfig) -> None:
        super().__init__()
        self.codae = codae
        logits = codae.decoder.logits
        assert isinstance(logits, QuantGrid)  # noqa: S101
        self.head = RECONSTRUCTION[network.score](logits, config.table_bits)

    def forward(self, masks: Tensor) -> Tensor:
        """Sums of errors over pixels, exact."""
        logits, _ = self.codae(masks)
        scores: Tensor = self.head(logits, masks)
        return scores


def empty_codae(network: NetworkConfig, config: QuantizeConfig) -> CoDAE:
    """The quantised architecture, scales frozen at 1, to be filled from a state dict.

    The mask encoder has the widths of ``encoder``; the parts around it one width each.
    """
    large = 3 * len(network.residual_filters) + 1
    weights, activations = config.full_weight_bits, config.full_activation_bits
    layers = QuantLayers(
        config,
        chain(repeat(weights, large), config.weight_bits, repeat(weights)),
        chain(repeat(activations, large - 1), config.activation_bits, repeat(activations)),
    )
    twin = CoDAE(network, layers)
    freeze_scales(twin)
    return twin


def build_codae_twin(
    model: CoDAE, network: NetworkConfig, config: QuantizeConfig, masks: Tensor
) -> CoDAE:
    """A calibrated twin of a trained float CoDAE, see :func:`~.calibration.calibrate`."""
    twin = empty_codae(network, config)
    calibrate(model, twin, masks)
    return twin


def codae_from_state(
    network: NetworkConfig, config: QuantizeConfig, state: Mapping[str, Tensor]
) -> CoDAE:
    """The twin in evaluation mode with trained weights and scales."""
    twin = empty_codae(network, config)
    twin.load_state_dict(state)
    return twin.eval()
