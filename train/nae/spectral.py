"""Spectral normalisation: every convolution and dense layer divided by its largest singular value.

One step of power iteration per training pass (Miyato et al., 1802.05957). A convolution counts as
the matrix (filters, channels x kernel), as in the published code. Networks leave the training with
the weights as they act, so nothing of this reaches firmware.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import remove_parametrizations

NORMALISED = (nn.Conv2d, nn.Linear)


def normalise_spectra(model: nn.Module, seed: int) -> None:
    """Attach the normalisation to all convolutions and dense layers, in place.

    Args:
        seed: of the first vectors of the power iterations.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in list(model.modules()):
            if isinstance(module, NORMALISED):
                spectral_norm(module, n_power_iterations=1)


def fix_spectra(model: nn.Module) -> None:
    """Keep the weights as they act and drop the normalisation, in place."""
    model.eval()
    for module in list(model.modules()):
        if isinstance(module, NORMALISED) and hasattr(module, "parametrizations"):
            remove_parametrizations(module, "weight")


def squared_weights(model: nn.Module) -> Tensor:
    """Sum of squares of all parameters, a scalar with gradient."""
    return torch.stack([p.square().sum() for p in model.parameters()]).sum()
