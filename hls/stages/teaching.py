"""The teacher's scores of all test events, for recipes that have one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trigforge.hls.jet_recipe import JetRecipe
from trigforge.hls.session import Session
from trigforge.hls.stages.scoring import Tables, load_scores, save_arrays, score_name
from trigforge.train.artifacts import StageResult, sha256_file
from trigforge.train.config import LEVEL1, TeacherConfig

if TYPE_CHECKING:
    from trigforge.hls.reports.report import Imitation

TEACHER = "teacher.npz"


def teacher_scores(session: Session, config: TeacherConfig, weights: Path) -> StageResult:
    """The teacher's score per sample; events are scored in chunks that survive an interruption."""

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.train.student_data import scored
        from trigforge.train.teacher import load_teacher

        data, network = session.dataset, session.event_recipe.network
        teacher = load_teacher(config, network.height, network.width)
        samples = {session.recipe.data.background: data.test, **data.signals}
        cache = session.build / "pools"
        arrays: Tables = {
            name: scored(events.masks, teacher, cache, name=f"teacher: {name}").scores
            for name, events in samples.items()
        }
        save_arrays(folder / TEACHER, arrays)

    return session.stage(
        "teacher",
        config.score,
        {"weights": sha256_file(weights), "events": session.data_key},
        ("train",),
        run,
    )


def compare_with_teacher(session: Session, rng: np.random.Generator) -> Imitation | None:
    """Student, teacher and counting on the test events; nothing without the teacher's weights."""
    from trigforge.hls.reports.imitation import imitation
    from trigforge.train.teacher import weights_path

    if isinstance(session.recipe, JetRecipe):
        return None
    config, data = session.recipe.train.teacher, session.recipe.data
    weights = None if config is None else weights_path(config.weights)
    if config is None or weights is None or not weights.is_file():
        return None
    stage = teacher_scores(session, config, weights)
    with np.load(stage.folder / TEACHER, allow_pickle=False) as stored:
        teacher = {name: stored[name] for name in stored.files}
    tables = load_scores(session)
    return imitation(
        tables["firmware"],
        teacher,
        tables["mask_sum"],
        background=data.background,
        signals=data.signals,
        weights=config.weights,
        weights_sha256=sha256_file(weights),
        score=config.score,
        rng=rng,
    )


def remarks(session: Session, found: Imitation | None) -> list[str]:
    """What a verdict says about this architecture beyond the numbers of every other."""
    from trigforge.hls.reports.imitation import imitation_statements

    if isinstance(session.recipe, JetRecipe):
        from trigforge.hls.stages.jet_remarks import jet_remarks

        return jet_remarks(session, session.recipe)
    teacher = session.recipe.train.teacher
    if found is not None:
        return imitation_statements(found)
    if teacher is not None:
        return [
            f"The teacher's weights {teacher.weights} are not here, so {score_name(session)} was "
            "not compared with it; trigforge import-codae writes the published ones."
        ]
    if session.recipe.network.architecture == "mask_sum":
        return [
            "Counting has no weights: nothing is trained, and float and quantised are the same."
        ]
    if session.recipe.network.architecture in LEVEL1:
        from trigforge.hls.stages.level1 import rate_remarks

        return rate_remarks(session)
    return []
