"""What a score student learnt from its teacher: numbers, table and sentences.

The question is what survives of the teacher's gain over counting pixels, at encoder cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigforge.hls.reports.physics import separation
from trigforge.hls.reports.report import Imitation, Physics, SignalScore
from trigforge.train.bootstrap import gain_kept
from trigforge.train.equal_baseline import rank_correlation_at_equal

SIGNALS = ("suep_125", "suep_200", "suep_300", "svj_2100", "svj_3100", "svj_4100")
"""Gains are averaged over these; heavier SUEPs are separated by counting already."""
ENOUGH_GAIN = 0.5
ENOUGH_CORRELATION = 0.5

Samples = Mapping[str, NDArray[Any]]


def imitation(
    student: Samples,
    teacher: Samples,
    mask_sum: Samples,
    *,
    background: str,
    signals: tuple[str, ...],
    weights: str,
    weights_sha256: str,
    score: str,
    rng: np.random.Generator,
) -> Imitation:
    """Compare firmware scores with the teacher's.

    Args:
        student, teacher, mask_sum: sample -> (N,) of the same events.
        rng: of the bootstrap interval.

    Raises:
        InputError: the samples do not fit together.
    """
    averaged = tuple(s for s in SIGNALS if s in signals) or signals
    gain = gain_kept(student, teacher, mask_sum, background, averaged, rng)
    return Imitation(
        teacher=weights,
        teacher_sha256=weights_sha256,
        score=score,
        separation=separation(teacher, {"mask_sum": mask_sum}, background, signals),
        rank_correlation_at_equal=rank_correlation_at_equal(
            student[background], teacher[background], mask_sum[background]
        ),
        signals=averaged,
        teacher_gain=gain.teacher,
        student_gain=gain.student,
        gain_kept=gain.kept,
        gain_kept_low=gain.low,
        gain_kept_high=gain.high,
    )


def imitation_statements(found: Imitation) -> list[str]:
    """The gain kept and the correlation, and in words where they are too small."""
    over = ", ".join(found.signals)
    gains = (
        f"{found.student_gain:+.4f} of AUC over counting where the teacher ({found.score} of "
        f"{found.teacher}) gains {found.teacher_gain:+.4f}, averaged over {over}"
    )
    if found.gain_kept is None:
        said = [f"The teacher gains nothing over counting, so there is nothing to keep: {gains}."]
    else:
        verb = "keeps" if found.gain_kept >= ENOUGH_GAIN else "keeps less than half:"
        said = [f"The student {verb} {_kept(found)} of its teacher's gain: {gains}."]
    rho = found.rank_correlation_at_equal
    shown = "not defined" if rho is None else f"{rho:.2f}"
    enough = "" if rho is not None and rho >= ENOUGH_CORRELATION else ", below the 0.5 aimed at"
    said.append(
        "Among unseen background of equal mask sum the student's rank correlation with its teacher "
        f"is {shown}{enough}."
    )
    return said


def imitation_rows(physics: Physics, found: Imitation) -> tuple[list[str], list[list[str]]]:
    """Header and rows: AUC of counting, student and teacher, plain and at equal mask sum."""
    (stages,) = physics.scores.values()
    header = [
        *("signal", "AUC mask sum", "AUC student", "AUC teacher"),
        *("at equal mask sum: itself", "student", "teacher"),
    ]
    rows = []
    for signal, teacher in found.separation.items():
        three = (physics.baselines["mask_sum"][signal], stages.firmware[signal], teacher)
        plain = [f"{s.auc:.4f} ± {s.auc_err:.4f}" for s in three]
        rows.append([signal, *plain, *map(_at_equal, three)])
    return header, rows


def imitation_legend(found: Imitation) -> str:
    """The statements and what the columns are."""
    return " ".join(
        [
            *imitation_statements(found),
            f"Teacher: score `{found.score}` of weights `{found.teacher}` (sha256 "
            f"`{found.teacher_sha256[:12]}`), in floating point; student: the firmware's integers.",
        ]
    )


def _at_equal(score: SignalScore) -> str:
    at = score.auc_at_equal["mask_sum"]
    return "–" if at.auc is None else f"{at.auc:.2f} ± {at.auc_err or 0:.2f}"


def _kept(found: Imitation) -> str:
    low, high = found.gain_kept_low, found.gain_kept_high
    interval = "" if low is None else f" (95 % interval {low:.2f} to {_upper(high)})"
    return f"{found.gain_kept:.2f}{interval}"


def _upper(high: float | None) -> str:
    return "unbounded" if high is None else f"{high:.2f}"
