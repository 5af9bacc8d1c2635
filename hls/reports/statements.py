"""What the numbers of a verdict mean, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from trigforge.hls.budget import Budget
from trigforge.hls.reports.observations import Observation, strongest
from trigforge.hls.reports.report import BitAccuracy, Physics
from trigforge.hls.reports.timing import Clock, cards, readable, time_ns


def timing(
    budget: Budget, observations: Sequence[Observation], units: int, clock: Clock
) -> list[str]:
    """Latency, interval and cards, with the provenance of cycles and clock."""
    statements = []
    at = f"a clock of {clock.period_ns:.3f} ns ({clock.provenance})"
    latency = strongest(observations, "latency_cycles")
    if latency is not None:
        taken = time_ns(latency.value, clock.period_ns)
        statements.append(
            f"Latency {readable(taken)}: {_cycles(latency)} ({latency.provenance}, "
            f"{latency.tool} {latency.version}) at {at}."
        )
    interval = strongest(observations, "ii_cycles")
    if interval is not None:
        per_card = time_ns(interval.value, clock.period_ns) / units
        copies = "one compute unit" if units == 1 else f"{units} compute units"
        text = (
            f"One card with {copies} takes an event every {readable(per_card)}: "
            f"{_cycles(interval)} ({interval.provenance}) at {at}"
        )
        number = cards(budget, per_card)
        if number is not None:
            plural = "card" if number == 1 else "cards"
            text += f"; {budget.input_rate_khz:g} kHz need {number} {plural}"
        statements.append(f"{text}.")
    return statements


def _cycles(found: Observation) -> str:
    note = "" if found.value else ", combinational: one period"
    return f"{found.value:,} cycles{note}"


def bit_accuracy(comparisons: Sequence[BitAccuracy]) -> str:
    """Which stages agree, or where the first two part."""
    wrong = [c for c in comparisons if c.mismatches]
    if wrong:
        first = wrong[0]
        where = f", first in layer {first.first_layer}" if first.first_layer else ""
        return (
            f"{first.a} and {first.b} differ in {first.mismatches:,} of {first.values:,} integers "
            f"on {first.inputs} inputs{where}."
        )
    if not comparisons:
        return "No two stages were compared bit for bit."
    values = sum(c.values for c in comparisons)
    stages = list(dict.fromkeys(s for c in comparisons for s in (c.a, c.b)))
    return f"{' = '.join(stages)}: 0 mismatches in {values:,} integers."


def coverage(comparisons: Sequence[BitAccuracy]) -> list[str]:
    """What no kind of input has exercised, edge by edge."""
    seen: dict[tuple[str, str], bool] = {}
    for comparison in comparisons:
        for edge, coverage in comparison.coverage.items():
            for name, value in vars(coverage).items():
                if value is not None:
                    seen[edge, name] = seen.get((edge, name), False) or value
    if not seen:
        return []
    missed = [f"{edge} {name}" for (edge, name), value in seen.items() if not value]
    text = f"The vectors exercised {len(seen) - len(missed)} of {len(seen)} corner cases"
    if not missed:
        return [f"{text}."]
    more = f" and {len(missed) - 5} more" if len(missed) > 5 else ""
    return [f"{text}; not seen: {', '.join(missed[:5])}{more}."]


def separation(physics: Physics) -> list[str]:
    """The signal whose AUC quantisation moves most, with its interval."""
    statements = []
    for score in physics.scores:
        found = [d for d in physics.differences if d.score == score]
        if found:
            worst = max(found, key=lambda d: abs(d.value))
            statements.append(
                f"Between the float model and the firmware the AUC of {score} moves most for "
                f"{worst.signal}: {-worst.value:+.4f}, 95 % interval "
                f"{-worst.high:+.4f} to {-worst.low:+.4f} on the same events."
            )
    return statements


def with_interval(value: float, low: float, high: float) -> str:
    """A difference of AUCs with its paired interval."""
    return f"{value:+.4f} (95 % interval {low:+.4f} to {high:+.4f})"


def rates(physics: Physics, zero_bias: bool = False) -> list[str]:
    """How far down the events support a rate.

    Args:
        zero_bias: background is crossings that nothing has selected.
    """
    text = f"The events support background efficiencies down to {physics.reach:.2g}"
    if physics.input_rate_hz is None:
        return [f"{text}; the background's cross section is not known: no rates for them."]
    rate_in = f"{whole(physics.input_rate_hz)} Hz"
    return [
        f"{text}, that is rates down to {physics.reach * physics.input_rate_hz:.3g} Hz of the "
        f"{f'{rate_in} of all crossings' if zero_bias else f'{rate_in} preselected'} at "
        f"{physics.luminosity_per_cm2_s:.2g} /cm2/s."
    ]


def whole(value: float) -> str:
    """A rate: whole numbers from ten on, two digits below."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
