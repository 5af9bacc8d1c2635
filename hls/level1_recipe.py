"""Recipes of level-1 networks: which grid they see is part of them."""

from __future__ import annotations

from dataclasses import dataclass

from trigforge.hls.recipe import Recipe
from trigforge.train.config import Level1Network, ObjectNetwork, RegionNetwork


@dataclass(frozen=True, kw_only=True)
class Level1Recipe(Recipe):
    """A network of level-1 integers."""

    network: Level1Network


@dataclass(frozen=True, kw_only=True)
class RegionRecipe(Level1Recipe):
    """``l1_regions``."""

    network: RegionNetwork


@dataclass(frozen=True, kw_only=True)
class ObjectRecipe(Level1Recipe):
    """``l1_objects``."""

    network: ObjectNetwork

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.network.export != "full":
            raise ValueError(
                f"network.export is {self.network.export!r}; the score of l1_objects is its "
                "reconstruction's error: 'full'"
            )


LEVEL1_RECIPES: dict[str, type[Level1Recipe]] = {
    "l1_regions": RegionRecipe,
    "l1_objects": ObjectRecipe,
}
