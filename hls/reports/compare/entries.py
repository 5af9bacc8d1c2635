"""One model in a comparison: what its firmware costs, and where that is known from; what it finds.

Costs come from the report's observations: of every backend's the strongest provenance is quoted.
The latency in time is the verdict's own, because it knows the clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from trigforge.hls.reports.observations import strongest
from trigforge.hls.reports.physics import EFFICIENCIES
from trigforge.hls.reports.report import Physics, Report, SignalScore, Status


@dataclass(frozen=True, kw_only=True)
class Quoted:
    """A number with its source.

    Attributes:
        value: of all compute units together where they add up; absent when nobody produced it.
        provenance: as in ``reports/observations.py``, several for a time; absent with the value.
        backend: of the report that the number describes; absent for what the verdict computed.
    """

    value: float | None = None
    provenance: str | None = None
    tool: str | None = None
    backend: str | None = None


@dataclass(frozen=True, kw_only=True)
class Efficiency:
    """Share of a signal kept while the background's rate stays within a bound.

    Attributes:
        rate_hz: that the threshold really has, at most the bound; ``error`` is binomial, at least
            that of one event.
    """

    value: float
    error: float
    threshold_int: int
    rate_hz: float


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a model's firmware takes.

    Attributes:
        device: of the backend that the LUTs belong to; ``compute_units`` of it on one card.
        lut: of all compute units on a card; ``dsp`` and ``bram_18k`` too.
    """

    device: str
    compute_units: int
    lut: Quoted
    dsp: Quoted
    bram_18k: Quoted
    latency_cycles: Quoted
    latency_ns: Quoted

    def is_mixed(self) -> bool:
        """Whether area and cycles describe the designs of two backends."""
        return len({self.lut.backend, self.latency_cycles.backend} - {None}) > 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One score of one report.

    Attributes:
        label: unique in a comparison: the report's name, with the score where it has several.
        score: absent where there are no events.
        auc: signal -> separation by the firmware's integers.
        efficiency: bound in Hz -> signal -> efficiency of the firmware's score.
    """

    label: str
    report: str
    score: str | None
    status: Status
    weakest_provenance: str | None
    costs: Costs
    auc: Mapping[str, SignalScore] = field(default_factory=dict)
    efficiency: Mapping[float, Mapping[str, Efficiency]] = field(default_factory=dict)


def entries(name: str, report: Report) -> list[Entry]:
    """One entry per score of a report; one without physics where there are no events."""
    physics = report.physics
    scores: dict[str | None, Mapping[str, SignalScore]] = {None: {}}
    if physics is not None and physics.scores:
        scores = {score: stages.firmware for score, stages in physics.scores.items()}
    return [
        Entry(
            label=name if len(scores) == 1 else f"{name} {score}",
            report=name,
            score=score,
            status=report.verdict.status,
            weakest_provenance=report.verdict.weakest_provenance,
            costs=_costs(report),
            auc=auc,
            efficiency={} if physics is None or score is None else efficiencies(physics, score),
        )
        for score, auc in scores.items()
    ]


def rate_bounds(physics: Physics) -> tuple[float, ...]:
    """Rates in Hz at which every report has working points, highest first; none without a rate."""
    rate = physics.input_rate_hz
    return () if rate is None else tuple(rate * e for e in sorted(EFFICIENCIES, reverse=True))


def efficiencies(physics: Physics, score: str) -> dict[float, dict[str, Efficiency]]:
    """Bound in Hz -> signal -> efficiency at the lowest threshold that stays within the bound.

    A score on a coarse grid stays below the bound and is judged there: that is what it can offer.
    Bounds that no threshold of the report keeps are beyond the reach of its events and left out.
    """
    found: dict[float, dict[str, Efficiency]] = {}
    mine = [t for t in physics.thresholds if t.score == score and t.rate_hz is not None]
    counts = {name: s.n for name, s in physics.scores[score].firmware.items()}
    for bound in rate_bounds(physics):
        # a hair above the bound is rounding
        within = [t for t in mine if (t.rate_hz or 0.0) <= bound * (1 + 1e-9)]
        if not within:
            continue
        point = max(within, key=lambda t: t.rate_hz or 0.0)
        found[bound] = {
            signal: Efficiency(
                value=value,
                error=max(math.sqrt(value * (1 - value) / counts[signal]), 1 / counts[signal]),
                threshold_int=point.threshold_int,
                rate_hz=point.rate_hz or 0.0,
            )
            for signal, value in point.signal_efficiency.items()
            if counts.get(signal)
        }
    return found


def _costs(report: Report) -> Costs:
    lut = _quoted(report, "lut", together=True)
    backend = lut.backend or next(iter(report.hardware), None)
    block = None if backend is None else report.hardware[backend]
    return Costs(
        device="–" if block is None else block.device,
        compute_units=1 if block is None else block.compute_units,
        lut=lut,
        dsp=_quoted(report, "dsp", together=True),
        bram_18k=_quoted(report, "bram_18k", together=True),
        latency_cycles=_quoted(report, "latency_cycles", together=False),
        latency_ns=_latency(report),
    )


def _quoted(report: Report, quantity: str, *, together: bool) -> Quoted:
    """The strongest observation over all backends, times the compute units where they add up."""
    best = strongest(
        (o for block in report.hardware.values() for o in block.observations), quantity
    )
    if best is None:
        return Quoted()
    name, block = next(
        (name, block) for name, block in report.hardware.items() if best in block.observations
    )
    units = block.compute_units if together else 1
    return Quoted(
        value=best.value * units,
        provenance=best.provenance,
        tool=f"{best.tool} {best.version}",
        backend=name,
    )


def _latency(report: Report) -> Quoted:
    check = next((c for c in report.verdict.checks if c.name == "latency_ns"), None)
    if check is None or check.value is None:
        return Quoted()
    return Quoted(value=check.value, provenance=check.provenance, tool=check.tool)
