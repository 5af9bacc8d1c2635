"""The training of a normalized autoencoder as a recipe states it: plain numbers, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from trigforge.train.nae.chain import ChainConfig
    from trigforge.train.nae.training import NaeTraining

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class PhaseNumbers:
    """Steps of Adam at a constant rate.

    Attributes:
        precision: of convolutions and products; of the first phase, or inside chains.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise ValueError(
                f"epochs is {self.epochs} and batch_size {self.batch_size}, "
                "expected at least 1 and 2"
            )
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate is {self.learning_rate}, expected within (0, 1)")


@dataclass(frozen=True, kw_only=True)
class ChainNumbers:
    """One Langevin chain, see :class:`trigforge.train.nae.chain.ChainConfig`."""

    steps: int
    step_size: float
    noise: float
    annealing: bool = False
    clip: float = 0.0
    metropolis: bool = False

    def __post_init__(self) -> None:
        if self.steps < 0 or self.clip < 0:
            raise ValueError(f"steps is {self.steps} and clip {self.clip}, expected 0 or more")
        if self.step_size <= 0 or self.noise <= 0:
            raise ValueError(
                f"step_size is {self.step_size} and noise {self.noise}, expected above 0"
            )


@dataclass(frozen=True, kw_only=True)
class NormalisationNumbers(PhaseNumbers):
    """The second phase.

    Attributes:
        latent_chain: on the sphere of latents; absent where latents are anywhere.
        input_chain: among images or variables.
        epoch_jets: jets of one epoch; epochs are what is compared and saved.
        buffer: end points that chains start from again, with probability ``replay``.
        loss: ``regularised`` (arXiv:2206.14225) with ``gamma``, or ``log_cosh`` (CMS) with
            ``alpha``; energies are multiplied by ``energy_scale`` first.
        stopping: which rule chooses the epoch.
    """

    input_chain: ChainNumbers
    latent_chain: ChainNumbers | None = None
    epoch_jets: int = 12_800
    buffer: int = 10_000
    replay: float = 0.95
    loss: Literal["regularised", "log_cosh"] = "regularised"
    gamma: float = 1.0
    alpha: float = 0.1
    energy_scale: float = 1.0
    stopping: Literal["movers_distance", "loss"] = "movers_distance"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epoch_jets < self.batch_size or self.buffer < 1:
            raise ValueError(
                f"epoch_jets is {self.epoch_jets} and buffer {self.buffer}, expected at least a "
                "batch and 1"
            )
        if not 0 <= self.replay <= 1:
            raise ValueError(f"replay is {self.replay}, expected 0 to 1")
        if self.gamma < 0 or min(self.alpha, self.energy_scale) <= 0:
            raise ValueError(
                f"gamma is {self.gamma}, alpha {self.alpha} and energy_scale {self.energy_scale}, "
                "expected 0 or more for the first, else above 0"
            )
        chains = [c for c in (self.latent_chain, self.input_chain) if c is not None]
        if self.precision != "float32" and any(chain.metropolis for chain in chains):
            raise ValueError(
                f"precision is {self.precision!r}, expected 'float32' with metropolis: acceptance "
                "compares energies whose differences bfloat16 does not resolve"
            )


@dataclass(frozen=True, kw_only=True)
class NaeTrainConfig:
    """Both phases.

    Attributes:
        spectral: divide every convolution and dense layer by its largest singular value.
        released: name of weights in ``train/released``; without one the network is trained.
    """

    reconstruction: PhaseNumbers
    normalisation: NormalisationNumbers
    spectral: bool = True
    seed: int = 1
    released: str | None = None


def training_of(config: NaeTrainConfig) -> NaeTraining:
    """The training that a recipe asks for."""
    from trigforge.train.nae.losses import LossConfig
    from trigforge.train.nae.objectives import NormalisationConfig
    from trigforge.train.nae.sampler import SamplerConfig
    from trigforge.train.nae.training import NaeTraining, schedule

    first, second = config.reconstruction, config.normalisation
    return NaeTraining(
        reconstruction=schedule(
            epochs=first.epochs,
            batch_size=first.batch_size,
            learning_rate=first.learning_rate,
            seed=config.seed,
            precision=first.precision,
        ),
        normalisation=schedule(
            epochs=second.epochs,
            batch_size=second.batch_size,
            learning_rate=second.learning_rate,
            seed=config.seed,
        ),
        config=NormalisationConfig(
            sampler=SamplerConfig(
                latent=None if second.latent_chain is None else _chain(second.latent_chain),
                input=_chain(second.input_chain),
                buffer=second.buffer,
                replay=second.replay,
                precision=second.precision,
            ),
            loss=LossConfig(
                name=second.loss,
                gamma=second.gamma,
                alpha=second.alpha,
                scale=second.energy_scale,
            ),
            epoch_jets=second.epoch_jets,
            stopping=second.stopping,
        ),
        spectral=config.spectral,
    )


def _chain(numbers: ChainNumbers) -> ChainConfig:
    from trigforge.train.nae.chain import ChainConfig

    return ChainConfig(
        steps=numbers.steps,
        step_size=numbers.step_size,
        noise=numbers.noise,
        annealing=numbers.annealing,
        clip=numbers.clip,
        metropolis=numbers.metropolis,
    )
