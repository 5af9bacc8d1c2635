"""What the scores separate, as tables: three arithmetics, the rivals, thresholds and rates."""

from __future__ import annotations

from trigforge.hls.reports.equivalence import MIN_COMPARABLE, in_words
from trigforge.hls.reports.markdown import number, with_error
from trigforge.hls.reports.page.tables import Cell, Table, cells
from trigforge.hls.reports.report import EqualBaseline, Physics
from trigforge.train.html import sample_label

STAGES = ("float", "quantised", "firmware")


def separation(physics: Physics, score: str) -> Table:
    """AUC in the three arithmetics, the paired difference, and efficiencies of the firmware."""
    stages = physics.scores[score]
    paired = {d.signal: d for d in physics.differences if d.score == score}
    rows = []
    for signal in _signals(physics, score):
        found = {name: stages.stage(name).get(signal) for name in STAGES}
        last = found["firmware"] or found["quantised"] or found["float"]
        moved = paired.get(signal)
        rows.append(
            cells(
                sample_label(signal),
                number(last.n if last else None),
                *("–" if s is None else with_error(s.auc, s.auc_err) for s in found.values()),
                "–"
                if moved is None
                else f"{-moved.value:+.4f} ({-moved.high:+.4f} to {-moved.low:+.4f})",
                with_error(last.fpr40, last.fpr40_err) if last else "–",
                number(last.eps_b_inv_20) if last else "–",
            )
        )
    header = (
        *("signal", "events", *(f"AUC {stage}" for stage in STAGES)),
        *("firmware − float (95 %)", "fpr40", "1/ε_b at 20 %"),
    )
    return Table(f"Separation by {score}", header, tuple(rows))


def rivals(physics: Physics, score: str) -> Table:
    """The firmware's AUC beside each baseline's, and both at equal baseline."""
    firmware = physics.scores[score].firmware
    header = ["signal", f"AUC {score}"]
    for baseline in physics.baselines:
        plain = in_words(baseline)
        header += [f"AUC {plain}", f"{score} at equal {plain}", f"{plain} itself", "of"]
    rows = []
    for signal in _signals(physics, score):
        ours = firmware.get(signal)
        row: list[str | Cell] = [sample_label(signal)]
        row.append("–" if ours is None else with_error(ours.auc, ours.auc_err))
        for baseline, by_signal in physics.baselines.items():
            own = by_signal.get(signal)
            at = ours.auc_at_equal.get(baseline) if ours else None
            null = own.auc_at_equal.get(baseline) if own else None
            row += [
                "–" if own is None else with_error(own.auc, own.auc_err),
                _at_equal(at),
                _at_equal(null),
                "–" if at is None else f"{at.n:,}",
            ]
        rows.append(cells(*row))
    return Table(f"{score} in firmware beside the baselines", tuple(header), tuple(rows))


def thresholds(physics: Physics, score: str) -> Table | None:
    """Working points on the integer grid; absent without any."""
    found = [t for t in physics.thresholds if t.score == score]
    if not found:
        return None
    signals = list(dict.fromkeys(s for t in found for s in t.signal_efficiency))
    rows = [
        cells(
            f"≥ {t.threshold_int:,}",
            f"{t.background_efficiency:.3g}",
            f"{t.background_events:,}",
            "–" if t.rate_hz is None else f"{t.rate_hz:.3g} ± {t.rate_err_hz or 0:.2g}",
            *(
                f"{t.signal_efficiency[s]:.3f}" if s in t.signal_efficiency else "–"
                for s in signals
            ),
        )
        for t in found
    ]
    header = ("threshold", "background efficiency", "events kept", "rate [Hz]")
    labels = tuple(sample_label(signal) for signal in signals)
    return Table(f"Thresholds of {score} and signal efficiencies", (*header, *labels), tuple(rows))


def _signals(physics: Physics, score: str) -> list[str]:
    stages = physics.scores[score]
    return list(dict.fromkeys(signal for name in STAGES for signal in stages.stage(name)))


def _at_equal(at: EqualBaseline | None) -> Cell:
    if at is None or at.auc is None:
        return Cell("–")
    few = at.n < MIN_COMPARABLE
    return Cell(
        with_error(at.auc, at.auc_err, 3),
        style="few" if few else "",
        about="too few events of equal baseline to mean anything" if few else "",
    )
