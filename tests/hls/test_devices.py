"""The device table against the vendor's own reports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trigforge.hls.devices import DEVICES, device
from trigforge.train.errors import InputError

REPORTS = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "reports"


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("xcu250-figd2104-2L-e", "xcu250"),
        ("xcvu13pfhga2104-3", "xcvu13p"),
        ("xcvu9p-flga2104-2-e", "xcvu9p"),
        ("XCVU35P-fsvh2104-2-e", "xcvu35p"),
        ("xcvu3p-ffvc1517-2-e", "xcvu3p"),
    ],
)
def test_parts_are_recognised(part: str, name: str) -> None:
    assert device(part).name == name


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(InputError, match="unknown FPGA part 'xcvu9q'"):
        device("xcvu9q")


def test_counts_by_quantity() -> None:
    u250 = device("xcu250")
    assert u250.available("bram_18k") == 5376
    assert u250.available("latency_cycles") is None


@pytest.mark.skipif(not REPORTS.is_dir(), reason=f"vendor reports not at {REPORTS}")
def test_counts_equal_the_available_columns_of_vendor_reports() -> None:
    rows = {
        "lut": r"CLB LUTs\*?",
        "ff": "CLB Registers",
        "dsp": "DSPs",
        "bram_18k": "RAMB18",
        "uram": "URAM",
    }
    seen = set()
    for path in REPORTS.glob("*/*.rpt"):
        text = path.read_text(errors="replace")
        named = re.search(r"\| Device +: (\S+)", text)
        if not named or "1. CLB Logic" not in text:
            continue
        found = device(named[1])
        for quantity, row in rows.items():
            line = re.search(rf"^\| +{row} +\|(.+)\|$", text, re.MULTILINE)
            assert line, f"{path}: no row {row}"
            available = int(line[1].split("|")[-2])
            assert found.available(quantity) == available, (path, quantity)
        seen.add(found.name)
    assert seen == {"xcu250", "xcu50", "xcvu9p", "xcvu13p"}
    assert {d.name for d in DEVICES.values() if d.source.startswith("report")} >= seen
