"""One run: a recipe in a variant, its folders, its events, and which stages need to run again."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trigforge.hls.budget import Budget, load_budget
from trigforge.hls.jet_recipe import JET_PRESETS, ImageRecipe, JetRecipe
from trigforge.hls.recipe import (
    PRESETS,
    RECIPES,
    ImportedConfig,
    ImportedRecipe,
    Recipe,
    load_deployable,
)
from trigforge.train.artifacts import (
    StageFolder,
    StageResult,
    sha256_file,
    sha256_json,
    sha256_sources,
)
from trigforge.train.errors import InputError
from trigforge.train.interruption import check_interruption

if TYPE_CHECKING:
    from trigforge.hls.samples import Samples
    from trigforge.train.events import EventDataset
    from trigforge.train.jets.dataset import JetDataset

GENERATED = "generated"
PACKAGES = ("torch", "brevitas", "onnx", "onnxruntime", "qonnx", "hls4ml", "numpy", "da4ml")

R = TypeVar("R", Recipe, JetRecipe)
Body = Callable[[Path, Path, dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says beside the stage.

    Attributes:
        data: a folder or file of events, or a file of jets, to judge on; or ``generated`` events.
        from_scratch: ignore released weights.
        workers: processes for generation and C-simulation.
        budget: of the command ``rtl``, instead of the recipe's.
    """

    model: str
    preset: str = "demo"
    data: str | None = None
    from_scratch: bool = False
    workers: int = 2
    budget: str | None = None


class Session:
    """What all stages of one run share.

    Args:
        recipes: folder of the recipes and the generated projects.
        build: folder of everything else that is generated.
        label: before the names of its stages on the screen.

    Raises:
        InputError: unknown model or preset, a wrong recipe, a part that is not the budget's.
    """

    def __init__(
        self,
        options: Options,
        recipes: Path = RECIPES,
        build: Path = Path("build"),
        label: str = "",
    ) -> None:
        if options.workers < 1:
            raise InputError(f"--workers is {options.workers}, expected at least 1")
        self.options = options
        self.label = label
        self.recipes = recipes
        found = load_deployable(options.model, recipes)
        if isinstance(found, ImportedRecipe) and (options.data or options.from_scratch):
            raise InputError(
                f"{options.model} is an imported file, which has neither events nor a training; "
                "leave --data and --from-scratch out"
            )
        self.deployable = found if isinstance(found, ImportedRecipe) else adapted(found, options)
        self.budget: Budget = load_budget(self.deployable.budget.name)
        self.budget.check_part(self.deployable.hls.part)
        self.variant = _variant(options)
        self.build = build
        self.root = build / options.model / self.variant
        self.project_folder = recipes / (
            options.model if self.is_reviewed else f"{options.model}-{self.variant}"
        )
        self.results: dict[str, StageResult] = {}

    @property
    def recipe(self) -> Recipe | JetRecipe:
        """The recipe of a model of ours.

        Raises:
            InputError: the model is an imported file.
        """
        if isinstance(self.deployable, ImportedRecipe):
            raise InputError(
                f"{self.options.model} is an imported file, which has neither events nor a "
                "training; use the commands hls, export and csim"
            )
        return self.deployable

    @property
    def event_recipe(self) -> Recipe:
        """The recipe of a model of events.

        Raises:
            InputError: the model is an imported file, or one of jets.
        """
        found = self.recipe
        if isinstance(found, JetRecipe):
            raise InputError(f"{self.options.model} is a model of jets, which has no events")
        return found

    @property
    def imported(self) -> ImportedConfig | None:
        """The imported file; ``None`` for models of ours."""
        found = self.deployable
        return found.network if isinstance(found, ImportedRecipe) else None

    @property
    def is_reviewed(self) -> bool:
        """Whether this variant's report is the committed one: the recipe as it is written."""
        return self.variant == "demo"

    def stage(
        self,
        name: str,
        config: Any,
        inputs: Mapping[str, str],
        packages: tuple[str, ...],
        run: Body,
    ) -> StageResult:
        """The finished stage, run now if its key is new.

        Args:
            config: what it depends on in the recipe.
            inputs: name -> hash of what it reads.
            packages: folders of the source tree that its result depends on.
            run: called with the folder to write to, a folder that survives an interruption, and a
                dictionary for the manifest.
        """
        if name not in self.results:
            code = sha256_sources(*packages)
            folder = StageFolder(self.root, name, config, {**inputs, "code": code})
            found = folder.current()
            if found is None:
                print(f"[{self.label}{name}]", file=sys.stderr, flush=True)
                info: dict[str, Any] = {}
                with folder.write(info, *PACKAGES) as target:
                    run(target, folder.work, info)
                    check_interruption()
                fresh = folder.current()
                if fresh is None:
                    raise RuntimeError(f"stage {name} did not leave a valid manifest")
                found = StageResult(fresh.folder, fresh.manifest, cached=False)
            self.results[name] = found
        return self.results[name]

    @cached_property
    def data_key(self) -> str:
        """Hash that changes when the events or jets do, without loading them."""
        limits = dataclasses.asdict(self.recipe.data)
        source = _fingerprint(self._data_path() or self._shipped())
        return sha256_json({"limits": limits, "source": source})

    @cached_property
    def data(self) -> EventDataset | JetDataset:
        """What the model is trained and judged on.

        Raises:
            InputError: missing or damaged files, a part that the data lack.
        """
        if isinstance(self.recipe, JetRecipe):
            from trigforge.hls.jet_data import load_jet_dataset

            return load_jet_dataset(self.recipe, self._data_path())
        return self.dataset

    @cached_property
    def dataset(self) -> EventDataset:
        """The events, cut to the recipe's limits and signals.

        Raises:
            InputError: missing or damaged files, a signal that the data lack, wrong image size.
        """
        from trigforge.hls.event_data import load_event_dataset

        return load_event_dataset(self.event_recipe, self._data_path())

    @cached_property
    def samples(self) -> Samples:
        """What the model is judged on.

        Raises:
            InputError: as :attr:`data`.
        """
        from trigforge.hls.stages.models import architecture

        return architecture(self).samples(self.recipe, self.data)

    @cached_property
    def reverse(self) -> Session | None:
        """The same run of the recipe that ``reverse`` names.

        Raises:
            InputError: no such recipe, or it is not this one the other way round.
        """
        recipe = self.deployable
        if not isinstance(recipe, ImageRecipe) or recipe.reverse is None:
            return None
        options = dataclasses.replace(self.options, model=recipe.reverse)
        other = Session(options, self.recipes, self.build, f"{recipe.reverse} ")
        recipe.check_reverse(other.deployable, self.recipes / f"{self.options.model}.yaml")
        return other

    def _data_path(self) -> Path | None:
        """Folder or file of the events or jets; ``None`` for the shipped sample."""
        if not isinstance(self.recipe, JetRecipe) and self.recipe.data.dataset == GENERATED:
            from trigforge.hls.event_data import generated_events

            return generated_events(self.recipe, self.build, self.options.workers)
        return None if self.options.data is None else Path(self.options.data)

    def _shipped(self) -> Path:
        """The file that comes with the package."""
        if isinstance(self.recipe, JetRecipe):
            from trigforge.train.jets.sample import SHIPPED as JETS

            return JETS[self.recipe.data.sample]
        from trigforge.train.event_file import SHIPPED

        return SHIPPED


def adapted(recipe: Recipe | JetRecipe, options: Options) -> Recipe | JetRecipe:
    """The recipe in the variant that the options ask for.

    Raises:
        InputError: jets cannot be generated on the way.
    """
    if isinstance(recipe, JetRecipe):
        if options.data == GENERATED:
            raise InputError(
                f"{options.model} is a model of jets, which are not generated on the way; make a "
                "file with trigforge.train.generation.generate_jets and name it, see docs/jets.md"
            )
        jets = JET_PRESETS[options.preset](recipe)
        return _untrained(jets) if options.from_scratch else jets
    recipe = PRESETS[options.preset](recipe)
    if options.from_scratch:
        recipe = _untrained(recipe)
    if options.data == GENERATED:
        data = dataclasses.replace(recipe.data, dataset="generated")
        recipe = dataclasses.replace(recipe, data=data)
    return recipe


def _untrained(recipe: R) -> R:
    """The recipe without released weights."""
    return dataclasses.replace(
        recipe,
        train=dataclasses.replace(recipe.train, released=None),
        quantize=dataclasses.replace(recipe.quantize, released=None),
    )


def _variant(options: Options) -> str:
    parts = [options.preset]
    if options.from_scratch:
        parts.append("scratch")
    if options.data == GENERATED:
        parts.append(GENERATED)
    elif options.data is not None:
        path = Path(options.data).resolve()
        parts.append(f"{path.stem}-{sha256_json(str(path))[:6]}")
    return "-".join(parts)


def _fingerprint(path: Path) -> str:
    """Hash of a file, or of the names and bytes of a folder's files."""
    if path.is_file():
        return sha256_file(path)
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder; DATA names a folder of event images")
    files = sorted(p for p in path.rglob("*.npz"))
    return sha256_json([[str(p.relative_to(path)), sha256_file(p)] for p in files])
