"""The float and the quantised network: released weights, or a training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigforge.hls.jet_recipe import JetRecipe
from trigforge.hls.session import Session
from trigforge.hls.stages.architectures import Architecture, architecture_of
from trigforge.hls.stages.jet_architectures import jet_architecture_of
from trigforge.train.artifacts import StageResult, sha256_file

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = "weights.safetensors"


def float_model(session: Session) -> StageResult:
    """Weights of the float network."""
    network, config = session.recipe.network, session.recipe.train

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.train.weights import save_weights

        if config.released is not None:
            trained = architecture(session).released(session.recipe, config.released)
        else:
            trained = architecture(session).train(session.recipe, session.data, work, session.build)
        info |= {"metrics": trained.metrics, "history": trained.history}
        save_weights(folder / WEIGHTS, trained.state)

    return session.stage(
        "float",
        [_trained_part(network), config],
        _origin(session, config.released, "train"),
        ("train",),
        run,
    )


def quantised_model(session: Session) -> StageResult:
    """Weights and scales of the quantised network."""
    network, config = session.recipe.network, session.recipe.quantize
    before = float_model(session)

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.train.weights import save_weights

        if config.released is not None:
            trained = architecture(session).released_quantised(session.recipe, config.released)
        else:
            trained = architecture(session).quantise(
                session.recipe, load_float(session), session.data, work
            )
        info |= {"metrics": trained.metrics, "history": trained.history}
        save_weights(folder / WEIGHTS, trained.state)

    return session.stage(
        "quantised",
        [_trained_part(network), config, architecture(session).input_format(session.recipe)],
        {
            **_origin(session, config.released, "quantize"),
            "float": before.manifest.outputs[WEIGHTS],
        },
        ("train", "quantize"),
        run,
    )


def load_float(session: Session) -> nn.Module:
    """The float network that becomes firmware, in evaluation mode."""
    path = float_model(session).folder / WEIGHTS
    return architecture(session).float_network(session.recipe, path)


def load_quantised(session: Session) -> Any:
    """The quantised network in evaluation mode."""
    path = quantised_model(session).folder / WEIGHTS
    return architecture(session).quantised_network(session.recipe, path)


def architecture(session: Session) -> Architecture[Any, Any]:
    """How the recipe's network is trained, quantised and rebuilt."""
    recipe = session.recipe
    if isinstance(recipe, JetRecipe):
        return jet_architecture_of(recipe)
    return architecture_of(recipe.network)


def _trained_part(network: Any) -> dict[str, Any]:
    """The network without what changes no float weight: choice of the score, input format."""
    fields = dataclasses.asdict(network)
    return {k: v for k, v in fields.items() if not (k.startswith("score") or k == "input")}


def _origin(session: Session, released: str | None, package: str) -> dict[str, str]:
    """What weights come from: the released file, or the data and the teacher they need."""
    if released is None:
        recipe = session.recipe
        teacher = None if isinstance(recipe, JetRecipe) else recipe.train.teacher
        taught = {} if teacher is None else {"teacher": _digest(teacher.weights)}
        return {"events": session.data_key, **taught}
    folder = Path(__file__).resolve().parents[2] / package / "released"
    path = folder / f"{released}.safetensors"
    return {"released": sha256_file(path) if path.is_file() else "missing"}


def _digest(teacher: str) -> str:
    from trigforge.train.teacher import weights_path

    path = weights_path(teacher)
    return sha256_file(path) if path.is_file() else "missing"
