"""The parts of a recipe that concern float models: network, data and training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trigforge.train.errors import InputError

LEVEL1 = ("l1_regions", "l1_objects")
OBJECT_KINDS = 4
MOST_SHIFT = 9


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Which network, of which size, and what of it goes to firmware.

    Images are ``height`` (phi rows) x ``width`` (eta columns). ``codae`` is the whole conditional
    dual autoencoder, ``score_student`` a mask encoder alone that learns the score of a teacher,
    ``mask_sum`` the number of lit pixels, which has no layers to configure, ``l1_regions`` dense
    layers of ``filters`` units on level-1 regions, ``l1_objects`` an autoencoder of level-1 objects
    with its squared error in the graph. The mask encoder is
    ``len(filters)`` stages of conv 3x3, normalisation, LeakyReLU and max-pool 3x3 stride 2
    (arXiv:2306.12955, table 2); ``groups`` belongs to the convolutions stage by stage.

    Attributes:
        export: ``encoder`` (latent score) or ``full`` (reconstruction score in the graph).
        normalization: of the mask encoder. ``batch`` can be merged into the convolutions and is
            what firmware gets; ``instance`` is the paper's.
        negative_slope: of the mask encoder's LeakyReLU. The paper has 0.2; 0.25 is a shift.
        residual_filters: filters of the four stages of the residual encoder and the decoder.
        score: of ``full``: binary cross-entropy, squared or absolute errors, summed over pixels.
        score_latent: which latent is the score of ``encoder``.
        score_sign: +1 or -1, so that higher is more anomalous; found on background alone.
    """

    architecture: Literal["codae", "score_student", "mask_sum", "l1_regions", "l1_objects"]
    export: Literal["encoder", "full"]
    height: int = 72
    width: int = 58
    filters: tuple[int, ...] = (64, 128, 128, 256)
    groups: tuple[int, ...] = (1, 2, 2, 2)
    latents: int = 2
    normalization: Literal["batch", "instance"] = "batch"
    negative_slope: float = 0.25
    residual_filters: tuple[int, ...] = (64, 128, 128, 256)
    residual_groups: int = 4
    bottleneck: int = 64
    score: Literal["bce", "sse", "sae"] = "sse"
    score_latent: int = 0
    score_sign: Literal[1, -1] = 1

    def __post_init__(self) -> None:
        if len(self.filters) != len(self.groups):
            raise ValueError(
                f"filters has {len(self.filters)} entries and groups {len(self.groups)}; "
                "give one group count per convolution"
            )
        channels = 1
        for index, (filters, groups) in enumerate(zip(self.filters, self.groups, strict=True)):
            if groups < 1 or channels % groups or filters % groups:
                raise ValueError(
                    f"groups[{index}] is {groups}, which does not divide "
                    f"{channels} input and {filters} output channels"
                )
            channels = filters
        if not 0 <= self.score_latent < self.latents:
            raise ValueError(f"score_latent is {self.score_latent}, expected 0..{self.latents - 1}")
        if self.architecture == "score_student" and self.latents != 1:
            raise ValueError(f"latents is {self.latents}; a score_student has one output")
        if self.height < 1 or self.width < 1:
            raise ValueError(f"image is {self.height} x {self.width}, expected positive sizes")


@dataclass(frozen=True, kw_only=True)
class Level1Network(NetworkConfig):
    """A network of level-1 integers, which it sees on a coarser grid.

    Attributes:
        input_bits: of every input; larger values saturate.
    """

    input_bits: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.input_bits <= 8:
            raise ValueError(f"input_bits is {self.input_bits}, expected 2 to 8")

    @property
    def largest(self) -> int:
        """Where inputs saturate."""
        return (1 << self.input_bits) - 1


@dataclass(frozen=True, kw_only=True)
class RegionNetwork(Level1Network):
    """``l1_regions``.

    Attributes:
        shift: how many low bits regions lose.
    """

    shift: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.shift <= MOST_SHIFT:
            raise ValueError(f"shift is {self.shift}, expected 0 to {MOST_SHIFT} bits")


@dataclass(frozen=True, kw_only=True)
class ObjectNetwork(Level1Network):
    """``l1_objects``; ``filters`` are the encoder's layers, the bottleneck last.

    Attributes:
        shifts: how many low bits the momenta lose: missing ET, e/gamma, muons, jets.
    """

    shifts: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.shifts) != OBJECT_KINDS:
            raise ValueError(
                f"shifts has {len(self.shifts)} entries, expected {OBJECT_KINDS}: missing ET, "
                "e/gamma, muons, jets"
            )
        if not all(0 <= shift <= MOST_SHIFT for shift in self.shifts):
            raise ValueError(f"shifts is {list(self.shifts)}, expected 0 to {MOST_SHIFT} bits each")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which events a model is trained and judged on.

    ``limit_*`` keep only the first events of each sample (0: all); presets use them.
    """

    dataset: Literal["shipped", "generated"] = "shipped"
    background: str = "qcd"
    signals: tuple[str, ...] = (
        "suep_125",
        "suep_200",
        "suep_300",
        "suep_400",
        "suep_700",
        "suep_1000",
        "svj_2100",
        "svj_3100",
        "svj_4100",
    )
    limit_train: int = 0
    limit_validation: int = 0
    limit_test: int = 0
    limit_signal: int = 0


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """What a score student learns, and from how many images.

    Attributes:
        weights: of a CoDAE: a name in ``train/released``, or the path of a safetensors file with
            its manifest beside it.
        score: of the teacher, see :func:`trigforge.train.scores.evaluate_scores`.
        images: in the training pool, made from background; scored by the teacher once.
        ranking: weight of ordering pairs of the same mask sum beside the regression.
    """

    weights: str
    score: Literal["dice", "sse", "sae", "bce"] = "dice"
    images: int = 60_000
    ranking: float = 1.0

    def __post_init__(self) -> None:
        if self.images < 2:
            raise ValueError(f"images is {self.images}, expected at least 2")
        if self.ranking < 0:
            raise ValueError(f"ranking is {self.ranking}, expected 0 or more")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How the float model is trained (arXiv:2306.12955, section 4.2).

    Attributes:
        objective: ``bce_sum`` reconstructs, ``teacher`` learns the score of ``teacher``,
            ``zero_bias`` trains on zero-bias crossings: ``l1_objects`` reconstructs them,
            ``l1_regions`` learns the score of an autoencoder of them, trained on the way.
        schedule: ``constant`` learning rate (the paper), or ``cosine`` after a short warm-up, for
            few epochs.
        precision: of convolutions and matrix products while training; released weights, losses and
            every evaluation are float32.
        compile: let torch generate fused kernels: a minute or two once, then twice as fast. Not
            worth it for small networks.
    """

    objective: Literal["bce_sum", "teacher", "zero_bias"] = "bce_sum"
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    schedule: Literal["constant", "cosine"] = "constant"
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    seed: int = 1
    released: str | None = None
    teacher: TeacherConfig | None = None

    def __post_init__(self) -> None:
        if (self.objective == "teacher") != (self.teacher is not None):
            raise ValueError(
                f"objective is {self.objective!r} and teacher is "
                f"{'absent' if self.teacher is None else 'given'}; a teacher goes with objective "
                "'teacher' and with no other"
            )
        if self.epochs < 1 or self.batch_size < 2:
            raise ValueError(
                f"epochs is {self.epochs} and batch_size {self.batch_size}, "
                "expected at least 1 and 2"
            )
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate is {self.learning_rate}, expected within (0, 1)")


def check_image(network: NetworkConfig, height: int, width: int, source: str) -> None:
    """Refuse images of another size than the network's.

    Raises:
        InputError: the sizes differ.
    """
    if (height, width) != (network.height, network.width):
        raise InputError(
            f"{source}: images are {height} x {width}, the recipe's network expects "
            f"{network.height} x {network.width} (phi x eta)"
        )
