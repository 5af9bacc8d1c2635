"""The reviewed reports: those of a commit, read through git, whatever lies in the working tree."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from trigforge.train.errors import InputError, ToolError

HEAD = "HEAD"


def committed_models(reports: Path, base: str = HEAD) -> list[str]:
    """Models with a report in a commit.

    Raises:
        ToolError: no git, or not in a repository.
        InputError: no such commit.
    """
    names = _git(reports, "ls-tree", "--name-only", _commit(reports, base), "./")
    paths = (Path(name) for name in (names or "").splitlines())
    return sorted(path.stem for path in paths if path.suffix == ".json")


def committed_report(model: str, reports: Path, base: str = HEAD) -> dict[str, Any] | None:
    """The report in a commit, absent when it holds none of that model.

    Raises:
        ToolError: no git, or not in a repository.
        InputError: no such commit, or what it holds is no report.
    """
    found = _git(reports, "show", f"{_commit(reports, base)}:./{model}.json")
    if found is None:
        return None
    try:
        data = json.loads(found)
    except ValueError as error:
        raise InputError(f"{model}.json in {base}: not JSON ({error})") from None
    if not isinstance(data, dict):
        raise InputError(f"{model}.json in {base}: a {type(data).__name__}, expected a report")
    return data


def _commit(reports: Path, base: str) -> str:
    if _git(reports, "rev-parse", "--is-inside-work-tree") is None:
        raise ToolError(f"{reports}: not in a git repository; a review compares with its commits")
    name = f"{base}^{{commit}}"
    found = _git(reports, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
    if found is None:
        raise InputError(f"{base!r} is no commit of this repository; name one to compare with")
    return found.strip()


def _git(reports: Path, *arguments: str) -> str | None:
    """What git prints, absent when it refuses; the folder need not exist yet."""
    git = shutil.which("git")
    if git is None:
        raise ToolError("git is not on the PATH; a review compares with what is committed")
    if not reports.is_dir():
        raise InputError(f"{reports}: no such folder; run in the root of the repository")
    done = subprocess.run(
        [git, *arguments],
        cwd=reports,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return done.stdout if done.returncode == 0 else None
