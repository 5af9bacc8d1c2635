"""Which models are reviewed, against what, and what may be said of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trigforge.hls.recipe import RECIPES
from trigforge.hls.reports.report import Report, plain
from trigforge.hls.reports.review.committed import HEAD, committed_models, committed_report
from trigforge.hls.reports.review.fresh import BUILD, fresh_models, fresh_report
from trigforge.hls.reports.review.moves import Move, compare
from trigforge.train.errors import InputError, ToolError

REPORTS = Path("latency_reports")


@dataclass(frozen=True)
class Review:
    """What moved in all models that were reviewed.

    Attributes:
        moves: model -> what moved; absent for a first report, which has nothing to compare with.
        missing: one sentence for each model whose fresh report cannot be used.
        left_out: committed models that nobody has run here, where no model was named.
    """

    moves: dict[str, tuple[Move, ...] | None]
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def regressions(self) -> int:
        """How many numbers moved that may not."""
        found = (move for moves in self.moves.values() for move in moves or ())
        return sum(move.status == "regression" for move in found)


def review(
    models: Sequence[str] = (),
    base: str = HEAD,
    *,
    reports: Path = REPORTS,
    build: Path = BUILD,
    recipes: Path = RECIPES,
) -> Review:
    """Compare fresh reports with those of a commit.

    Args:
        models: all that have a fresh report, where none is named.
        base: a commit, as git names it.

    Raises:
        ToolError: no git, or not in a repository.
        InputError: no such commit, what it holds is no report, or there is no fresh report at all.
    """
    committed, fresh_ones = committed_models(reports, base), fresh_models(build)
    if not models and not fresh_ones:
        raise InputError(f"{build}: no fresh report to review; run make hls MODEL=... first")
    moves: dict[str, tuple[Move, ...] | None] = {}
    missing = []
    for model in models or fresh_ones:
        try:
            fresh = fresh_report(model, build, recipes)
        except InputError as error:
            missing.append(str(error))
            continue
        moves[model] = _moves(fresh, reports, base)
    left_out = () if models else tuple(name for name in committed if name not in fresh_ones)
    return Review(moves, tuple(missing), left_out)


def moves_since_review(report: Report, reports: Path = REPORTS) -> tuple[Move, ...] | None:
    """What moved between the committed report of a model and this one, regressions first.

    Absent where nothing is committed to compare with, be it for want of git.
    """
    try:
        return _moves(report, reports, HEAD)
    except (InputError, ToolError):
        return None


def _moves(report: Report, reports: Path, base: str) -> tuple[Move, ...] | None:
    old = committed_report(report.model, reports, base)
    return None if old is None else tuple(compare(old, plain(report)))
