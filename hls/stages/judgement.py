"""The report: everything that the stages found, judged, written and shown."""

from __future__ import annotations

import datetime
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from trigforge.hls.reports.normalisation import normalisation_statements
from trigforge.hls.reports.report import (
    SCHEMA,
    Dataset,
    Imitation,
    NormalisationGain,
    Physics,
    Report,
    StageTime,
    Verdict,
    save_report,
)
from trigforge.hls.reports.verdict import REQUIRED_STAGES, judge
from trigforge.hls.session import Session
from trigforge.hls.stages.comparison import comparison
from trigforge.hls.stages.evidence import Evidence, evidence
from trigforge.hls.stages.firmware import library
from trigforge.hls.stages.hardware import hardware
from trigforge.hls.stages.normalisation import normalisation_gains
from trigforge.hls.stages.rtl import BACKEND as RTL
from trigforge.hls.stages.scoring import load_scores, score_name, scores
from trigforge.hls.stages.teaching import compare_with_teacher, remarks
from trigforge.train.artifacts import atomic_path, sha256_json, versions

REPORTS = Path("latency_reports")
BOOTSTRAP_SEED = 40
PACKAGES = (
    *("trigforge", "torch", "brevitas", "onnx", "onnxruntime", "qonnx", "hls4ml", "numpy"),
    *("scipy", "pythia8mc"),
)


def report_path(session: Session, reports: Path = REPORTS) -> Path:
    """Where the JSON goes: the reviewed variant beside the committed one, others into build."""
    folder = reports if session.is_reviewed else session.root
    return folder / f"{session.options.model}.json"


def judge_model(session: Session, reports: Path = REPORTS) -> Report:
    """Run what is missing, judge, and write JSON, Markdown and the arrays behind the figures."""
    if session.imported is not None:
        from trigforge.hls.stages.imported import judge_imported

        return judge_imported(session, session.imported, reports)
    import numpy as np

    from trigforge.hls.reports.page.source import IDENTITY, physics_sha256
    from trigforge.hls.reports.physics import assess, curves

    # first what can be wrong with events and recipes, before minutes of work
    recipe, data, reverse = session.recipe, session.samples, session.reverse
    for stage in (library, comparison, scores, hardware):
        stage(session)
    tables = load_scores(session)
    stages = {name: tables[name] for name in ("float", "quantised", "firmware")}
    by_score = {score_name(session): stages}
    baselines = {name: tables[name] for name in data.test.baselines}
    background, signals = data.background, tuple(data.signals)
    physics = assess(
        by_score,
        baselines,
        background=background,
        signals=signals,
        info=data.info,
        rng=np.random.default_rng(BOOTSTRAP_SEED),
        max_rate_hz=recipe.budget.max_rate_hz,
        input_rate_hz=data.input_rate_hz,
        luminosity_per_cm2_s=data.luminosity_per_cm2_s,
    )
    imitation = compare_with_teacher(session, np.random.default_rng(BOOTSTRAP_SEED))
    gains = normalisation_gains(session, reverse, np.random.default_rng(BOOTSTRAP_SEED))
    said = normalisation_statements(gains, session.options.model)
    found = evidence(session, REQUIRED_STAGES)
    verdict = judge(
        session.budget,
        recipe.budget,
        observations=found.observations,
        compute_units=found.compute_units,
        physics=physics,
        bit_accuracy=found.accuracy,
        remarks=(*remarks(session, imitation), *said, *found.notes),
        zero_bias=data.input_rate_hz is not None,
        required=found.required,
    )
    report = assemble(
        session,
        verdict=verdict,
        found=found,
        physics=physics,
        dataset=Dataset(
            name=data.name if session.options.data is None else Path(session.options.data).name,
            source=data.source,
            sha256=data.sha256,
            preselection=data.preselection,
            background=background,
            background_events=len(data.test),
            signals={name: len(events) for name, events in data.signals.items()},
        ),
        imitation=imitation,
        normalisation=gains,
    )
    write(session, report, reports)
    arrays = curves(by_score, baselines, background=background, signals=signals)
    arrays[IDENTITY] = np.array(physics_sha256(physics))
    figures = session.root / f"{session.options.model}.npz"
    with atomic_path(figures) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type] # as in scoring.py
    return report


def assemble(
    session: Session,
    *,
    verdict: Verdict,
    found: Evidence,
    physics: Physics | None,
    dataset: Dataset | None,
    imitation: Imitation | None = None,
    normalisation: Sequence[NormalisationGain] = (),
) -> Report:
    """The report of what the stages found."""
    return Report(
        schema=SCHEMA,
        model=session.options.model,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        recipe_sha256=sha256_json(session.deployable),
        versions={
            "python": platform.python_version(),
            **versions(*PACKAGES, *(("da4ml",) if RTL in found.hardware else ())),
            "compiler": str(library(session).manifest.info["compiler"]),
        },
        dataset=dataset,
        verdict=verdict,
        bit_accuracy=found.accuracy,
        physics=physics,
        hardware=found.hardware,
        stages=_times(session),
        imitation=imitation,
        normalisation=tuple(normalisation),
    )


def write(session: Session, report: Report, reports: Path) -> None:
    """Write a report as JSON and Markdown: into build, the reviewed variant's also to its place.

    The copy in build tells a review that somebody has run the model here.
    """
    from trigforge.hls.reports.markdown import to_markdown

    built = session.root / f"{session.options.model}.json"
    for path in dict.fromkeys((report_path(session, reports), built)):
        save_report(report, path)
        with atomic_path(path.with_suffix(".md")) as temporary:
            temporary.write_text(to_markdown(report), encoding="utf-8")


def _times(session: Session) -> dict[str, StageTime]:
    times = {}
    ready = Path(sys.prefix) / ".ready"
    if ready.is_file() and (seconds := ready.read_text().strip()).isdigit():
        times["environment"] = StageTime(seconds=float(seconds), cached=True)
    for name, result in session.results.items():
        times[name] = StageTime(seconds=result.manifest.seconds, cached=result.cached)
    return times
