"""A small trained-like mask encoder and events for the tests of quantisation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from trigforge.quantize.config import QuantizeConfig
from trigforge.train.codae import MaskEncoder, initialize
from trigforge.train.config import NetworkConfig
from trigforge.train.events import EventDataset, Events
from trigforge.train.layers import FloatLayers

HEIGHT, WIDTH = 24, 18
NETWORK = NetworkConfig(
    architecture="codae",
    export="encoder",
    height=HEIGHT,
    width=WIDTH,
    filters=(4, 8, 8, 12),
    groups=(1, 2, 2, 2),
)
CONFIG = QuantizeConfig(epochs=3, batch_size=16, learning_rate=1e-3)


def masks(count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Sparse masks (N, 24, 18) of varied density."""
    rng = np.random.default_rng(seed)
    density = rng.uniform(0.02, 0.3, (count, 1, 1))
    return (rng.random((count, HEIGHT, WIDTH)) < density).astype(np.uint8)


def tensor(images: npt.NDArray[np.uint8]) -> Tensor:
    """Masks as a network takes them, (N, 1, H, W) float32."""
    return torch.from_numpy(images).float()[:, None]


def float_encoder(seed: int = 1, network: NetworkConfig = NETWORK) -> MaskEncoder:
    """An encoder whose batch normalisation has seen events and has scales and shifts of its own."""
    generator = torch.Generator().manual_seed(seed)
    encoder = MaskEncoder(network, FloatLayers())
    initialize(encoder, generator, bias=0.1)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.uniform_(module.bias, -0.5, 0.5, generator=generator)
    encoder.train()
    rng = np.random.default_rng(seed)
    shape = (64, network.height, network.width)
    with torch.no_grad():
        for _ in range(10):
            encoder(tensor((rng.random(shape) < 0.1).astype(np.uint8)))
    return encoder.eval()


def events(count: int, seed: int) -> Events:
    """Masks with empty scalars."""
    zeros = np.zeros(count)
    return Events(
        masks(count, seed),
        zeros.astype(np.int32),
        zeros.astype(np.float32),
        np.ones(count, np.float32),
    )


DATASET = EventDataset(
    train=events(192, 1),
    validation=events(64, 2),
    test=events(8, 3),
    signals={},
    info={},
    source="generated",
    sha256="0" * 64,
    preselection="none",
)
