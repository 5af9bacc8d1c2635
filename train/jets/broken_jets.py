"""Background jets made strange without a signal: what a quantised twin sees beyond background.

A twin that has only seen background need not follow its float network elsewhere, but that is where
signals lie. Images are (N, 1, H, W) with sum one, as
:func:`~trigforge.train.jets.images.jet_images` makes them; variables are (N, V), mapped to a normal
distribution and limited to :data:`LIMIT`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

Breaking = Callable[[Tensor, torch.Generator], Tensor]

SPOTS = 4
PATCHES = 4
LIMIT = 4.0


def broken(jets: Tensor, breakings: Mapping[str, Breaking], generator: torch.Generator) -> Tensor:
    """Each jet broken in one of the ways, :data:`IMAGES` or :data:`VARIABLES`."""
    kinds = torch.randint(len(breakings), (len(jets),), generator=generator)
    found = torch.empty_like(jets)
    for index, breaking in enumerate(breakings.values()):
        chosen = torch.nonzero(kinds == index)[:, 0]
        if len(chosen):
            found[chosen] = breaking(jets[chosen], generator)
    return found


def normalised(images: Tensor) -> Tensor:
    """Images whose pixels are not negative and sum to one; empty ones become flat."""
    pixels = images.clamp(min=0.0)
    sums = pixels.sum((1, 2, 3), keepdim=True)
    flat = torch.full_like(pixels, 1 / pixels[0].numel())
    return torch.where(sums > 0, pixels / sums.clamp_min(1e-12), flat)


def overlaid(images: Tensor, generator: torch.Generator) -> Tensor:
    """A weighted mean with another image."""
    share = _uniform(len(images), 0.3, 0.7, generator)
    others = images[torch.randperm(len(images), generator=generator)]
    return share * images + (1 - share) * others


def moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turned by any angle, enlarged or reduced by up to 1.6, shifted by up to a tenth."""
    count = len(images)
    angle = _uniform(count, -math.pi, math.pi, generator).flatten()
    zoom = torch.exp(_uniform(count, -0.47, 0.47, generator)).flatten()
    shift = 0.4 * torch.rand(count, 2, generator=generator) - 0.2
    cos, sin = zoom * torch.cos(angle), zoom * torch.sin(angle)
    rows = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    grid = functional.affine_grid(
        torch.cat([rows, shift[:, :, None]], 2), list(images.shape), align_corners=False
    )
    return normalised(functional.grid_sample(images, grid, align_corners=False))


def shuffled(images: Tensor, generator: torch.Generator) -> Tensor:
    """Sixteen patches in random order."""
    count, _, height, width = images.shape
    if height % PATCHES or width % PATCHES:
        raise ValueError(f"images of {height} x {width} do not split into {PATCHES}^2 patches")
    order = torch.rand(count, PATCHES**2, generator=generator).argsort(1)
    rows, columns = height // PATCHES, width // PATCHES
    tiled = images.reshape(count, PATCHES, rows, PATCHES, columns).transpose(2, 3)
    patches = tiled.flatten(1, 2)[torch.arange(count)[:, None], order]
    return patches.reshape(tiled.shape).transpose(2, 3).reshape(images.shape)


def reweighted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Pixels to a power between a half and two: softer and harder jets."""
    return normalised(images ** torch.exp2(_uniform(len(images), -1.0, 1.0, generator)))


def spotted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Up to half of the pT in a few round spots anywhere."""
    count, _, height, width = images.shape
    y = torch.arange(height).view(1, 1, -1, 1)
    x = torch.arange(width).view(1, 1, 1, -1)
    place = torch.rand(count, SPOTS, 2, 1, 1, generator=generator)
    squares = (y - height * place[:, :, 0]) ** 2 + (x - width * place[:, :, 1]) ** 2
    weight = torch.rand(count, SPOTS, 1, 1, generator=generator)
    spots = normalised((weight * torch.exp(-squares / 2)).sum(1, keepdim=True))
    share = _uniform(count, 0.0, 0.5, generator)
    return (1 - share) * images + share * spots


def exchanged(variables: Tensor, generator: torch.Generator) -> Tensor:
    """About half of the variables of another jet: correlations are lost."""
    others = variables[torch.randperm(len(variables), generator=generator)]
    return torch.where(torch.rand(variables.shape, generator=generator) < 0.5, others, variables)


def widened(variables: Tensor, generator: torch.Generator) -> Tensor:
    """All variables of a jet times a factor up to two."""
    factor = 1 + torch.rand(len(variables), 1, generator=generator)
    return (factor * variables).clamp(-LIMIT, LIMIT)


def smeared(variables: Tensor, generator: torch.Generator) -> Tensor:
    """Each variable moved by up to one standard deviation or so."""
    width = torch.rand(len(variables), 1, generator=generator)
    noise = width * torch.randn(variables.shape, generator=generator)
    return (variables + noise).clamp(-LIMIT, LIMIT)


def displaced(variables: Tensor, generator: torch.Generator) -> Tensor:
    """One variable anywhere within the limits."""
    chosen = torch.randint(variables.shape[1], (len(variables), 1), generator=generator)
    anywhere = LIMIT * (2 * torch.rand(len(variables), 1, generator=generator) - 1)
    return variables.scatter(1, chosen, anywhere)


IMAGES: dict[str, Breaking] = {
    "overlaid": overlaid,
    "moved": moved,
    "shuffled": shuffled,
    "reweighted": reweighted,
    "spotted": spotted,
}
VARIABLES: dict[str, Breaking] = {
    "exchanged": exchanged,
    "widened": widened,
    "smeared": smeared,
    "displaced": displaced,
}


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)
