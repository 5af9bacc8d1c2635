"""Where the reviewed reports are: in the last commit; the fresh ones lie in the working tree."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trigforge.hls.reports.review.moves import Move
from trigforge.train.artifacts import atomic_path, read_json
from trigforge.train.errors import InputError, ToolError

CHANGELOG = Path("CHANGELOG.md")
_UNRELEASED = "## Unreleased"


def fresh_report(model: str, reports: Path) -> dict[str, Any]:
    """The report in the working tree.

    Raises:
        InputError: there is none, or it is no JSON object.
    """
    path = reports / f"{model}.json"
    if not path.is_file():
        raise InputError(f"{path}: no report of {model}; run make hls MODEL={model} first")
    found = read_json(path)
    if not isinstance(found, dict):
        raise InputError(f"{path}: a JSON {type(found).__name__}, expected a report")
    return found


def committed_report(model: str, reports: Path) -> dict[str, Any] | None:
    """The report in the last commit, absent when it holds none of that model.

    Raises:
        ToolError: no git, or not in a repository.
        InputError: what is committed is no report.
    """
    git = shutil.which("git")
    if git is None:
        raise ToolError("git is not on the PATH; a review compares with the last commit")
    folder = reports.resolve()
    inside = _git(git, folder, "rev-parse", "--is-inside-work-tree")
    if inside.returncode != 0:
        raise ToolError(
            f"{reports}: not in a git repository; a review compares with its last commit"
        )
    found = _git(git, folder, "show", f"HEAD:./{model}.json")
    if found.returncode != 0:
        return None
    try:
        data = json.loads(found.stdout)
    except ValueError as error:
        raise InputError(f"{model}.json in the last commit: not JSON ({error})") from None
    if not isinstance(data, dict):
        raise InputError(f"{model}.json in the last commit: not a report")
    return data


def _git(git: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [git, *arguments], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False
    )


def models_in(reports: Path) -> list[str]:
    """Models with a report in the working tree."""
    return sorted(path.stem for path in reports.glob("*.json"))


def accept(model: str, moves: Sequence[Move], changelog: Path = CHANGELOG) -> str:
    """Write a line about the new numbers into the changelog; returns it.

    Raises:
        InputError: no changelog with an unreleased section.
    """
    moved = [move for move in moves if move.status != "noted"]
    first = ", ".join(f"{m.metric} {m.old} to {m.new}" for m in moved[:3])
    more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
    line = f"- Reviewed numbers of {model}: {first}{more}."
    if not changelog.is_file() or _UNRELEASED not in changelog.read_text(encoding="utf-8"):
        raise InputError(f"{changelog}: no section {_UNRELEASED!r} for the reviewed numbers")
    before, _, after = changelog.read_text(encoding="utf-8").partition(_UNRELEASED)
    body, mark, rest = after.partition("\n## ")
    text = f"{before}{_UNRELEASED}{body.rstrip()}\n{line}\n{mark}{rest}"
    with atomic_path(changelog) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return line
