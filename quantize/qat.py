"""Quantisation-aware training: the twin learns to give the float network's latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.twin import build_twin, empty_twin
from trigforge.train.artifacts import sha256_json
from trigforge.train.augmentation import draw_augmentation, overlay
from trigforge.train.codae import MaskEncoder
from trigforge.train.config import NetworkConfig, check_image
from trigforge.train.events import EventDataset
from trigforge.train.fit import Fitted, Objective, Schedule, fit, state_copy
from trigforge.train.scores import evaluate_latents, rank_correlation
from trigforge.train.train_codae import weights_config
from trigforge.train.weights import load_released

RELEASED = Path(__file__).parent / "released"
CALIBRATION_EVENTS = 512
VALIDATION_EVENTS = 1024
CLIP_NORM = 1.0


@dataclass(frozen=True)
class QuantizedEncoder:
    """A quantised mask encoder.

    Attributes:
        state: state dict of the twin at its best epoch, scales included.
        history: per epoch the training loss, the seconds and the validation metrics.
        metrics: of the twin on validation background, see :func:`distillation_metrics`.
    """

    state: dict[str, Tensor]
    history: list[dict[str, float]]
    metrics: dict[str, Any]


class Distillation:
    """Mean squared distance to the float latents, in their standard deviations on background.

    Per epoch one augmentation is drawn for all events, and half of them become overlays (signals
    are busier than background, see :func:`trigforge.train.augmentation.overlay`); the targets are
    computed in one pass of the float network. Epochs are compared by the explained variance on
    validation events, half of them overlaid as well.
    """

    selection = "explained_variance"

    def __init__(self, encoder: MaskEncoder, dataset: EventDataset) -> None:
        self._encoder = encoder
        self._train = dataset.train.masks
        self._images = torch.empty(0)
        self._targets = torch.empty(0)
        background = dataset.validation.masks[:VALIDATION_EVENTS]
        self._spread = latent_spread(evaluate_latents(encoder, background))
        self._validation = overlaid(background)
        self._validation_targets = evaluate_latents(encoder, self._validation)
        self.key = {
            "objective": "distillation",
            "dataset": dataset.sha256,
            "events": [len(self._train), len(self._validation)],
            "targets": sha256_json(self._validation_targets.tolist()),
        }

    @property
    def events(self) -> int:
        """Number of training events."""
        return len(self._train)

    def start_epoch(self, generator: torch.Generator) -> None:
        """Draw the epoch's augmentation and overlays and compute the targets."""
        augmentation = draw_augmentation(self._train.shape[-2], generator)
        events = augmentation.apply(torch.from_numpy(self._train))
        self._images = overlay(events, generator)
        targets = evaluate_latents(self._encoder, self._images.numpy())
        self._targets = torch.from_numpy(targets / self._spread)

    def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
        """Mean squared error of the normalised latents."""
        masks = self._images[index].float()[:, None]
        latents = model(masks.contiguous(memory_format=torch.channels_last))
        return functional.mse_loss(
            latents.float() / torch.from_numpy(self._spread), self._targets[index]
        )

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """``explained_variance`` of the float latents and the smallest ``rank_correlation``."""
        latents = evaluate_latents(model, self._validation)
        return distillation_metrics(latents, self._validation_targets, self._spread)


def latent_spread(latents: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Standard deviation (Z,) of latents (N, Z); 1 where a latent is constant."""
    spread = latents.std(axis=0)
    return np.where(spread > 0, spread, np.float32(1)).astype(np.float32)


def overlaid(masks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Masks (N, H, W) of which half are overlays, always the same."""
    generator = torch.Generator().manual_seed(0)
    return overlay(torch.from_numpy(masks), generator).numpy()


def distillation_metrics(
    quantized: npt.NDArray[np.float32],
    targets: npt.NDArray[np.float32],
    spread: npt.NDArray[np.float32],
) -> dict[str, float]:
    """How well quantised latents (N, Z) follow float ones (N, Z); ``spread`` (Z,) is the unit.

    Returns:
        ``explained_variance``, 1 minus the mean squared residual in units of the spread, and
        ``rank_correlation``, the smallest of any latent.
    """
    residual = np.square((quantized - targets) / spread, dtype=np.float64).mean()
    correlations = [rank_correlation(a, b) for a, b in zip(quantized.T, targets.T, strict=True)]
    return {
        "explained_variance": float(1 - residual),
        "rank_correlation": min(correlations),
    }


def background_fidelity(
    twin: MaskEncoder, encoder: MaskEncoder, masks: npt.NDArray[np.uint8]
) -> dict[str, float]:
    """:func:`distillation_metrics` on background (N, H, W), and with half of it overlaid."""
    targets = evaluate_latents(encoder, masks)
    spread = latent_spread(targets)
    busier = overlaid(masks)
    overlays = distillation_metrics(
        evaluate_latents(twin, busier), evaluate_latents(encoder, busier), spread
    )
    return {
        **distillation_metrics(evaluate_latents(twin, masks), targets, spread),
        **{f"overlaid_{name}": value for name, value in overlays.items()},
    }


def quantize_mask_encoder(
    network: NetworkConfig,
    config: QuantizeConfig,
    encoder: MaskEncoder,
    dataset: EventDataset,
    work: Path,
    *,
    progress: bool = True,
) -> QuantizedEncoder:
    """Build, calibrate and train the twin of a float mask encoder.

    Args:
        encoder: trained, with batch normalisation.
        work: folder for the checkpoint; a second call continues from it.

    Raises:
        InputError: the images have another size than the network's.
        TrainingError: the loss is not finite.
        StorageError: a checkpoint cannot be written.
    """
    height, width = dataset.train.masks.shape[1:]
    check_image(network, height, width, dataset.source)
    masks = overlaid(dataset.train.masks[:CALIBRATION_EVENTS])
    twin = build_twin(encoder, network, config, torch.from_numpy(masks).float()[:, None])
    objective = Distillation(encoder, dataset)
    fitted, calibrated = train_twin(twin, objective, config, work, progress=progress)
    metrics = {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch + 1,
        "events": len(dataset.validation),
        "calibrated_explained_variance": calibrated["explained_variance"],
        **background_fidelity(twin, encoder, dataset.validation.masks),
    }
    return QuantizedEncoder(fitted.state, fitted.history, metrics)


def train_twin(
    twin: nn.Module, objective: Objective, config: QuantizeConfig, work: Path, *, progress: bool
) -> tuple[Fitted, dict[str, float]]:
    """Train a calibrated twin; it is left, and returned, in the best state it has been in.

    That may be the calibrated one, which ``best_epoch`` -1 says: training at too high a learning
    rate loses more than it gains.

    Returns:
        The training, and the validation metrics of the calibrated twin.
    """
    calibrated, state = dict(objective.validate(twin)), state_copy(twin)
    schedule = Schedule(
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=0.0,
        clip_norm=CLIP_NORM,
        seed=config.seed,
        schedule="cosine",
    )
    fitted = fit(twin, objective, schedule, work, name="quantize", progress=progress)
    name = objective.selection
    if calibrated[name] >= fitted.history[fitted.best_epoch][name]:
        twin.load_state_dict(state)
        fitted = Fitted(state, fitted.history, -1)
    return fitted, calibrated


def twin_from_state(
    network: NetworkConfig, config: QuantizeConfig, state: Mapping[str, Tensor]
) -> MaskEncoder:
    """The twin in evaluation mode with the weights and scales of :class:`QuantizedEncoder`."""
    twin = empty_twin(network, config)
    twin.load_state_dict(state)
    return twin.eval()


def quantized_config(network: NetworkConfig, config: QuantizeConfig) -> dict[str, Any]:
    """What quantised weights depend on: the mask encoder and the bit widths."""
    float_network = weights_config(network)
    encoder = ("height", "width", "filters", "groups", "latents", "negative_slope")
    widths = asdict(config)
    return {key: float_network[key] for key in encoder} | {
        key: widths[key] for key in ("weight_bits", "activation_bits", "bias_bits")
    }


def load_released_encoder(
    network: NetworkConfig, config: QuantizeConfig, name: str
) -> QuantizedEncoder:
    """Released quantised weights.

    Raises:
        InputError: no such weights, or they are for another network or other bit widths.
    """
    expected = empty_twin(network, config).state_dict()
    return released_encoder(expected, quantized_config(network, config), name)


def released_encoder(
    expected: Mapping[str, Tensor], config: Mapping[str, Any], name: str
) -> QuantizedEncoder:
    """Released quantised weights with the tensors of ``expected``, made for ``config``.

    Raises:
        InputError: no such weights, or others than expected.
    """
    released = load_released(RELEASED, name, expected, config)
    return QuantizedEncoder(
        released.state, released.manifest["history"], released.manifest["metrics"]
    )
