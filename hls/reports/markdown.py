"""A report as Markdown that a trigger group can review: verdict first, sources everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trigforge.hls.reports.equivalence import in_words
from trigforge.hls.reports.imitation import imitation_legend, imitation_rows
from trigforge.hls.reports.normalisation import LEGEND, normalisation_rows
from trigforge.hls.reports.observations import MEANING, strongest
from trigforge.hls.reports.report import (
    Check,
    EqualBaseline,
    Layer,
    Physics,
    Report,
    SignalScore,
)

MARKS = {"PASS": "✅ PASS", "FAIL": "❌ FAIL", "UNKNOWN": "❔ UNKNOWN"}
STAGES = ("float", "quantised", "firmware")


def to_markdown(report: Report) -> str:
    """The whole report; the same report always gives the same text."""
    sections = [
        _head(report),
        _checks(report.verdict.checks),
        _bits(report),
        _physics(report.physics) if report.physics is not None else "",
        _imitation(report),
        _normalisation(report),
        *(_hardware(name, report) for name in report.hardware),
        _legend(report),
        _versions(report),
        _stages(report),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def number(value: float | None, digits: int = 4) -> str:
    """A number for people: whole ones with thousands separators, others with ``digits`` digits."""
    if value is None:
        return "–"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.{digits}g}" if abs(value) < 1e5 else f"{value:,.0f}"


def limit(check: Check) -> str:
    """The limit with its direction."""
    sign = "≥" if check.name.startswith("min_") else "≤"
    return f"{sign} {number(check.limit)}"


def with_error(value: float | None, error: float | None, digits: int = 4) -> str:
    """``0.7837 ± 0.0051``, or what is known of it."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def _head(report: Report) -> str:
    verdict, data = report.verdict, report.dataset
    lines = [f"# {report.model}: {MARKS[verdict.status]}", ""]
    if verdict.weakest_provenance is not None:
        lines += [f"Weakest evidence: **{verdict.weakest_provenance}**.", ""]
    lines += [f"- {statement}" for statement in verdict.statements]
    if data is None:
        return "\n".join(lines)
    signals = ", ".join(f"{name} ({count:,})" for name, count in data.signals.items())
    lines += [
        "",
        f"Events: {data.name} ({data.source}, sha256 `{data.sha256[:12]}`), {data.preselection}; "
        f"background {data.background} ({data.background_events:,}); signals {signals}.",
    ]
    return "\n".join(lines)


def _checks(checks: Iterable[Check]) -> str:
    rows = [
        [
            f"`{c.name}`",
            number(c.value),
            limit(c),
            c.unit,
            c.provenance or "–",
            c.tool,
            MARKS[c.status],
        ]
        for c in checks
    ]
    return _section(
        "Checks", ["check", "value", "limit", "unit", "provenance", "tool", "status"], rows
    )


def _bits(report: Report) -> str:
    rows = []
    for c in report.bit_accuracy:
        seen = [edge.seen() for edge in c.coverage.values()]
        covered = f"{sum(s for s, _ in seen)} of {sum(p for _, p in seen)}" if seen else "–"
        rows.append(
            [
                f"{c.a} = {c.b}",
                c.inputs,
                number(c.vectors),
                number(c.values),
                number(c.mismatches),
                number(c.max_abs_lsb),
                c.first_layer or "–",
                covered,
            ]
        )
    header = [
        "stages",
        "inputs",
        "vectors",
        "integers",
        "mismatches",
        "largest [LSB]",
        "first layer",
        "corner cases seen",
    ]
    return _section("Bit accuracy", header, rows)


def _physics(physics: Physics) -> str:
    parts = ["## Physics"]
    for score, stages in physics.scores.items():
        signals = list(dict.fromkeys(s for stage in STAGES for s in stages.stage(stage)))
        header = ["signal", "n", *(f"AUC {stage}" for stage in STAGES)]
        for baseline in physics.baselines:
            plain = in_words(baseline)
            header += [f"AUC {plain}", f"AUC at equal {plain}", f"{plain} itself"]
        header += ["fpr40", "1/ε_b at 20 %"]
        rows = [_signal_row(physics, score, signal) for signal in signals]
        parts.append(f"### Score `{score}`\n\n{_table(header, rows)}")
    parts.append(
        "AUC with DeLong's error; *AUC at equal baseline* compares events within 5 % of the same "
        "baseline value (in brackets: signal events that have background there), and *itself* is "
        "what the baseline scores there: between 0.5 and that value a score adds nothing. fpr40 "
        "and 1/ε_b are the firmware's background efficiency at 40 % and 1 / that at 20 % signal "
        "efficiency."
    )
    if physics.thresholds:
        names = list(physics.thresholds[0].signal_efficiency)
        rows = [
            [
                f"{t.score} ≥ {t.threshold_int}",
                f"{t.background_efficiency:.3g} ({t.background_events:,} events)",
                "–" if t.rate_hz is None else f"{t.rate_hz:.3g} ± {t.rate_err_hz or 0:.2g}",
                *(f"{t.signal_efficiency.get(name, 0):.3f}" for name in names),
            ]
            for t in physics.thresholds
        ]
        header = ["threshold", "background efficiency", "rate [Hz]", *names]
        parts.append(f"### Thresholds\n\n{_table(header, rows)}")
    return "\n\n".join(parts)


def _signal_row(physics: Physics, score: str, signal: str) -> list[str]:
    stages = physics.scores[score]
    found: dict[str, SignalScore | None] = {s: stages.stage(s).get(signal) for s in STAGES}
    last = found["firmware"] or found["quantised"] or found["float"]
    row = [signal, number(last.n if last else None)]
    row += [with_error(s.auc, s.auc_err) if s else "–" for s in found.values()]
    for baseline, by_signal in physics.baselines.items():
        own = by_signal.get(signal)
        at = last.auc_at_equal.get(baseline) if last else None
        null = own.auc_at_equal.get(baseline) if own else None
        row += [
            with_error(own.auc, own.auc_err) if own else "–",
            _at_equal(at) if at else "–",
            with_error(null.auc, None, 2) if null else "–",
        ]
    row.append(with_error(last.fpr40, last.fpr40_err) if last else "–")
    row.append(number(last.eps_b_inv_20) if last else "–")
    return row


def _at_equal(at: EqualBaseline) -> str:
    """AUC at equal baseline with the number of signal events behind it."""
    return "–" if at.auc is None else f"{with_error(at.auc, at.auc_err, 2)} ({at.n:,})"


def _imitation(report: Report) -> str:
    """A score student beside its teacher; empty for other networks."""
    found = report.imitation
    if found is None or report.physics is None:
        return ""
    header, rows = imitation_rows(report.physics, found)
    return f"{_section('Student and teacher', header, rows)}\n\n{imitation_legend(found)}"


def _normalisation(report: Report) -> str:
    """Gains by the normalisation; empty for networks without one."""
    if not report.normalisation:
        return ""
    section = _section("The normalisation", *normalisation_rows(report.normalisation))
    return f"{section}\n\n{LEGEND}"


def _hardware(name: str, report: Report) -> str:
    block = report.hardware[name]
    everything = [o for other in report.hardware.values() for o in other.observations]
    units = block.compute_units
    title = f"## Hardware: {name} on {block.device}"
    quantities = list(dict.fromkeys(o.quantity for o in block.observations))
    rows = []
    for quantity in quantities:
        best = strongest(everything, quantity)
        for o in [o for o in block.observations if o.quantity == quantity]:
            share = "–"
            if o.available:
                share = f"{100 * o.value * units / o.available:.1f} %"
            counts = "**counts**" if o == best else ""
            rows.append(
                [
                    quantity,
                    number(o.value),
                    o.unit,
                    number(o.available),
                    share,
                    o.provenance,
                    f"{o.tool} {o.version}",
                    counts,
                ]
            )
    header = ["quantity", "value", "unit", "available", "of the card", "provenance", "tool", ""]
    text = f"{title}\n\nPer compute unit; {units} on a card.\n\n{_table(header, rows)}"
    return f"{text}\n\n### Layers\n\n{_layers(block.layers)}" if block.layers else text


def _layers(layers: Sequence[Layer]) -> str:
    header = [
        "layer",
        "op",
        "weights [bit]",
        "in",
        "out",
        "acc [bit]",
        "reuse",
        "multipliers",
        "FIFOs read [pixels]",
        "cycles",
        "LUT",
        "FF",
        "DSP",
        "BRAM_18K",
    ]
    rows = [
        [
            layer.name,
            layer.op,
            number(layer.weight_bits),
            layer.in_format or "–",
            layer.out_format or "–",
            number(layer.acc_bits),
            number(layer.reuse),
            number(layer.multipliers),
            ", ".join(str(depth) for depth in layer.fifo_depths) or "–",
            number(layer.latency_cycles),
            number(layer.lut),
            number(layer.ff),
            number(layer.dsp),
            number(layer.bram_18k),
        ]
        for layer in layers
    ]
    return _table(header, rows)


def _legend(report: Report) -> str:
    used = {o.provenance for block in report.hardware.values() for o in block.observations}
    used |= {p for c in report.verdict.checks for p in c.provenance.split(", ") if p in MEANING}
    rows = [[f"`{name}`", meaning] for name, meaning in MEANING.items() if name in used]
    return _section("Where the hardware numbers come from", ["provenance", "meaning"], rows)


def _versions(report: Report) -> str:
    rows = [[name, version] for name, version in report.versions.items()]
    created = f"Recipe sha256 `{report.recipe_sha256[:12]}`, created {report.created}."
    return _section("Versions", ["package or tool", "version"], rows) + f"\n\n{created}"


def _stages(report: Report) -> str:
    rows = [
        [name, f"{stage.seconds:.1f}", "yes" if stage.cached else "no"]
        for name, stage in report.stages.items()
    ]
    return _section("Stages", ["stage", "seconds", "from an earlier run"], rows)


def _section(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"## {title}\n\n{_table(header, rows)}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "None."
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(c) for c in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
