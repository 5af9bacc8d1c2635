"""Judge a model against a budget: which checks pass, on what evidence, and what it means in words.

PASS needs every check to pass. FAIL outranks UNKNOWN: a number that is missing, or whose provenance
the budget does not accept, makes its check UNKNOWN, whatever its value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trigforge.hls.budget import Budget
from trigforge.hls.recipe import BudgetConfig
from trigforge.hls.reports import statements
from trigforge.hls.reports.equivalence import equivalence_statements
from trigforge.hls.reports.observations import (
    MEANING,
    QUANTITIES,
    Observation,
    accepted,
    strongest,
    weakest_provenance,
)
from trigforge.hls.reports.report import BitAccuracy, Check, Inputs, Physics, Status, Verdict
from trigforge.hls.reports.timing import Clock, effective_clock, time_ns

# Stages that must agree on every integer, per kind of input. C-simulation is slow and runs on
# events and extremes only.
REQUIRED_STAGES: dict[Inputs, tuple[str, ...]] = {
    "events": ("brevitas", "qonnx", "emulator", "csim"),
    "random": ("brevitas", "qonnx", "emulator"),
    "extreme": ("brevitas", "qonnx", "emulator", "csim"),
}


def judge(
    budget: Budget,
    config: BudgetConfig,
    *,
    observations: Sequence[Observation],
    compute_units: int,
    physics: Physics | None,
    bit_accuracy: Sequence[BitAccuracy],
    remarks: Sequence[str] = (),
    zero_bias: bool = False,
    required: Mapping[Inputs, tuple[str, ...]] = REQUIRED_STAGES,
) -> Verdict:
    """The verdict.

    Args:
        budget: limits of time and area, and the provenances that count.
        config: the recipe's own limits on physics.
        observations: of one compute unit, from every tool that ran.
        compute_units: copies on one card that take turns.
        remarks: sentences about this architecture.
        zero_bias: background is crossings that nothing has selected.
        physics: absent for imported files, on which no events exist.
        required: kind of input -> stages that must agree on it.
    """
    clock = effective_clock(budget, observations)
    hardware = [
        *_timing(budget, observations, compute_units, clock),
        *_resources(budget, observations, compute_units),
    ]
    checks = [
        *hardware,
        *_bits(bit_accuracy, required),
        *([] if physics is None else _separation(config, physics)),
        *([] if physics is None else _rates(config, physics)),
    ]
    said = [
        *statements.timing(budget, observations, compute_units, clock),
        statements.bit_accuracy(bit_accuracy),
        *statements.coverage(bit_accuracy),
        *remarks,
    ]
    if physics is not None:
        said += equivalence_statements(physics)
        said += statements.separation(physics)
        said += statements.rates(physics, zero_bias)
    evidence = [p for check in hardware for p in check.provenance.split(", ") if p]
    weakest = weakest_provenance(evidence)
    if weakest is not None:
        said.append(f"The weakest evidence is '{weakest}': {MEANING[weakest]}.")
    return Verdict(
        status=overall(check.status for check in checks),
        weakest_provenance=weakest,
        statements=tuple(said),
        checks=tuple(checks),
    )


def overall(statuses: Iterable[Status]) -> Status:
    """FAIL if any failed, else UNKNOWN if any is unknown or there are none, else PASS."""
    found = set(statuses)
    if "FAIL" in found:
        return "FAIL"
    return "PASS" if found == {"PASS"} else "UNKNOWN"


def _timing(
    budget: Budget, observations: Sequence[Observation], units: int, clock: Clock
) -> list[Check]:
    weakest = budget.weakest_accepted
    clock_ok = accepted("clock", clock.provenance, weakest.clock)
    checks = []
    for quantity, name, limit, share in (
        ("ii_cycles", "ii_per_card_ns", budget.limits.ii_ns, units),
        ("latency_cycles", "latency_ns", budget.limits.latency_ns, 1),
    ):
        found = strongest(observations, quantity)
        if found is None:
            checks.append(_check(name, None, limit, "ns", (clock.provenance,), (), False))
            continue
        ok = clock_ok and accepted("cycles", found.provenance, weakest.cycles)
        sources = (found.provenance, clock.provenance)
        tools = (f"{found.tool} {found.version}", clock.tool)
        value = time_ns(found.value, clock.period_ns) / share
        checks.append(_check(name, value, limit, "ns", sources, tools, ok))
    if clock.reached_ns is not None:
        limit, reached, source = budget.clock_period_ns, clock.reached_ns, (clock.provenance,)
        checks.append(
            _check("clock_period_ns", reached, limit, "ns", source, (clock.tool,), clock_ok)
        )
    return checks


def _resources(budget: Budget, observations: Sequence[Observation], units: int) -> list[Check]:
    device = budget.fpga()
    checks = []
    for quantity, limit in budget.limits.percent().items():
        name = f"{quantity}_percent"
        found, available = strongest(observations, quantity), device.available(quantity)
        if found is None:
            checks.append(_check(name, None, limit, "%", (), (), False))
            continue
        value = 100.0 * found.value * units / available if available else 0.0
        if not available and found.value:
            value = float("inf")
        kind = QUANTITIES[quantity][0]
        ok = accepted(kind, found.provenance, budget.weakest_accepted.resources)
        tools = (f"{found.tool} {found.version}",)
        checks.append(_check(name, value, limit, "%", (found.provenance,), tools, ok))
    return checks


def _bits(
    comparisons: Sequence[BitAccuracy], required: Mapping[Inputs, tuple[str, ...]]
) -> list[Check]:
    checks = []
    for inputs, stages in required.items():
        made = [c for c in comparisons if c.inputs == inputs and c.vectors > 0]
        wrong = sum(c.mismatches for c in made)
        group = {stages[0]}
        while grown := {s for c in made for s in (c.a, c.b) if {c.a, c.b} & group} - group:
            group |= grown
        status: Status = "FAIL" if wrong else "PASS" if set(stages) <= group else "UNKNOWN"
        complete = status != "UNKNOWN"
        checks.append(
            Check(
                name=f"bit_accuracy.{inputs}",
                value=wrong if complete else None,
                limit=0,
                unit="mismatches",
                provenance=" = ".join(s for s in stages if s in group),
                tool="trigforge",
                status=status,
            )
        )
    return checks


def _separation(config: BudgetConfig, physics: Physics) -> list[Check]:
    checks = []
    for score, stages in physics.scores.items():
        for signal in dict.fromkeys([*stages.float, *stages.firmware]):
            before, after = stages.float.get(signal), stages.firmware.get(signal)
            drop = abs(before.auc - after.auc) if before and after else None
            name = f"auc_drop.{score}.{signal}"
            checks.append(_check(name, drop, config.max_auc_drop, "AUC", ("events",), (), True))
        if not stages.firmware:
            checks.append(
                _check(f"auc_drop.{score}", None, config.max_auc_drop, "AUC", (), (), False)
            )
    for signal, smallest in config.min_auc.items():
        for score, stages in physics.scores.items():
            found = stages.firmware.get(signal)
            value = None if found is None else found.auc
            status: Status = "UNKNOWN" if value is None else "PASS" if value >= smallest else "FAIL"
            checks.append(
                Check(
                    name=f"min_auc.{score}.{signal}",
                    value=value,
                    limit=smallest,
                    unit="AUC",
                    provenance="events",
                    tool="trigforge",
                    status=status,
                )
            )
    if not physics.scores:
        checks.append(_check("auc_drop", None, config.max_auc_drop, "AUC", (), (), False))
    return checks


def _rates(config: BudgetConfig, physics: Physics) -> list[Check]:
    if config.max_rate_hz is None:
        return []
    checks = []
    for score in physics.scores:
        rates = [
            t.rate_hz
            for t in physics.thresholds
            if t.score == score and t.rate_hz is not None and t.rate_hz <= config.max_rate_hz
        ]
        value = max(rates, default=None)
        checks.append(
            _check(f"rate_hz.{score}", value, config.max_rate_hz, "Hz", ("events",), (), True)
        )
    return checks


def _check(
    name: str,
    value: float | None,
    limit: float,
    unit: str,
    provenances: tuple[str, ...],
    tools: tuple[str, ...],
    evidence_accepted: bool,
) -> Check:
    status: Status
    if value is None or not evidence_accepted:
        status = "UNKNOWN"
    else:
        status = "PASS" if value <= limit else "FAIL"
    return Check(
        name=name,
        value=None if value == float("inf") else value,
        limit=limit,
        unit=unit,
        provenance=", ".join(dict.fromkeys(provenances)),
        tool=", ".join(dict.fromkeys(tools)) or "trigforge",
        status=status,
    )
