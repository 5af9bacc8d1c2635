"""The report of one model, schema 1: what ``latency_reports/<model>.json`` holds.

Plain frozen dataclasses, loaded strictly (an unknown or missing key is an error that names its
path) and written whole or not at all, with keys in the order of the fields below, so that two
reports of the same numbers are the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from trigforge.hls.reports.observations import Observation
from trigforge.train.artifacts import atomic_path, read_json
from trigforge.train.errors import InputError
from trigforge.train.schema import parse

SCHEMA = 1

Status = Literal["PASS", "FAIL", "UNKNOWN"]
Stage = Literal["float", "brevitas", "qonnx", "emulator", "csim", "rtl"]
Inputs = Literal["events", "random", "extreme"]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Events that the model was judged on; ``signals`` and ``background_events`` count them."""

    name: str
    source: Literal["shipped", "generated", "file"]
    sha256: str
    preselection: str
    background: str
    background_events: int
    signals: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One comparison of a number with a limit.

    Attributes:
        value: absent when nobody produced it; the status is then UNKNOWN.
        limit: largest allowed value, smallest for checks named ``min_...``.
        provenance: every source that the value rests on, weakest last; ``tool`` likewise.
    """

    name: str
    value: float | None
    limit: float | None
    unit: str
    provenance: str
    tool: str
    status: Status


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """PASS only when every check passes; statements say in words what the numbers mean."""

    status: Status
    weakest_provenance: str | None
    statements: tuple[str, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True)
class EdgeCoverage:
    """What the test vectors exercised on one edge; absent where the edge cannot do it.

    Attributes:
        saturated_low: clipped at the lower end; ``saturated_high`` at the upper.
        half: a discarded fraction of exactly one half was seen.
    """

    zero: bool | None = None
    negative: bool | None = None
    positive: bool | None = None
    saturated_low: bool | None = None
    saturated_high: bool | None = None
    half: bool | None = None

    def seen(self) -> tuple[int, int]:
        """How many of the possible things were seen, and how many are possible."""
        flags = [value for value in dataclasses.astuple(self) if value is not None]
        return sum(flags), len(flags)


@dataclass(frozen=True, kw_only=True)
class BitAccuracy:
    """Comparison of two stages on the same inputs, integer by integer.

    Attributes:
        vectors: inputs compared; ``values`` integers compared over all edges.
        max_abs_lsb: largest difference in units of the last bit.
        first_layer: the first layer that differs, absent when none does.
        coverage: edge -> what the inputs exercised.
    """

    a: Stage
    b: Stage
    inputs: Inputs
    vectors: int
    values: int
    mismatches: int
    max_abs_lsb: float
    first_layer: str | None
    coverage: Mapping[str, EdgeCoverage]


@dataclass(frozen=True, kw_only=True)
class EqualBaseline:
    """AUC among events of the same baseline value, see ``train/equal_baseline.py``."""

    auc: float | None
    auc_err: float | None
    n: int
    n_left_out: int


@dataclass(frozen=True, kw_only=True)
class SignalScore:
    """Separation of one signal by one score; absent numbers are beyond what the events support."""

    auc: float
    auc_err: float
    fpr40: float
    fpr40_err: float
    eps_b_inv_20: float | None
    auc_at_equal: Mapping[str, EqualBaseline]
    n: int


@dataclass(frozen=True, kw_only=True)
class ScoreStages:
    """One score in its three forms: stage -> signal -> separation."""

    float: Mapping[str, SignalScore]
    quantised: Mapping[str, SignalScore]
    firmware: Mapping[str, SignalScore]

    def stage(self, name: str) -> Mapping[str, SignalScore]:
        """The separations of a stage; empty where it was not computed."""
        found: Mapping[str, SignalScore] = getattr(self, name)
        return found


@dataclass(frozen=True, kw_only=True)
class Difference:
    """AUC(first) - AUC(second) of one signal with a paired 95 % bootstrap interval."""

    score: str
    signal: str
    first: str
    second: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class RankCorrelation:
    """Spearman correlation of a score with a baseline on background; absent when constant."""

    score: str
    baseline: str
    stage: str
    value: float | None


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A working point of an integer score, see ``train/rates.py``."""

    score: str
    threshold_int: int
    background_efficiency: float
    background_events: int
    rate_hz: float | None
    rate_err_hz: float | None
    signal_efficiency: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Physics:
    """What the scores separate, beside the cheap baselines.

    Attributes:
        reach: smallest background efficiency that the events support.
        input_rate_hz: rate of background, preselected or all crossings, absent without a cross
            section.
        luminosity_per_cm2_s: that the rates assume.
    """

    scores: Mapping[str, ScoreStages]
    baselines: Mapping[str, Mapping[str, SignalScore]]
    differences: tuple[Difference, ...]
    rank_correlations: tuple[RankCorrelation, ...]
    thresholds: tuple[Threshold, ...]
    reach: float
    input_rate_hz: float | None
    luminosity_per_cm2_s: float


@dataclass(frozen=True, kw_only=True)
class Imitation:
    """A score student beside its teacher, on test events that neither was trained on.

    Attributes:
        teacher: name or path of the weights; ``score``: which of their scores was learnt.
        separation: signal -> what the teacher's score separates.
        rank_correlation_at_equal: of the firmware's score with the teacher's on background, among
            events of the same mask sum, see ``train/equal_baseline.py``.
        signals: that the gains are averaged over.
        teacher_gain: mean of AUC(teacher) - AUC(mask sum); ``student_gain``: of the firmware.
        gain_kept: student_gain / teacher_gain with a paired 95 % bootstrap interval; absent when
            the teacher gains nothing.
    """

    teacher: str
    teacher_sha256: str
    score: str
    separation: Mapping[str, SignalScore]
    rank_correlation_at_equal: float | None
    signals: tuple[str, ...]
    teacher_gain: float
    student_gain: float
    gain_kept: float | None
    gain_kept_low: float | None
    gain_kept_high: float | None


@dataclass(frozen=True, kw_only=True)
class NormalisationGain:
    """What its normalisation is worth to an autoencoder: float energies of the same test jets.

    Attributes:
        recipe: of the network, which is the model's or the one that its ``reverse`` names.
        trained_on: its background; ``signal``: what is told from it.
        before: AUC of the autoencoder; ``after``: of the normalised one; errors are DeLong's.
        gain: after - before with a paired 95 % bootstrap interval.
    """

    recipe: str
    trained_on: str
    signal: str
    before: float
    before_err: float
    after: float
    after_err: float
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a hardware backend; formats as ``fixed<width,integer>``.

    Attributes:
        fifo_depths: of the FIFOs that it reads, in pixels; the padding before it included.
    """

    name: str
    op: str
    weight_bits: int | None = None
    in_format: str | None = None
    out_format: str | None = None
    acc_bits: int | None = None
    reuse: int | None = None
    multipliers: int | None = None
    fifo_depths: tuple[int, ...] = ()
    latency_cycles: int | None = None
    ii_cycles: int | None = None
    lut: int | None = None
    ff: int | None = None
    dsp: int | None = None
    bram_18k: int | None = None


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """One backend: observations of one compute unit, and how many share a card."""

    device: str
    compute_units: int
    observations: tuple[Observation, ...]
    layers: tuple[Layer, ...]


@dataclass(frozen=True, kw_only=True)
class StageTime:
    """How long a stage took; ``cached`` when an earlier run did the work."""

    seconds: float
    cached: bool


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything about one judged model.

    Attributes:
        created: UTC, ISO 8601.
        recipe_sha256: of the recipe after its preset.
        versions: distribution or tool -> version.
        dataset: absent for imported files, which have no events; ``physics`` too.
        hardware: backend -> numbers.
        stages: pipeline stage -> time.
        imitation: of a score student whose teacher is at hand.
        normalisation: of a normalized autoencoder with its energy, for each signal.
    """

    schema: int
    model: str
    created: str
    recipe_sha256: str
    versions: Mapping[str, str]
    dataset: Dataset | None
    verdict: Verdict
    bit_accuracy: tuple[BitAccuracy, ...]
    physics: Physics | None
    hardware: Mapping[str, Hardware]
    stages: Mapping[str, StageTime]
    imitation: Imitation | None = None
    normalisation: tuple[NormalisationGain, ...] = ()

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"schema is {self.schema}, this version reads {SCHEMA}")


def load_report(path: Path) -> Report:
    """A report from its JSON file.

    Raises:
        InputError: missing, not JSON, or a key that is unknown, missing or of the wrong type.
    """
    loaded = read_json(path)
    if not isinstance(loaded, dict):
        raise InputError(f"{path}: expected a report, got {type(loaded).__name__}")
    return parse(Report, loaded, str(path))


def save_report(report: Report, path: Path) -> None:
    """Write a report as JSON, whole or not at all.

    Raises:
        StorageError: the file cannot be written.
        ValueError: a number is not finite; absent numbers are ``None``.
    """
    text = dump_report(report)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def dump_report(report: Report) -> str:
    """The JSON text: fields in declared order, mappings as given, no NaN, one final newline."""
    return json.dumps(plain(report), indent=1, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Dataclasses, mappings and tuples as plain JSON data; numpy numbers as Python's.

    Whole numbers have no decimal point, whether a count or a float, so that reading and writing a
    report again gives the same bytes.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
