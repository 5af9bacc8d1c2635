"""The float and the quantised network: released weights, or a training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigforge.hls.session import Session
from trigforge.train.artifacts import StageResult, sha256_file

if TYPE_CHECKING:
    from trigforge.train.codae import CoDAE, MaskEncoder

WEIGHTS = "weights.safetensors"


def float_model(session: Session) -> StageResult:
    """Weights of the float network."""
    network, config = session.recipe.network, session.recipe.train

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.train.train_codae import load_released_codae, train_codae
        from trigforge.train.weights import save_weights

        if config.released is not None:
            trained = load_released_codae(network, config.released)
        else:
            trained = train_codae(network, config, session.dataset, work)
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
    """Weights and scales of the quantised mask encoder."""
    network, config = session.recipe.network, session.recipe.quantize
    before = float_model(session)

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.quantize.qat import load_released_encoder, quantize_mask_encoder
        from trigforge.train.weights import save_weights

        if config.released is not None:
            trained = load_released_encoder(network, config, config.released)
        else:
            encoder = load_float(session).mask_encoder
            trained = quantize_mask_encoder(network, config, encoder, session.dataset, work)
        info |= {"metrics": trained.metrics, "history": trained.history}
        save_weights(folder / WEIGHTS, trained.state)

    return session.stage(
        "quantised",
        [_trained_part(network), config],
        {
            **_origin(session, config.released, "quantize"),
            "float": before.manifest.outputs[WEIGHTS],
        },
        ("train", "quantize"),
        run,
    )


def load_float(session: Session) -> CoDAE:
    """The float network in evaluation mode."""
    from trigforge.train.codae import CoDAE
    from trigforge.train.train_codae import codae_from_state
    from trigforge.train.weights import load_weights

    network = session.recipe.network
    path = float_model(session).folder / WEIGHTS
    return codae_from_state(network, load_weights(path, CoDAE(network).state_dict()))


def load_quantised(session: Session) -> MaskEncoder:
    """The quantised mask encoder in evaluation mode."""
    from trigforge.quantize.qat import twin_from_state
    from trigforge.quantize.twin import empty_twin
    from trigforge.train.weights import load_weights

    network, config = session.recipe.network, session.recipe.quantize
    path = quantised_model(session).folder / WEIGHTS
    state = load_weights(path, empty_twin(network, config).state_dict())
    return twin_from_state(network, config, state)


def _trained_part(network: Any) -> dict[str, Any]:
    """The network without the choice of the score, which changes no weight."""
    fields = dataclasses.asdict(network)
    return {key: value for key, value in fields.items() if not key.startswith("score_")}


def _origin(session: Session, released: str | None, package: str) -> dict[str, str]:
    """What weights come from: the released file, or the events they are trained on."""
    if released is None:
        return {"events": session.data_key}
    folder = Path(__file__).resolve().parents[2] / package / "released"
    path = folder / f"{released}.safetensors"
    return {"released": sha256_file(path) if path.is_file() else "missing"}
