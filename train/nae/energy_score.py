"""The energy of an autoencoder as a network with one output: what becomes firmware."""

from __future__ import annotations

from torch import Tensor, nn

from trigforge.train.nae.network import Autoencoder


class EnergySum(nn.Module):
    """Inputs (B, ...) to squared errors summed over pixels or variables, (B, 1) float64.

    The paper's energy is that over their number.
    """

    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, inputs: Tensor) -> Tensor:
        """Scores, higher is more anomalous."""
        network = self.autoencoder
        errors = (inputs - network.decode(network.encode(inputs))).double().square()
        return errors.flatten(1).sum(1, keepdim=True)
