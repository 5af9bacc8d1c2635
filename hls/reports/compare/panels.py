"""Which models may share a panel: those judged on the same events, signal by signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trigforge.hls.reports.compare.entries import Entry, Quoted, entries
from trigforge.hls.reports.report import Dataset, Physics, Report, SignalScore

SAME_AUC = 1e-6
"""Two processors may add the same floats in another order."""


@dataclass(frozen=True, kw_only=True)
class Panels:
    """Models judged on the same events.

    Attributes:
        dataset: of the first report; the hash of the others is the same.
        signals: judged by any of them, in the order of the reports.
        baselines: signal -> separation, of cheap rivals that are not among the models: they have
            no firmware, so they have no cost either.
        rates_hz: bounds that at least one model keeps, highest first.
    """

    dataset: Dataset
    entries: tuple[Entry, ...]
    signals: tuple[str, ...]
    baselines: Mapping[str, Mapping[str, SignalScore]]
    rates_hz: tuple[float, ...]

    def common_rate_hz(self) -> float | None:
        """The bound that most models keep, the lowest of those; absent when there is none."""
        kept = {rate: sum(rate in e.efficiency for e in self.entries) for rate in self.rates_hz}
        return min(kept, key=lambda rate: (-kept[rate], rate), default=None)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that is compared.

    Attributes:
        alone: models without events, whose cost is known and whose worth is not.
        notes: what keeps models apart, and which numbers are missing or do not fit together.
    """

    groups: tuple[Panels, ...]
    alone: tuple[Entry, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Judged:
    """A report that has events."""

    name: str
    report: Report
    dataset: Dataset
    physics: Physics


def compare(reports: Mapping[str, Report]) -> Comparison:
    """Sort reports into groups that were judged on the same events.

    Args:
        reports: name -> report; each name stands beside its points.
    """
    together: dict[tuple[str, str], list[_Judged]] = {}
    alone: list[Entry] = []
    for name, report in reports.items():
        if report.dataset is None or report.physics is None:
            alone += entries(name, report)
        else:
            key = (report.dataset.sha256, report.dataset.background)
            member = _Judged(name, report, report.dataset, report.physics)
            together.setdefault(key, []).append(member)
    groups = [_group(members) for members in together.values()]
    notes = [
        *_apart(groups),
        *(
            f"{entry.label} has no events: it stands in no panel, only its cost is given."
            for entry in alone
        ),
        *(note for members in together.values() for note in _disagreements(members)),
        *(note for group in groups for note in _gaps(group)),
        *(n for entry in [e for g in groups for e in g.entries] + alone for n in _costs(entry)),
    ]
    return Comparison(groups=tuple(groups), alone=tuple(alone), notes=tuple(notes))


def _group(members: Sequence[_Judged]) -> Panels:
    found = [entry for member in members for entry in entries(member.name, member.report)]
    models = {member.report.model for member in members}
    baselines: dict[str, dict[str, SignalScore]] = {}
    for member in members:
        for baseline, signals in member.physics.baselines.items():
            if baseline not in models:
                known = baselines.setdefault(baseline, {})
                known.update({s: score for s, score in signals.items() if s not in known})
    return Panels(
        dataset=members[0].dataset,
        entries=tuple(found),
        signals=tuple(dict.fromkeys(s for entry in found for s in entry.auc)),
        baselines=baselines,
        rates_hz=tuple(sorted({rate for e in found for rate in e.efficiency}, reverse=True)),
    )


def _apart(groups: Sequence[Panels]) -> list[str]:
    """Said when there are several groups: their numbers must not be compared."""
    if len(groups) < 2:
        return []
    parts = [
        f"{', '.join(e.label for e in group.entries)} on {identity(group.dataset)}"
        for group in groups
    ]
    return [f"Not judged on the same events, so not in the same panels: {'; '.join(parts)}."]


def identity(dataset: Dataset) -> str:
    """Name, beginning of the hash and background of the events that were judged on."""
    return f"{dataset.name} ({dataset.sha256[:12]}, background {dataset.background})"


def _disagreements(members: Sequence[_Judged]) -> list[str]:
    """Baselines depend on events alone: where they differ, something is wrong with a report."""
    seen: dict[tuple[str, str], tuple[str, float]] = {}
    notes = []
    for member in members:
        for baseline, signals in member.physics.baselines.items():
            for signal, found in signals.items():
                first, auc = seen.setdefault((baseline, signal), (member.name, found.auc))
                if abs(auc - found.auc) > SAME_AUC:
                    notes.append(
                        f"AUC of {baseline} for {signal} is {auc:.4f} in {first} and "
                        f"{found.auc:.4f} in {member.name}, although both name the same events."
                    )
    return notes


def _gaps(group: Panels) -> list[str]:
    notes = []
    for entry in group.entries:
        missing = [signal for signal in group.signals if signal not in entry.auc]
        if missing and not entry.auc:
            notes.append(f"{entry.label} has no score of the firmware: it stands in no panel.")
        elif missing:
            notes.append(f"{entry.label} was not judged on {', '.join(missing)}.")
        beyond = [f"{rate:.3g}" for rate in group.rates_hz if rate not in entry.efficiency]
        if beyond and entry.auc:
            notes.append(
                f"{entry.label} has no threshold that keeps {' and '.join(beyond)} Hz within the "
                "reach of its events."
            )
    return notes


def _costs(entry: Entry) -> list[str]:
    costs = entry.costs
    wanted: dict[str, Quoted] = {"LUTs": costs.lut, "latency": costs.latency_ns}
    missing = [name for name, quoted in wanted.items() if quoted.value is None]
    notes = []
    if missing:
        notes.append(
            f"{entry.label}: nobody has produced its {' and '.join(missing)}; it is missing where "
            "they are an axis."
        )
    if costs.is_mixed():
        notes.append(
            f"{entry.label}: its LUTs are those of {costs.lut.backend}, its cycles those of "
            f"{costs.latency_cycles.backend}; these are two designs."
        )
    return notes
