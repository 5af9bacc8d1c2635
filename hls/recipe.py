"""A recipe: one YAML file is one deployable model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trigforge.hls.formats import Format
from trigforge.quantize.config import QuantizeConfig
from trigforge.train.config import LEVEL1, DataConfig, NetworkConfig, TrainConfig
from trigforge.train.errors import InputError, unknown_name
from trigforge.train.schema import parse, read_yaml

if TYPE_CHECKING:
    from trigforge.hls.jet_recipe import JetRecipe

RECIPES = Path("firmware_projects")


@dataclass(frozen=True, kw_only=True)
class HlsConfig:
    """How the exact graph becomes firmware.

    Attributes:
        io_type: one pixel at a time between layers, or whole tensors (small networks only).
        part: FPGA part of the device, as the vendor names it.
        reuse: layer name -> reuse factor (how many products share one multiplier).
        compute_units: copies of the whole design on one card that take turns.
        csim_events: real events that go through C-simulation, extremes come on top.
    """

    backend: Literal["vitis"] = "vitis"
    io_type: Literal["io_stream", "io_parallel"] = "io_stream"
    part: str = "xcu250-figd2104-2L-e"
    reuse: Mapping[str, int] = field(default_factory=dict)
    compute_units: int = 1
    csim_events: int = 32

    def __post_init__(self) -> None:
        if self.compute_units < 1:
            raise ValueError(f"compute_units is {self.compute_units}, expected at least 1")
        for layer, factor in self.reuse.items():
            if factor < 1:
                raise ValueError(f"reuse.{layer} is {factor}, expected at least 1")


@dataclass(frozen=True, kw_only=True)
class BudgetConfig:
    """Which trigger the model must fit and how much physics the firmware may lose.

    Attributes:
        name: of a file in ``hls/budgets``.
        max_auc_drop: largest |AUC(float) - AUC(firmware)| of any signal.
        min_auc: signal -> smallest firmware AUC.
        max_rate_hz: rate at the working point, for budgets that state thresholds.
    """

    name: str
    max_auc_drop: float = 0.005
    min_auc: Mapping[str, float] = field(default_factory=dict)
    max_rate_hz: float | None = None


@dataclass(frozen=True, kw_only=True)
class ImportedConfig:
    """A QONNX or QCDQ file that somebody else trained.

    Attributes:
        file: beside the recipe; ``sha256`` of its bytes.
        input: format of the input, where the file does not quantise it itself.
        output: tensor at which the file is cut.
    """

    architecture: Literal["imported"]
    file: str
    sha256: str
    input: str | None = None
    output: str | None = None

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file:
            raise ValueError(f"file is {self.file!r}, expected a name without folders")
        if self.input is not None:
            Format.parse(self.input)

    @property
    def input_format(self) -> Format | None:
        """The stated grid of the input."""
        return None if self.input is None else Format.parse(self.input)


@dataclass(frozen=True, kw_only=True)
class ImportedRecipe:
    """An imported file as firmware: neither events nor a training."""

    network: ImportedConfig
    hls: HlsConfig
    budget: BudgetConfig


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that defines a deployable model; counting needs no training and no bit widths."""

    network: NetworkConfig
    data: DataConfig
    train: TrainConfig = field(default_factory=TrainConfig)
    quantize: QuantizeConfig = field(default_factory=QuantizeConfig)
    hls: HlsConfig
    budget: BudgetConfig

    def __post_init__(self) -> None:
        architecture = self.network.architecture
        if (architecture == "score_student") != (self.train.objective == "teacher"):
            raise ValueError(
                f"train.objective is {self.train.objective!r} for a {architecture}; 'teacher' is "
                "the objective of a score_student and of nothing else"
            )
        if (architecture in LEVEL1) != (self.train.objective == "zero_bias"):
            raise ValueError(
                f"train.objective is {self.train.objective!r} for a {architecture}; 'zero_bias' is "
                f"the objective of {' and '.join(LEVEL1)} and of nothing else"
            )
        if self.network.export == "full" and architecture not in ("codae", "l1_objects"):
            raise ValueError(f"network.export is 'full', but a {architecture} has only 'encoder'")
        for signal in self.budget.min_auc:
            if signal not in self.data.signals:
                raise ValueError(f"budget.min_auc names {signal!r}, which data.signals lacks")
        if architecture in ("mask_sum", "l1_objects"):
            return  # one width for all layers, or none
        layers = len(self.network.filters)
        if len(self.quantize.activation_bits) != layers:
            raise ValueError(
                f"quantize.activation_bits has {len(self.quantize.activation_bits)} entries, "
                f"expected {layers}, one per convolution of network.filters"
            )
        if self.network.export == "full":
            if (self.network.score_latent, self.network.score_sign) != (0, 1):
                raise ValueError(
                    "network.score_latent and score_sign choose the score of 'encoder'; "
                    "'full' has network.score: remove them"
                )
        elif self.network.normalization != "batch":
            raise ValueError(
                f"network.normalization is {self.network.normalization!r}, which cannot be merged "
                "into the convolutions; an 'encoder' needs 'batch', or use export: full"
            )


def recipe_names(folder: Path = RECIPES) -> list[str]:
    """Names of the recipes in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_recipe(model: str, folder: Path = RECIPES) -> Recipe:
    """The recipe ``<folder>/<model>.yaml``.

    Raises:
        InputError: no such recipe, a misspelt or missing key, a value out of range.
    """
    from trigforge.hls.level1_recipe import LEVEL1_RECIPES

    path = folder / f"{model}.yaml"
    if not path.is_file():
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; run in the root of the repository")
        raise unknown_name("model", model, recipe_names(folder), str(folder))
    content = read_yaml(path)
    network = content.get("network")
    architecture = network.get("architecture") if isinstance(network, dict) else None
    found = LEVEL1_RECIPES[architecture] if architecture in LEVEL1 else Recipe
    return parse(found, content, str(path))


def load_deployable(model: str, folder: Path = RECIPES) -> Recipe | JetRecipe | ImportedRecipe:
    """The recipe of a model of ours, of events or of jets, or of an imported file.

    Raises:
        InputError: see :func:`load_recipe`.
    """
    from trigforge.hls.jet_recipe import JET_RECIPES

    path = folder / f"{model}.yaml"
    if path.is_file():
        content = read_yaml(path)
        network = content.get("network")
        architecture = network.get("architecture") if isinstance(network, dict) else None
        if architecture == "imported":
            return parse(ImportedRecipe, content, str(path))
        if isinstance(architecture, str) and architecture in JET_RECIPES:
            return parse(JET_RECIPES[architecture], content, str(path))
    return load_recipe(model, folder)


def smoke(recipe: Recipe) -> Recipe:
    """Seconds instead of hours: few events, one epoch, a network of an eighth of the width."""
    network, data, teacher = recipe.network, recipe.data, recipe.train.teacher
    if teacher is not None:
        teacher = replace(teacher, images=256)
    return replace(
        recipe,
        network=replace(
            network,
            filters=tuple(max(1, f // 8) for f in network.filters),
            residual_filters=tuple(f // 8 for f in network.residual_filters),
            bottleneck=network.bottleneck // 8,
        ),
        data=replace(data, limit_train=512, limit_validation=128, limit_test=512, limit_signal=128),
        train=replace(recipe.train, epochs=1, released=None, compile=False, teacher=teacher),
        quantize=replace(recipe.quantize, epochs=1, released=None),
        hls=replace(recipe.hls, reuse={}, csim_events=8),
        budget=replace(recipe.budget, max_auc_drop=1.0, min_auc={}),
    )


def demo(recipe: Recipe) -> Recipe:
    """The recipe as written: minutes on two cores with the shipped sample."""
    return recipe


def paper(recipe: Recipe) -> Recipe:
    """The paper's schedule on generated events; a GPU is advised."""
    return replace(
        recipe,
        data=replace(recipe.data, dataset="generated"),
        train=replace(
            recipe.train,
            epochs=30,
            batch_size=128,
            learning_rate=1e-3,
            schedule="constant",
            precision="float32",
            released=None,
        ),
        quantize=replace(recipe.quantize, epochs=10, released=None),
    )


PRESETS = {"smoke": smoke, "demo": demo, "paper": paper}
