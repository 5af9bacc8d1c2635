"""Where the reports are: real ones outside the repository, hand-written samples inside."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
SAMPLES = ROOT / "tests" / "fixtures" / "reports"
REPORTS = ROOT.parent / "shared" / "fixtures" / "reports"
needs_reports = pytest.mark.skipif(not REPORTS.is_dir(), reason=f"vendor reports not at {REPORTS}")


def report_files() -> list[Path]:
    """All real reports; none where they are absent."""
    return sorted(path for path in REPORTS.rglob("*") if path.is_file())


def sample_files() -> list[Path]:
    """All hand-written samples."""
    return sorted(path for path in SAMPLES.iterdir() if path.suffix != ".md")
