"""The table of steps: firmware comes last, and the documentation shows the same table."""

from __future__ import annotations

from pathlib import Path

import pytest

from trigforge.train.jets.steps import IMAGE_STEPS, VARIABLE_STEPS, Step, steps_table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "jets.md"


@pytest.mark.parametrize("steps", [IMAGE_STEPS, VARIABLE_STEPS], ids=["images", "variables"])
def test_upstream_comes_before_firmware_and_the_document_agrees(steps: dict[str, Step]) -> None:
    where = [step.where for step in steps.values()]
    assert where == sorted(where, reverse=True)
    assert set(where) == {"upstream", "firmware"}
    assert steps_table(steps) in DOCUMENT.read_text(encoding="utf-8")
