"""A comparison as tables, for Markdown and for the page alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trigforge.hls.reports.compare.entries import Efficiency, Entry, Quoted
from trigforge.hls.reports.compare.panels import Panels
from trigforge.hls.reports.equivalence import in_words
from trigforge.hls.reports.markdown import number, with_error
from trigforge.hls.reports.page.tables import Cell, Table, cells
from trigforge.hls.reports.report import SignalScore
from trigforge.hls.reports.timing import readable
from trigforge.train.html import sample_label


def cost_table(found: Sequence[Entry]) -> Table:
    """Area and latency of every model, each number with its provenance."""
    rows = [
        cells(
            entry.label,
            entry.score or "–",
            entry.status,
            *_pair(entry.costs.lut),
            str(entry.costs.compute_units),
            *_pair(entry.costs.dsp),
            *_pair(entry.costs.bram_18k),
            *_pair(entry.costs.latency_cycles),
            *_pair(entry.costs.latency_ns, time=True),
            entry.costs.device,
        )
        for entry in found
    ]
    header = [
        *("model", "score", "verdict", "LUT", "from", "compute units", "DSP", "from"),
        *("BRAM_18K", "from", "cycles", "from", "latency", "from", "device"),
    ]
    words = frozenset({0, 1, 2, *(n for n, name in enumerate(header) if name == "from"), 14})
    return Table("Cost, of all compute units of a card", tuple(header), tuple(rows), words)


def auc_table(group: Panels) -> Table:
    """AUC of the firmware per signal, then the rivals without firmware."""
    models = [
        _row(entry.label, entry.costs.lut, entry.auc, group.signals) for entry in group.entries
    ]
    rivals = [
        _row(f"{in_words(name)} (no firmware)", Quoted(), signals, group.signals)
        for name, signals in group.baselines.items()
    ]
    return Table(
        "AUC of the firmware's integers, with DeLong's error",
        ("model", "LUT", "from", *map(sample_label, group.signals)),
        (*models, *rivals),
        frozenset({0, 2}),
    )


def efficiency_table(group: Panels, rate_hz: float) -> Table:
    """Signal efficiency of every model that keeps a rate."""
    rows = [
        cells(
            entry.label,
            *_pair(entry.costs.lut),
            *_threshold(entry.efficiency.get(rate_hz, {})),
            *(_efficiency(entry.efficiency.get(rate_hz, {}).get(s)) for s in group.signals),
        )
        for entry in group.entries
    ]
    return Table(
        f"Signal efficiency at no more than {rate_hz:.3g} Hz of {group.dataset.background}, with "
        "binomial error",
        ("model", "LUT", "from", "threshold", "its rate [Hz]", *map(sample_label, group.signals)),
        tuple(rows),
        frozenset({0, 2}),
    )


def _row(
    label: str, lut: Quoted, of: Mapping[str, SignalScore], signals: Sequence[str]
) -> tuple[Cell, ...]:
    aucs = [of.get(signal) for signal in signals]
    return cells(
        label, *_pair(lut), *("–" if a is None else with_error(a.auc, a.auc_err) for a in aucs)
    )


def _pair(quoted: Quoted, *, time: bool = False) -> tuple[Cell, Cell]:
    """A number and where it comes from."""
    if quoted.value is None:
        return Cell("–"), Cell("–")
    text = readable(quoted.value) if time else number(quoted.value)
    return Cell(text), Cell(quoted.provenance or "–", style="provenance", about=quoted.tool or "")


def _threshold(of: Mapping[str, Efficiency]) -> tuple[str, str]:
    point = next(iter(of.values()), None)
    return ("–", "–") if point is None else (f"≥ {point.threshold_int:,}", number(point.rate_hz, 3))


def _efficiency(found: Efficiency | None) -> str:
    return "–" if found is None else f"{found.value:.3f} ± {found.error:.3f}"
