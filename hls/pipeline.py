"""From a recipe to a verdict: the commands and the stages behind them, in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trigforge.hls.session import Options, Session
from trigforge.hls.stages.comparison import comparison
from trigforge.hls.stages.firmware import MODEL, export
from trigforge.hls.stages.judgement import REPORTS, judge_model, report_path
from trigforge.hls.stages.models import float_model, quantised_model

Status = str | None


def run(command: str, options: Options) -> Status:
    """Run a command of :data:`COMMANDS`; returns the verdict's status where there is one.

    Raises:
        TrigforgeError: one sentence about what is wrong and what to do.
    """
    return COMMANDS[command](Session(options))


def _data(session: Session) -> Status:
    data = session.samples
    print(f"{data.name}: {data.source}, sha256 {data.sha256[:12]}, {data.preselection}")
    for split, count in data.learnt.items():
        print(f"  {data.background:12} {count:6} for {split}")
    for name, sample in data.all.items():
        baseline, values = next(iter(sample.baselines.items()))
        mean = values.mean() if len(sample) else float("nan")
        print(f"  {name:12} {len(sample):6} for test, {baseline} {mean:6.1f} on average")
    return None


def _train(session: Session) -> Status:
    _say("float weights", float_model(session).folder)
    return None


def _quantize(session: Session) -> Status:
    _say("quantised weights", quantised_model(session).folder)
    return None


def _export(session: Session) -> Status:
    _say("QONNX", export(session).folder / MODEL)
    return None


def _csim(session: Session) -> Status:
    from trigforge.hls.stages.comparison import load_comparison

    comparison(session)
    wrong = 0
    for c in load_comparison(session):
        where = f", first in {c.first_layer}" if c.first_layer else ""
        print(f"{c.a:9} = {c.b:9} {c.inputs:8} {c.vectors:5} vectors, {c.mismatches} differ{where}")
        wrong += c.mismatches
    return "FAIL" if wrong else "PASS"


def _emulator(session: Session) -> Status:
    from trigforge.hls.stages.standalone import identity, standalone

    done = standalone(session)
    info = done.manifest.info
    print(
        f"{info['vectors']} vectors, 0 differ from the integer emulator; "
        f"{info['events_per_s']:.4g} events/s on {info['threads']} thread(s)"
    )
    _say("emulator", done.folder / identity(session).library)
    return None


def _rtl(session: Session) -> Status:
    from trigforge.hls.stages.rtl import DESIGN, judge_rtl, rtl

    verdict = judge_rtl(session)
    for check in verdict.checks:
        value = "–" if check.value is None else f"{check.value:.4g}"
        evidence = f"{check.provenance} ({check.tool})"
        text = f"{value} {check.unit}, limit {check.limit:g}"
        print(f"{check.status:7} {check.name:20} {text:30} {evidence}")
    print("\n".join(verdict.statements))
    _say("Verilog, test bench and port map", rtl(session).folder / DESIGN)
    return verdict.status


def _hls(session: Session) -> Status:
    from trigforge.hls.reports.page.source import Places
    from trigforge.hls.reports.page.write import write_page
    from trigforge.hls.reports.table import print_report

    report = judge_model(session)
    print_report(report)
    path = report_path(session)
    _say("report", path)
    _say("       ", path.with_suffix(".md"))
    name = session.options.model if session.is_reviewed else session.project_folder.name
    _say("page", write_page(name, Places(REPORTS, session.build, session.recipes)))
    return report.verdict.status


COMMANDS: dict[str, Callable[[Session], Status]] = {
    "hls": _hls,
    "data": _data,
    "train": _train,
    "quantize": _quantize,
    "export": _export,
    "csim": _csim,
    "emulator": _emulator,
    "rtl": _rtl,
}


def _say(what: str, path: Path) -> None:
    print(f"{what}: {path}")
