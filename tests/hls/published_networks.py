"""The NAE at its published size and the whole CoDAE at reduced width, weights like trained ones.

Trained weights have tails: most are small beside the largest, which sets the grid. The ones here
are drawn from a Laplace distribution and scaled so that activations keep their spread from layer to
layer, then rounded to seven bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from autoencoders import ACTIVATION, PIXEL, SAME, Builder

from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph, Ints
from trigforge.hls.ops import (
    Add,
    Append,
    Bilinear,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    Flatten,
    InstanceNorm,
    LeakyRelu,
    Lookup,
    MaxPool,
    Mul,
    Scale,
    Sphere,
    Sub,
    Tile,
    Total,
    Unflatten,
)
from trigforge.hls.tables import tabulate

WEIGHT_LIMIT = 63
NORMALISED = Format(9, 4, True)
MASK = Format(1, 1, False)


class TrainedLike(Builder):
    """Layers whose weights have tails, on the finest grid on which seven bits hold them."""

    def weights(self, *shape: int) -> dict[str, Any]:
        """Weights and biases; a variance of one in gives about one out."""
        spread = 1.2 / np.sqrt(np.prod(shape[:-1]))
        weight = self.rng.laplace(0, spread / np.sqrt(2), shape)
        fraction = int(np.floor(np.log2(WEIGHT_LIMIT / np.abs(weight).max())))
        return {
            "weight": np.rint(weight * 2.0**fraction).astype(np.int64),
            "bias": np.rint(self.rng.normal(0, 16, shape[-1])).astype(np.int64),
            "weight_fraction": fraction,
            "bias_fraction": 7,
        }

    def prelu(self, source: str) -> str:
        """PReLU with one learnt slope, and a quantiser."""
        slope = int(self.rng.integers(10, 120))
        leaky = self(LeakyRelu, f"{source}_l", source, slope=slope, slope_fraction=8)
        return self.quantise(f"{source}_q", leaky, ACTIVATION)

    def normalised(self, source: str, channels: int, *, pixels: int) -> str:
        """InstanceNorm, factor and offset, LeakyReLU, quantisers."""
        edge = self.quantise(f"{source}_i", source, ACTIVATION)
        epsilon = max(1, round(1e-3 * pixels**2 * 4.0**ACTIVATION.fraction))
        edge = self(InstanceNorm, f"{source}_n", edge, epsilon=epsilon, format=NORMALISED)
        edge = self(
            Scale, f"{source}_s", edge, factor=self.rng.integers(8, 25, channels),
            offset=self.rng.integers(-12, 12, channels), factor_fraction=4, offset_fraction=4,
        )  # fmt: skip
        return self.activate(edge)


def nae(rng: np.random.Generator) -> Graph:
    """The NAE of arXiv:2206.14225, table 2, with its squared error; 84,442 parameters."""
    b = TrainedLike(rng)
    image = Edge.full((40, 40, 1), PIXEL)
    edge, channels = "x", 1
    for index, filters in enumerate((8, 8, 8, 8, 1), start=1):
        kernel = b.weights(3, 3, channels, filters)
        edge = b.prelu(b(Conv, f"conv{index}", edge, **kernel, pads=SAME))
        channels = filters
        if index == 2:
            edge = b.prelu(b(MaxPool, "pool", edge, kernel=(2, 2), strides=(2, 2)))
    edge = b(Flatten, "flatten", edge)
    edge = b.prelu(b(Dense, "dense1", edge, **b.weights(400, 100)))
    edge = b.quantise("z", b(Dense, "dense2", edge, **b.weights(100, 3)), ACTIVATION)
    edge = b(Sphere, "sphere", edge, format=Format(8, 2, True))
    edge = b.prelu(b(Dense, "dense3", edge, **b.weights(3, 100)))
    edge = b.prelu(b(Dense, "dense4", edge, **b.weights(100, 400)))
    edge = b(Unflatten, "image", edge, height=20, width=20, channels=1)
    channels = 1
    for index, filters in enumerate((8, 8, 8, 1), start=1):
        edge = b(
            ConvTranspose, f"deconv{index}", edge, **b.weights(3, 3, channels, filters), pads=SAME
        )
        channels = filters
        if index < 4:
            edge = b.prelu(edge)
        if index == 2:
            edge = b.prelu(b(Bilinear, "bilinear", edge))
    edge = b.quantise("logit", edge, ACTIVATION)
    sigmoid = tabulate("sigmoid", ACTIVATION, PIXEL)
    edge = b(Lookup, "sigmoid", edge, **sigmoid.parameters())
    edge = b(Sub, "residual", "x", edge)
    b(Total, "score", b(Mul, "squares", edge, edge))
    return Graph.build("nae", {"x": image}, b.nodes, ["score"])


def jets(rng: np.random.Generator, count: int) -> Ints:
    """(count, 40, 40, 1) images: all dark, all bright, white noise, then a few blurred prongs."""
    y, x = np.mgrid[:40, :40]
    images = np.zeros((count, 40, 40))
    images[1] = 255
    images[2] = rng.integers(0, 256, (40, 40))
    for image in images[3:]:
        for _ in range(rng.integers(1, 6)):
            row, column = rng.normal(20, 6, 2)
            spot = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 2)
            image += rng.exponential(120) * spot
    return np.minimum(images, 255).astype(np.int64)[..., None]


class Codae:
    """CoDAE of arXiv:2306.12955, tables 1 to 3, with ``filters`` channels in its stages."""

    def __init__(self, rng: np.random.Generator, filters: tuple[int, ...]) -> None:
        self.b = TrainedLike(rng)
        self.filters = filters
        self.sizes = {"x": (72, 58, 1)}

    def graph(self) -> Graph:
        """Both encoders, decoder and the cross-entropy between mask and reconstruction."""
        b = self.b
        z = self.mask_encoder()
        logit = b.quantise("logit", self.decoder(self.residual_encoder(), z), ACTIVATION)
        one, two = np.array([1]), np.array([-2])
        sign = b(Scale, "sign", "x", factor=two, offset=one, factor_fraction=0, offset_fraction=0)
        signed = b.quantise("signed", b(Mul, "product", logit, sign), ACTIVATION)
        softplus = tabulate("softplus", ACTIVATION, Format(10, 4, False))
        b(Total, "score", b(Lookup, "entropy", signed, **softplus.parameters()))
        return Graph.build("codae", {"x": Edge.full((72, 58, 1), MASK)}, b.nodes, ["score"])

    def block(self, name: str, edge: str, filters: int, *, stride: int = 1, groups: int = 1) -> str:
        """Convolution, InstanceNorm, LeakyReLU."""
        height, width, channels = self.sizes[edge]
        pads = SAME if stride == 1 else (height % 2, width % 2, 1, 1)
        kernel = self.b.weights(3, 3, channels // groups, filters)
        strides = (stride, stride)
        conv = self.b(Conv, name, edge, **kernel, pads=pads, strides=strides, groups=groups)
        height, width = -(-height // stride), -(-width // stride)
        out = self.b.normalised(conv, filters, pixels=height * width)
        self.sizes[out] = (height, width, filters)
        return out

    def residual(self, name: str, edge: str) -> str:
        """Two grouped blocks; the input is added behind the last activation."""
        channels = self.sizes[edge][2]
        inner = self.block(f"{name}a", edge, channels, groups=2)
        inner = self.block(f"{name}b", inner, channels, groups=2)
        out = self.b.quantise(f"{name}_o", self.b(Add, f"{name}_add", inner, edge), ACTIVATION)
        self.sizes[out] = self.sizes[edge]
        return out

    def mask_encoder(self) -> str:
        """Masks to two latents."""
        edge = "x"
        for index, filters in enumerate(self.filters):
            edge = self.block(f"mask{index}", edge, filters, groups=2 if index else 1)
            height, width, _ = self.sizes[edge]
            pads = (height % 2, width % 2, 1, 1)
            pool = f"mask{index}_pool"
            edge = self.b(MaxPool, pool, edge, kernel=(3, 3), strides=(2, 2), pads=pads)
            self.sizes[edge] = (-(-height // 2), -(-width // 2), filters)
        vector = self.b(Flatten, "flatten", edge)
        kernel = self.b.weights(int(np.prod(self.sizes[edge])), 2)
        return self.b.quantise("z", self.b(Dense, "dense", vector, **kernel), ACTIVATION)

    def residual_encoder(self) -> str:
        """Masks to a bottleneck of 5 x 4 pixels."""
        edge = "x"
        for index, filters in enumerate(self.filters):
            groups = 2 if index else 1
            edge = self.block(f"down{index}", edge, filters, stride=2, groups=groups)
            edge = self.residual(f"res{index}", edge)
        height, width, channels = self.sizes[edge]
        kernel = self.b.weights(1, 1, channels, channels)
        edge = self.b.quantise("y", self.b(Conv, "bottleneck", edge, **kernel), ACTIVATION)
        self.sizes[edge] = (height, width, channels)
        return edge

    def decoder(self, edge: str, z: str) -> str:
        """Bottleneck and latents to logits."""
        for index, filters in enumerate(reversed(self.filters)):
            edge = self.conditioned(index, edge, z)
            height, width, channels = self.sizes[edge]
            up = self.b(Bilinear, f"bilinear{index}", edge)
            edge = self.b.quantise(f"up{index}_q", up, ACTIVATION)
            self.sizes[edge] = (2 * height, 2 * width, channels)
            edge = self.block(f"up{index}", edge, filters, groups=2 if index else 1)
            edge = self.residual(f"dres{index}", edge)
        height, width, channels = self.sizes[edge]
        top, left = (height - 72) // 2, (width - 58) // 2
        edge = self.b(Crop, "crop", edge, top=top, left=left, height=72, width=58)
        return self.b(Conv, "pixels", edge, **self.b.weights(1, 1, channels, 1))

    def conditioned(self, index: int, edge: str, z: str) -> str:
        """The image times a linear convolution of the tiled latents and the x/y mesh."""
        height, width, channels = self.sizes[edge]
        tiled = self.b(Tile, f"tile{index}", z, height=height, width=width)
        x = np.broadcast_to(np.linspace(-1, 1, width), (height, width))
        y = np.broadcast_to(np.linspace(-1, 1, height)[:, None], (height, width))
        mesh = np.rint(np.stack([x, y], axis=-1) * 64).astype(np.int64)
        tiled = self.b(Append, f"mesh{index}", tiled, constant=mesh, constant_fraction=6)
        kernel = self.b.weights(3, 3, 4, channels)
        gate = self.b(Conv, f"gate{index}", tiled, **kernel, pads=SAME)
        gate = self.b.quantise(f"gate{index}_q", gate, ACTIVATION)
        product = self.b(Mul, f"condition{index}", edge, gate)
        out = self.b.quantise(f"condition{index}_q", product, ACTIVATION)
        self.sizes[out] = self.sizes[edge]
        return out


def codae(rng: np.random.Generator) -> Graph:
    """All three networks at the published image size, a sixteenth of the channels and fewer."""
    return Codae(rng, (4, 4, 8, 8)).graph()


def masks(rng: np.random.Generator, count: int) -> Ints:
    """(count, 72, 58, 1): empty, full, then densities from a few pixels to half of them."""
    density = np.geomspace(0.003, 0.5, count)[:, None, None, None]
    images = (rng.random((count, 72, 58, 1)) < density).astype(np.int64)
    images[0], images[1] = 0, 1
    return images
