"""Gain kept, correlation and sentences on scores whose relation is known."""

from __future__ import annotations

import numpy as np
import pytest

from trigforge.hls.reports.imitation import Imitation, imitation, imitation_statements
from trigforge.train.bootstrap import GainKept, gain_kept
from trigforge.train.errors import InputError
from trigforge.train.metrics import auc

SAMPLES = {"qcd": (4000, 0.0), "suep_125": (800, 0.7), "svj_2100": (800, 0.5)}
SIGNALS = ("suep_125", "svj_2100")


def tables(kept: float) -> tuple[dict[str, np.ndarray], ...]:
    """Student, teacher and counting; the teacher knows a shape, the student a part of it."""
    rng = np.random.default_rng(1)
    found: tuple[dict[str, np.ndarray], ...] = ({}, {}, {})
    for name, (count, shift) in SAMPLES.items():
        number = rng.normal(100 + 15 * shift, 20, count).round()
        shape, noise = rng.normal(shift, 1, count), rng.normal(0, 1, count)
        seen = kept * shape + np.sqrt(1 - kept**2) * noise
        for table, values in zip(
            found, (number / 20 + seen, number / 20 + shape, number), strict=True
        ):
            table[name] = values
    return found


def compared(kept: float) -> Imitation:
    student, teacher, count = tables(kept)
    return imitation(
        student,
        teacher,
        count,
        background="qcd",
        signals=SIGNALS,
        weights="tiny",
        weights_sha256="0" * 64,
        score="dice",
        rng=np.random.default_rng(0),
    )


def test_the_gain_is_that_of_the_mean_aucs() -> None:
    student, teacher, count = tables(0.8)
    mean = [
        np.mean([auc(t[s], t["qcd"]).value for s in SIGNALS]) for t in (student, teacher, count)
    ]
    found = gain_kept(student, teacher, count, "qcd", SIGNALS, np.random.default_rng(0))
    assert found.student == pytest.approx(mean[0] - mean[2])
    assert found.teacher == pytest.approx(mean[1] - mean[2])
    assert found.kept == pytest.approx((mean[0] - mean[2]) / (mean[1] - mean[2]))
    assert found.low is not None and found.high is not None and found.kept is not None
    assert found.low < found.kept < found.high < found.low + 0.5


def test_a_perfect_student_keeps_everything() -> None:
    _, teacher, count = tables(1.0)
    found = gain_kept(teacher, teacher, count, "qcd", SIGNALS, np.random.default_rng(0))
    assert (found.kept, found.low, found.high) == (1.0, 1.0, 1.0)


def test_a_teacher_without_gain_has_no_fraction() -> None:
    student, _, count = tables(0.5)
    found = gain_kept(student, count, count, "qcd", SIGNALS, np.random.default_rng(0))
    assert isinstance(found, GainKept) and found.kept is None and found.low is None


def test_other_events_are_refused() -> None:
    student, teacher, count = tables(0.5)
    teacher["svj_2100"] = teacher["svj_2100"][:-1]
    with pytest.raises(InputError, match=r"svj_2100: \[800, 799, 800\] scores"):
        gain_kept(student, teacher, count, "qcd", SIGNALS, np.random.default_rng(0))


def test_a_good_student_is_praised_and_a_poor_one_is_not() -> None:
    good, poor = (imitation_statements(compared(kept)) for kept in (0.95, 0.1))
    assert "keeps less than half" not in good[0] and "below the 0.5" not in good[1]
    assert "keeps less than half" in poor[0] and "below the 0.5" in poor[1]
    assert compared(0.95).signals == SIGNALS
