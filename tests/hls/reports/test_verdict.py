"""Verdicts: PASS, FAIL and UNKNOWN for the right reasons, and true sentences."""

from __future__ import annotations

from dataclasses import replace

import judged
import pytest

from trigforge.hls.budget import load_budget
from trigforge.hls.recipe import BudgetConfig
from trigforge.hls.reports.equivalence import Comparison, compare
from trigforge.hls.reports.observations import observe
from trigforge.hls.reports.report import Check, Verdict
from trigforge.hls.reports.timing import cards
from trigforge.hls.reports.verdict import overall


def check(verdict: Verdict, name: str) -> Check:
    return next(c for c in verdict.checks if c.name == name)


def said(verdict: Verdict, words: str) -> str:
    return next(s for s in verdict.statements if words in s)


def test_everything_in_order_passes_on_weak_evidence() -> None:
    verdict = judged.verdict()
    assert verdict.status == "PASS"
    assert verdict.weakest_provenance == "assumed"
    assert {c.status for c in verdict.checks} == {"PASS"}
    ii = check(verdict, "ii_per_card_ns")
    assert (ii.value, ii.limit, ii.provenance) == (86_724.0, 100_000, "estimated, assumed")
    assert check(verdict, "lut_percent").value == pytest.approx(100 * 600_000 / 1_728_000)
    assert "100 kHz need 9 cards" in said(verdict, "One card")
    text = said(verdict, "Latency 120 us")
    assert "30,000 cycles (estimated, trigforge 0.1.0) at a clock of 4.000 ns (assumed)" in text


@pytest.mark.parametrize(
    ("quantity", "value", "name"),
    [
        ("ii_cycles", 25_001, "ii_per_card_ns"),
        ("latency_cycles", 250_001, "latency_ns"),
        ("lut", 1_036_801, "lut_percent"),
        ("dsp", 8_602, "dsp_percent"),
        ("bram_18k", 3_764, "bram_18k_percent"),
    ],
)
def test_each_limit_fails_alone_and_not_at_the_limit(quantity: str, value: int, name: str) -> None:
    above = judged.verdict(observations=judged.observations(**{quantity: value}))
    assert above.status == "FAIL"
    assert [c.name for c in above.checks if c.status == "FAIL"] == [name]
    at = judged.verdict(observations=judged.observations(**{quantity: value - 1}))
    assert at.status == "PASS"


@pytest.mark.parametrize(
    ("quantity", "name"),
    [("ii_cycles", "ii_per_card_ns"), ("latency_cycles", "latency_ns"), ("lut", "lut_percent")],
)
def test_a_missing_number_is_unknown_and_never_a_pass(quantity: str, name: str) -> None:
    verdict = judged.verdict(observations=judged.observations(**{quantity: None}))
    assert verdict.status == "UNKNOWN"
    assert (check(verdict, name).value, check(verdict, name).status) == (None, "UNKNOWN")


def test_a_combinational_design_takes_one_period() -> None:
    found = judged.observations(latency_cycles=0, ii_cycles=0)
    verdict = judged.verdict(observations=found)
    assert check(verdict, "latency_ns").value == 4.0
    assert check(verdict, "ii_per_card_ns").value == 4.0
    text = said(verdict, "Latency 4 ns")
    assert "0 cycles, combinational: one period (estimated" in text
    assert "takes an event every 4 ns" in said(verdict, "One card")


def test_fail_outranks_unknown() -> None:
    found = judged.observations(lut=None, dsp=12_288)
    assert judged.verdict(observations=found).status == "FAIL"
    assert overall([]) == "UNKNOWN"
    assert overall(["PASS", "UNKNOWN"]) == "UNKNOWN"


def test_evidence_that_the_budget_does_not_accept_is_unknown() -> None:
    small = judged.observations(latency_cycles=10, ii_cycles=2, lut=1000, ff=0, dsp=0, bram_18k=0)
    verdict = judged.verdict(budget="l1", observations=small)
    assert verdict.status == "UNKNOWN"
    assert {check(verdict, n).status for n in ("ii_per_card_ns", "lut_percent")} == {"UNKNOWN"}
    assert check(verdict, "lut_percent").value is not None  # still shown
    stronger = [
        *small,
        *(
            observe(q, v, provenance=p, tool="yosys", version="0.70")
            for q, v, p in (
                ("latency_cycles", 12, "rtl-sim"),
                ("ii_cycles", 1, "rtl-sim"),
                ("lut", 20_000, "logic-synthesis"),
                ("dsp", 0, "logic-synthesis"),
            )
        ),
    ]
    accepted = judged.verdict(budget="l1", observations=stronger)
    assert accepted.status == "PASS"
    assert check(accepted, "latency_ns").value == pytest.approx(50.0)
    assert check(accepted, "latency_ns").provenance == "rtl-sim, assumed"


def test_the_strongest_observation_counts_even_when_it_is_worse() -> None:
    placed = observe("lut", 1_400_000, provenance="placed", tool="vivado", version="2024.1")
    verdict = judged.verdict(observations=[*judged.observations(), placed])
    assert check(verdict, "lut_percent").status == "FAIL"
    assert check(verdict, "lut_percent").provenance == "placed"


def test_a_clock_that_is_not_met_is_never_quoted() -> None:
    def clock(period_ns: float) -> Verdict:
        met = observe(
            "clock_period_ns", period_ns, provenance="routed", tool="vivado", version="2024.1"
        )
        return judged.verdict(observations=[*judged.observations(), met])

    slow = clock(5.0)
    assert slow.status == "FAIL"
    assert check(slow, "clock_period_ns").status == "FAIL"
    assert check(slow, "ii_per_card_ns").value == 21_681 * 5.0
    fast = clock(2.5)
    assert fast.status == "PASS"
    assert check(fast, "ii_per_card_ns").value == 21_681 * 4.0  # not faster than granted
    assert fast.weakest_provenance == "estimated"


def test_compute_units_take_turns_and_add_up() -> None:
    two = judged.verdict(compute_units=2, observations=judged.observations(ii_cycles=40_000))
    assert check(two, "ii_per_card_ns").value == 80_000
    assert check(two, "latency_ns").value == 120_000
    assert check(two, "lut_percent").status == "FAIL"  # 69 %
    assert "2 compute units" in said(two, "One card")


def test_cards_are_whole() -> None:
    hlt = load_budget("hlt")
    assert [cards(hlt, ns) for ns in (1.0, 10_000.0, 10_001.0, 86_724.0, 100_000.0)] == [
        1,
        1,
        2,
        9,
        10,
    ]
    assert cards(load_budget("l1"), 25.0) is None


def test_one_mismatch_fails_and_names_the_layer() -> None:
    wrong = [*judged.bits(), judged.pair("emulator", "csim", "events", mismatches=1)]
    verdict = judged.verdict(bit_accuracy=wrong)
    assert verdict.status == "FAIL"
    assert check(verdict, "bit_accuracy.events").value == 1
    assert "first in layer conv2_g0" in said(verdict, "differ in 1 of 64,000")


def test_a_stage_that_was_not_compared_is_unknown() -> None:
    without = [c for c in judged.bits() if "csim" not in (c.a, c.b)]
    verdict = judged.verdict(bit_accuracy=without)
    assert verdict.status == "UNKNOWN"
    assert check(verdict, "bit_accuracy.events").provenance == "brevitas = qonnx = emulator"
    assert check(verdict, "bit_accuracy.random").status == "PASS"
    # two islands that agree within themselves prove nothing about each other
    islands = [c for c in judged.bits() if {c.a, c.b} != {"qonnx", "emulator"}]
    assert check(judged.verdict(bit_accuracy=islands), "bit_accuracy.events").status == "UNKNOWN"
    empty = [replace(c, vectors=0) for c in judged.bits()]
    assert check(judged.verdict(bit_accuracy=empty), "bit_accuracy.events").status == "UNKNOWN"


def test_corner_cases_that_no_vector_saw_are_named() -> None:
    seen = judged.verdict()
    assert "exercised 4 of 4" in said(seen, "corner cases")
    bits = [
        replace(c, coverage={k: replace(v, half=False) for k, v in c.coverage.items()})
        for c in judged.bits()
    ]
    assert "3 of 4 corner cases; not seen: act1 half" in said(
        judged.verdict(bit_accuracy=bits), "corner cases"
    )


def test_physics_limits() -> None:
    strict = BudgetConfig(name="hlt", max_auc_drop=0.0)
    verdict = judged.verdict(config=strict)
    assert verdict.status == "FAIL"
    assert {c.name for c in verdict.checks if c.status == "FAIL"} <= {
        "auc_drop.z_m[0].suep_125",
        "auc_drop.z_m[0].svj_2100",
    }
    wanted = BudgetConfig(name="hlt", min_auc={"suep_125": 0.5, "svj_2100": 0.999})
    verdict = judged.verdict(config=wanted)
    assert check(verdict, "min_auc.z_m[0].suep_125").status == "PASS"
    assert check(verdict, "min_auc.z_m[0].svj_2100").status == "FAIL"
    physics = judged.physics()
    lost = replace(physics, scores={k: replace(v, firmware={}) for k, v in physics.scores.items()})
    assert judged.verdict(physics=lost).status == "UNKNOWN"
    assert judged.verdict(physics=replace(physics, scores={})).status == "UNKNOWN"


def test_a_rate_limit_needs_a_rate() -> None:
    config = BudgetConfig(name="hlt", max_rate_hz=1.0)
    known = judged.verdict(config=config, physics=judged.physics(max_rate_hz=1.0))
    assert check(known, "rate_hz.z_m[0]").status == "PASS"
    blind = judged.verdict(config=config, physics=judged.physics(cross_section_pb=None))
    assert check(blind, "rate_hz.z_m[0]").status == "UNKNOWN"
    assert "cross section is not known" in said(blind, "efficiencies down to")
    assert "rates down to 0.0667 Hz of the 20 Hz" in said(known, "efficiencies down to")


def test_zero_bias_crossings_were_not_preselected() -> None:
    chosen, all_of_them = (
        said(judged.verdict(), "rates"),
        said(judged.verdict(zero_bias=True), "rates"),
    )
    assert "Hz preselected at" in chosen
    assert "preselected" not in all_of_them and "Hz of all crossings at" in all_of_them


def test_a_score_that_follows_the_mask_sum_is_called_equivalent() -> None:
    text = said(judged.verdict(), "equivalent")
    assert text.startswith("z_m[0] is equivalent to the mask sum: rank correlation 0.9")
    assert "AUC at equal mask sum between 0.6" in text


def test_a_score_that_knows_more_is_not() -> None:
    physics = judged.physics(extra=4.0)
    text = said(judged.verdict(physics=physics), "knows more")
    assert "svj_2100 (0.8" in text and "suep_125 (0.8" in text
    misled = said(judged.verdict(physics=judged.physics(extra=-6.0)), "below background")
    assert "z_m[0] adds nothing to the mask sum and ranks suep_125 (0." in misled


def test_the_null_is_the_baseline_itself() -> None:
    """QCD falls across the 5 % window, so the mask sum scores above 0.5 at equal mask sum."""
    for found in compare(judged.physics(), "z_m[0]", "mask_sum", "firmware"):
        assert found.null > 0.6
        assert 0.5 < found.auc < found.null  # a noisy copy of the mask sum
        assert found.gain == 0.0 and found.is_equal


@pytest.mark.parametrize(
    ("auc", "null", "error", "gain", "equal"),
    [
        (0.56, 0.58, 0.01, 0.0, True),
        (0.62, 0.58, 0.01, 0.04, True),
        (0.64, 0.58, 0.01, 0.06, False),
        (0.64, 0.58, 0.04, 0.06, True),
        (0.44, 0.58, 0.01, -0.06, False),
        (0.44, 0.42, 0.01, 0.0, True),
    ],
)
def test_the_criterion(auc: float, null: float, error: float, gain: float, equal: bool) -> None:
    found = Comparison("s", auc, null, error)
    assert found.gain == pytest.approx(gain)
    assert found.is_equal is equal


def test_too_few_comparable_events_say_nothing() -> None:
    physics = judged.physics()
    stages = physics.scores["z_m[0]"]
    few = {
        signal: replace(
            score,
            auc_at_equal={k: replace(v, n=3) for k, v in score.auc_at_equal.items()},
        )
        for signal, score in stages.firmware.items()
    }
    thin = replace(physics, scores={"z_m[0]": replace(stages, firmware=few)})
    assert "cannot be said" in said(judged.verdict(physics=thin), "Whether z_m[0]")
