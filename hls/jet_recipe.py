"""Recipes of jets: normalized autoencoders of images and of substructure variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from trigforge.hls.formats import Format
from trigforge.hls.recipe import BudgetConfig, HlsConfig
from trigforge.quantize.config import QuantizeConfig
from trigforge.train.errors import InputError
from trigforge.train.nae.config import NaeTrainConfig, PhaseNumbers

MOST_PROTOTYPES = 32
WIDEST_INPUT = 16

Sign = Literal["heavier", "lighter"]


@dataclass(frozen=True, kw_only=True)
class ImageNetwork:
    """The NAE of jet images (arXiv:2206.14225, table 2); its layers are fixed.

    Attributes:
        export: ``full`` (the energy in the graph) or ``encoder`` with ``prototypes`` of background
            behind it.
        input: unsigned format of pixels, which are truncated to it and saturate; images sum to one.
    """

    architecture: Literal["nae"]
    export: Literal["encoder", "full"]
    input: str = "ufixed<12,0>"
    prototypes: int | None = None

    def __post_init__(self) -> None:
        if _format("input", self.input).signed:
            raise ValueError(f"input is {self.input!r}; pixels are never negative, take ufixed")
        if self.export == "full":
            if self.prototypes is not None:
                raise ValueError("prototypes are the score of 'encoder'; 'full' has its energy")
        elif self.prototypes is None or not 1 <= self.prototypes <= MOST_PROTOTYPES:
            raise ValueError(
                f"prototypes is {self.prototypes}, expected 1 to {MOST_PROTOTYPES} for an 'encoder'"
            )

    @property
    def input_format(self) -> Format:
        """Of the firmware's input."""
        return Format.parse(self.input)


@dataclass(frozen=True, kw_only=True)
class VariableNetwork:
    """The NAE of eight substructure variables (CMS, EPS-HEP 2023) with its energy.

    Attributes:
        input: signed format of variables, which are mapped to a normal distribution upstream,
            truncated to the format and saturate.
    """

    architecture: Literal["nae_variables"]
    export: Literal["full"] = "full"
    input: str = "fixed<12,3>"

    def __post_init__(self) -> None:
        if not _format("input", self.input).signed:
            raise ValueError(f"input is {self.input!r}; variables have both signs, take fixed")

    @property
    def input_format(self) -> Format:
        """Of the firmware's input."""
        return Format.parse(self.input)


@dataclass(frozen=True, kw_only=True)
class JetData:
    """Which jets a model is trained and judged on.

    Attributes:
        sample: shipped with the package; ``DATA=`` names the file of another one.
        signals_are: heavier or lighter than the background, on physics grounds. Baselines take
            their sign from it: heavy jets have large masses, many constituents and dark images.
        limit_train: jets kept of each part, the first ones (0: all); presets use them.
    """

    sample: Literal["top_tagging", "semivisible", "dark"]
    background: str
    signals: tuple[str, ...]
    signals_are: Sign
    limit_train: int = 0
    limit_validation: int = 0
    limit_test: int = 0
    limit_signal: int = 0

    def __post_init__(self) -> None:
        if not self.signals:
            raise ValueError("signals is empty, expected at least one label of jets")
        if self.background in self.signals:
            raise ValueError(f"signals names {self.background!r}, which is the background")


@dataclass(frozen=True, kw_only=True)
class ImageData(JetData):
    """Images, and what is done to them upstream of the firmware.

    Attributes:
        power: n of pT -> pT^n per pixel.
        sigma_pixels: width of the Gaussian filter; 0 for none.
    """

    power: float = 1.0
    sigma_pixels: float = 1.0

    def __post_init__(self) -> None:
        from trigforge.train.jets.images import Preprocessing

        super().__post_init__()
        Preprocessing(power=self.power, sigma_pixels=self.sigma_pixels)


@dataclass(frozen=True, kw_only=True)
class JetRecipe:
    """What both kinds have in common."""

    network: ImageNetwork | VariableNetwork
    data: JetData
    train: NaeTrainConfig
    quantize: QuantizeConfig = field(default_factory=QuantizeConfig)
    hls: HlsConfig
    budget: BudgetConfig

    def __post_init__(self) -> None:
        for signal in self.budget.min_auc:
            if signal not in self.data.signals:
                raise ValueError(f"budget.min_auc names {signal!r}, which data.signals lacks")
        spherical = isinstance(self.network, ImageNetwork)
        if spherical != (self.train.normalisation.latent_chain is not None):
            raise ValueError(
                f"train.normalisation.latent_chain is {'absent' if spherical else 'given'}; it "
                "lives on the sphere of latents, which 'nae' has and 'nae_variables' has not"
            )


@dataclass(frozen=True, kw_only=True)
class ImageRecipe(JetRecipe):
    """A network of jet images.

    Attributes:
        reverse: recipe of the same network trained on what is a signal here, judged beside it.
    """

    network: ImageNetwork
    data: ImageData
    reverse: str | None = None

    def check_reverse(self, other: object, file: Path) -> None:
        """Whether a recipe is this one the other way round.

        Args:
            other: what ``reverse`` names.
            file: of this recipe.

        Raises:
            InputError: it has no energy, other images, or background and signals are not exchanged.
        """
        ours = self.data
        if not isinstance(other, ImageRecipe) or other.network.export != "full":
            reason = "is no whole autoencoder of jet images ('nae', 'full')"
        elif _upstream(other.data) != _upstream(ours):
            reason = (
                f"has sample, power and sigma_pixels {_upstream(other.data)}, expected "
                f"{_upstream(ours)} as here"
            )
        elif not (other.data.background in ours.signals and ours.background in other.data.signals):
            reason = (
                f"has background {other.data.background} and signals "
                f"{', '.join(other.data.signals)}, expected one of {', '.join(ours.signals)} as "
                f"background and {ours.background} among the signals"
            )
        else:
            return
        raise InputError(f"{file}: reverse is {self.reverse!r}, which {reason}")


@dataclass(frozen=True, kw_only=True)
class VariableRecipe(JetRecipe):
    """A network of substructure variables."""

    network: VariableNetwork
    data: JetData


JET_RECIPES: Mapping[str, type[JetRecipe]] = {"nae": ImageRecipe, "nae_variables": VariableRecipe}
"""By ``network.architecture``."""


def smoke(recipe: JetRecipe) -> JetRecipe:
    """Seconds instead of minutes: few jets, one epoch of each phase, chains of one step.

    The network keeps its size, which is small, and so its reuse factors.
    """
    second = recipe.train.normalisation
    latent = second.latent_chain
    return replace(
        recipe,
        data=replace(
            recipe.data, limit_train=256, limit_validation=128, limit_test=256, limit_signal=128
        ),
        train=replace(
            recipe.train,
            reconstruction=replace(recipe.train.reconstruction, epochs=1, batch_size=32),
            normalisation=replace(
                second,
                epochs=1,
                batch_size=32,
                epoch_jets=64,
                latent_chain=None if latent is None else replace(latent, steps=1),
                input_chain=replace(second.input_chain, steps=1),
            ),
            released=None,
        ),
        quantize=replace(recipe.quantize, epochs=1, released=None),
        hls=replace(recipe.hls, csim_events=8),
        budget=replace(recipe.budget, max_auc_drop=1.0, min_auc={}),
    )


def demo(recipe: JetRecipe) -> JetRecipe:
    """The recipe as written."""
    return recipe


def paper(recipe: JetRecipe) -> JetRecipe:
    """The paper's number of steps: 300 epochs, then 40,000 batches of 128; a GPU is advised.

    Chains, loss and the jets stay those of the recipe: generate a sample of 100,000 jets and name
    it with ``DATA`` for the paper's statistics.
    """
    return replace(
        recipe,
        train=replace(
            recipe.train,
            reconstruction=PhaseNumbers(epochs=300, batch_size=2048, learning_rate=1e-3),
            normalisation=replace(
                recipe.train.normalisation,
                epochs=400,
                batch_size=128,
                epoch_jets=12_800,
                learning_rate=1e-5,
            ),
            released=None,
        ),
        quantize=replace(recipe.quantize, epochs=10, released=None),
    )


JET_PRESETS = {"smoke": smoke, "demo": demo, "paper": paper}


def _upstream(data: ImageData) -> tuple[str, float, float]:
    """What images depend on."""
    return data.sample, data.power, data.sigma_pixels


def _format(name: str, text: str) -> Format:
    """A format of the input.

    Raises:
        ValueError: none, or too wide for pixels and their squares.
    """
    found = Format.parse(text)
    if found.width > WIDEST_INPUT:
        raise ValueError(f"{name} is {text!r}, expected at most {WIDEST_INPUT} bits")
    return found
