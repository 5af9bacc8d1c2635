"""Take fresh reports over as reviewed: the files, and a line in the changelog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trigforge.hls.reports.review.forms import word
from trigforge.hls.reports.review.fresh import fresh_path
from trigforge.hls.reports.review.moves import Move
from trigforge.train.artifacts import atomic_path
from trigforge.train.errors import InputError

CHANGELOG = Path("CHANGELOG.md")
_UNRELEASED = "## Unreleased"
_NAMED = 3


def accept(
    model: str,
    moves: Sequence[Move] | None,
    *,
    reports: Path,
    build: Path,
    changelog: Path = CHANGELOG,
) -> str:
    """Copy a model's fresh report over the committed one and note it; returns the line.

    Args:
        moves: what moved, absent for a first report.

    Raises:
        InputError: no changelog with an unreleased section.
    """
    line = _line(model, moves)
    text = changelog.read_text(encoding="utf-8") if changelog.is_file() else ""
    before, found, after = text.partition(_UNRELEASED)
    if not found:
        raise InputError(f"{changelog}: no section {_UNRELEASED!r} for the reviewed numbers")
    source = fresh_path(model, build)
    for suffix in (".md", ".json"):
        content = source.with_suffix(suffix).read_bytes()
        with atomic_path(reports / f"{model}{suffix}") as temporary:
            temporary.write_bytes(content)
    section, mark, older = after.partition("\n## ")
    if line not in section.splitlines():
        with atomic_path(changelog) as temporary:
            rest = f"{section.rstrip()}\n{line}\n{mark}{older}"
            temporary.write_text(f"{before}{found}{rest}", encoding="utf-8")
    return line


def _line(model: str, moves: Sequence[Move] | None) -> str:
    if moves is None:
        return f"- First reviewed report of {model}."
    moved = [move for move in moves if move.status != "noted"]
    named = ", ".join(f"{m.metric} {word(m.old)} to {word(m.new)}" for m in moved[:_NAMED])
    more = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
    return f"- Reviewed numbers of {model}: {named}{more}."
