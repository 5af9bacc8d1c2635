"""Training a normalized autoencoder: reconstruction first, then normalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from trigforge.train.fit import Fitted, Schedule, fit
from trigforge.train.nae.chain import ChainConfig
from trigforge.train.nae.diagnostics import Diagnostics, Watcher
from trigforge.train.nae.frozen import Precision
from trigforge.train.nae.losses import LossConfig
from trigforge.train.nae.network import SIZE, Autoencoder
from trigforge.train.nae.objectives import (
    SELECTION,
    JetInputs,
    JetReconstruction,
    Normalisation,
    NormalisationConfig,
)
from trigforge.train.nae.sampler import PAPER_SAMPLER, SamplerConfig
from trigforge.train.nae.spectral import fix_spectra, normalise_spectra

NO_CLIPPING = 1e9


@dataclass(frozen=True, kw_only=True)
class NaeTraining:
    """Both phases.

    Attributes:
        reconstruction, normalisation: epochs, batches, learning rates and seeds of the phases.
        spectral: divide every convolution and dense layer by its largest singular value.
    """

    reconstruction: Schedule
    normalisation: Schedule
    config: NormalisationConfig
    spectral: bool = True


@dataclass(frozen=True)
class TrainedNae:
    """Weights of both phases as they act, without spectral normalisation to compute.

    Attributes:
        autoencoder: state dict at the best epoch of phase one.
        normalised: state dict at the best epoch of phase two.
        reconstruction, normalisation: histories, and why a phase ended early.
    """

    autoencoder: dict[str, Tensor]
    normalised: dict[str, Tensor]
    reconstruction: Fitted
    normalisation: Fitted


def schedule(
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int = 1,
    precision: Precision = "float32",
) -> Schedule:
    """Adam at a constant rate, as in the paper: no decay, no clipping of weight gradients."""
    return Schedule(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=0.0,
        clip_norm=NO_CLIPPING,
        seed=seed,
        precision=precision,
    )


def paper_training(seed: int = 1) -> NaeTraining:
    """Table 1 of arXiv:2206.14225: 300 epochs at batch 2048, 40,000 iterations at batch 128."""
    return NaeTraining(
        reconstruction=schedule(epochs=300, batch_size=2048, learning_rate=1e-3, seed=seed),
        normalisation=schedule(epochs=400, batch_size=128, learning_rate=1e-5, seed=seed),
        config=NormalisationConfig(sampler=PAPER_SAMPLER, loss=LossConfig(), stopping="loss"),
    )


def demo_training(seed: int = 1) -> NaeTraining:
    """Jet images in minutes: few, large steps of both chains and a rate twenty times the paper's.

    Latent chains have the paper's temperature at a hundred times its step size, so that four steps
    get somewhere; docs/nae.md has what came out.
    """
    latent = ChainConfig(steps=4, step_size=1e4, noise=0.1, clip=0.01)
    chain = ChainConfig(steps=3, step_size=200.0, noise=1e-4, annealing=True, clip=0.01)
    return NaeTraining(
        reconstruction=schedule(
            epochs=12, batch_size=64, learning_rate=2e-3, seed=seed, precision="bfloat16"
        ),
        normalisation=schedule(epochs=9, batch_size=32, learning_rate=2e-4, seed=seed),
        config=NormalisationConfig(
            sampler=SamplerConfig(latent=latent, input=chain, buffer=1000, precision="bfloat16"),
            loss=LossConfig(scale=float(SIZE**2)),
            epoch_jets=2560,
            stopping="loss",
        ),
    )


def substructure_training(seed: int = 1) -> NaeTraining:
    """For eight variables mapped to normal distributions.

    The CMS note gives neither chains nor rates; these are ours. Chains are so cold that samples end
    below the jets in energy: warmer ones never arrive where the model says that jets are, and the
    loss of the note then teaches nothing but to reconstruct (docs/nae.md).
    """
    chain = ChainConfig(steps=20, step_size=2.0, noise=0.12, clip=1.0)
    return NaeTraining(
        reconstruction=schedule(epochs=60, batch_size=128, learning_rate=2e-3, seed=seed),
        normalisation=schedule(epochs=60, batch_size=128, learning_rate=3e-3, seed=seed),
        config=NormalisationConfig(
            sampler=SamplerConfig(latent=None, input=chain),
            loss=LossConfig(gamma=0.003, scale=100.0),
        ),
        spectral=False,
    )


def train_nae(
    build: Callable[[int], Autoencoder],
    inputs: JetInputs,
    training: NaeTraining,
    work: Path,
    *,
    device: torch.device | str = "cpu",
    progress: bool = True,
    diagnostics: Path | None = None,
) -> TrainedNae:
    """Train both phases.

    Both write a checkpoint per epoch; a second call after an interruption continues on the same
    trajectory.

    Args:
        build: makes the network with fresh weights from the seed of the first phase.
        work: folder for the checkpoints, ``reconstruction/`` and ``normalisation/``.
        diagnostics: folder for pictures and event files of every epoch; none when absent.

    Raises:
        TrainingError: a loss is not finite.
        CollapseError: samples collapse in the first epoch of the second phase; later the training
            ends with the epochs before.
        StorageError: a checkpoint cannot be written.
    """
    device = torch.device(device)
    watch = _watcher(diagnostics, inputs, training)
    first = training.reconstruction
    model = _fresh(build, training, device)
    objective = JetReconstruction(inputs, training.config.loss.weight_penalty, device)
    reconstruction = fit(
        model,
        objective,
        first,
        work / "reconstruction",
        name="autoencoder",
        progress=progress,
        finished=lambda history: watch("reconstruction", history, None),
    )
    autoencoder = _as_it_acts(build, training, model)
    second = Normalisation(inputs, training.config, model, device)
    normalisation = fit(
        model,
        second,
        training.normalisation,
        work / "normalisation",
        name="normalisation",
        progress=progress,
        finished=lambda history: watch("normalisation", history, torch.cat(list(second.samples))),
    )
    return TrainedNae(
        autoencoder, _as_it_acts(build, training, model), reconstruction, normalisation
    )


def _watcher(folder: Path | None, inputs: JetInputs, training: NaeTraining) -> Watcher:
    if folder is None:
        return lambda phase, history, samples: None
    jets = inputs.validation[: training.config.distance_inputs]
    return Diagnostics(folder, jets, SELECTION[training.config.stopping])


def _fresh(
    build: Callable[[int], Autoencoder], training: NaeTraining, device: torch.device
) -> Autoencoder:
    seed = training.reconstruction.seed
    model = build(seed)
    if training.spectral:
        normalise_spectra(model, seed)
    return model.to(device)


def _as_it_acts(
    build: Callable[[int], Autoencoder], training: NaeTraining, model: Autoencoder
) -> dict[str, Tensor]:
    """State dict of a plain network with the weights of ``model``."""
    copy = _fresh(build, training, torch.device("cpu"))
    copy.load_state_dict(model.state_dict())
    if training.spectral:
        fix_spectra(copy)
    return {name: value.detach().clone() for name, value in copy.state_dict().items()}
