"""Budgets are strict, and say what the design document says."""

from __future__ import annotations

from pathlib import Path

import pytest

from trigforge.hls.budget import BUDGETS, budget_names, load_budget
from trigforge.train.errors import InputError


def test_the_shipped_budgets() -> None:
    assert budget_names() == ["hlt", "l1", "l1_calo"]
    hlt = load_budget("hlt")
    assert (hlt.clock_period_ns, hlt.ii_cycles) == (4.0, 25_000)
    assert hlt.limits.percent() == {"lut": 60, "dsp": 70, "bram_18k": 70}
    assert hlt.weakest_accepted.cycles == "estimated"
    assert hlt.input_rate_khz == 100
    l1 = load_budget("l1")
    assert l1.clock_period_ns == pytest.approx(4.167, abs=1e-3)
    assert l1.ii_cycles == 6
    assert l1.limits.percent() == {"lut": 3, "dsp": 0}
    assert l1.weakest_accepted.resources == "logic-synthesis"
    calo = load_budget("l1_calo")
    assert calo.clock_period_ns == pytest.approx(2.778, abs=1e-3)
    assert calo.ii_cycles == 162
    assert calo.limits.latency_ns == 1000


def edited(tmp_path: Path, old: str, new: str) -> Path:
    text = (BUDGETS / "hlt.yaml").read_text()
    assert old in text
    (tmp_path / "mine.yaml").write_text(text.replace(old, new))
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clock_mhz", "clock_mgz", "unknown key 'clock_mgz'.*did you mean 'clock_mhz'"),
        ("lut_percent: 60", "lut_percent: 600", "lut_percent is 600.0, expected within 0..100"),
        ("cycles: estimated", "cycles: guessed", "cycles is 'guessed', expected one of rtl-sim"),
        ("device: xcu250", "device: xcu2500", "unknown FPGA part 'xcu2500'"),
        ("device: xcu250", "device: abc", "unknown FPGA part 'abc'"),
        ("  ii_ns: 100000\n", "", "limits.ii_ns is missing"),
        ("clock_mhz: 250", "clock_mhz: 0", "clock_mhz is 0.0"),
    ],
)
def test_a_wrong_budget_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    folder = edited(tmp_path, old, new)
    with pytest.raises(InputError, match=message):
        load_budget("mine", folder)


def test_an_unknown_budget_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'l1_calo'"):
        load_budget("l1_cal")


def test_a_part_of_another_device_is_refused() -> None:
    load_budget("hlt").check_part("xcu250-figd2104-2L-e")
    with pytest.raises(InputError, match="budget hlt is for xcu250"):
        load_budget("hlt").check_part("xcvu9p-flga2104-2-e")
