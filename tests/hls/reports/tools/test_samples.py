"""Forms without a real report at hand: samples written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import SAMPLES

from trigforge.hls.reports.tools.recognise import parse_report, read_report
from trigforge.hls.reports.tools.record import Module, Record
from trigforge.train.errors import InputError


def values(record: Record) -> dict[str, float]:
    return {o.quantity: o.value for o in record.observations}


def provenances(record: Record) -> set[str]:
    return {o.provenance for o in record.observations}


def parse(name: str, old: str = "", new: str = "") -> Record:
    """A sample with one change."""
    text = (SAMPLES / name).read_text()
    assert old in text
    return parse_report(text.replace(old, new).encode(), name)


def test_half_tiles_and_ultraram() -> None:
    record = read_report(SAMPLES / "utilization_uram.rpt")
    assert provenances(record) == {"post-route"}
    assert values(record) == {"lut": 6107, "ff": 700, "bram_18k": 7, "dsp": 16, "uram": 12}
    available = {o.quantity: o.available for o in record.observations}
    assert available["bram_18k"] == 5376
    assert available["lut"] == 1_727_040  # the platform keeps 960


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("|  3.5 |     0 |", "|    4 |     0 |", "8 of 5376 is 0.15 %"),
        ("| URAM              |   12 |", "| ULTRA             |   12 |", "no row URAM"),
        ("|  882 |", "|  881 |", "lut is 6107, its parts add up to 6106"),
        ("|   RAMB18          |    3 |", "|   RAMB18          |    2 |", "damaged"),
        ("Physopt postRoute", "Half Done", "Design State is 'Half Done'"),
        ("2. BLOCKRAM\n-----------\n\n", "\n", "do not agree with the table of contents"),
        ("Vivado v.2022.2", "ISE 14.7", "not Vivado's"),
        ("Fixed | Prohibited", "Fixed 0 Prohibited", "a header of 5 columns over rows of 6"),
    ],
)
def test_damaged_utilisation(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse("utilization_uram.rpt", old, new)


def test_blanks_behind_a_heading_change_nothing() -> None:
    record = parse("utilization_uram.rpt", "Table of Contents", "Table of Contents \x0b")
    assert values(record) == values(read_report(SAMPLES / "utilization_uram.rpt"))


def test_utilisation_by_hierarchy() -> None:
    record = read_report(SAMPLES / "hierarchy.rpt")
    assert provenances(record) == {"placed"}
    assert values(record) == {"lut": 120, "ff": 90, "dsp": 5, "bram_18k": 7, "uram": 4}
    assert [(m.name, m.depth) for m in record.modules] == [
        ("conv", 1),
        ("product", 2),
        ("dense", 1),
    ]
    with pytest.raises(InputError, match="dsp below toy adds up to 0"):
        parse(
            "hierarchy.rpt",
            "|    4 |          5 |\n|     (conv)",
            "|    4 |          0 |\n|     (conv)",
        )
    with pytest.raises(InputError, match="total is 121"):
        parse("hierarchy.rpt", "|        120 |", "|        121 |")


def test_several_clocks_and_one_without_paths() -> None:
    timing = read_report(SAMPLES / "timing_clocks.rpt").timing
    assert timing is not None and timing.met is True
    assert (timing.target_ns, timing.reached_ns) == (4.0, 3.688)
    assert [(c.name, c.period_ns, c.wns_ns) for c in timing.clocks] == [
        ("ap_clk", 4.0, 0.312),
        ("slow", 10.0, 7.1),
        ("virtual", 25.0, None),
    ]


def test_a_period_is_not_guessed_among_clocks() -> None:
    record = parse("timing_clocks.rpt", "ap_clk ", "ap_bla ")
    assert record.timing is not None
    assert record.timing.met is True and record.timing.reached_ns is None
    assert record.observations == ()


def test_no_period_mends_a_hold_violation() -> None:
    text = (SAMPLES / "timing_clocks.rpt").read_text()
    text = text.replace(
        "  0.021    0.000                      0", " -0.021   -0.400                     31"
    )
    text = text.replace(
        "All user specified timing constraints are met.", "Timing constraints are not met."
    )
    record = parse_report(text.encode(), "t.rpt")
    assert record.timing is not None
    assert record.timing.met is False and record.timing.reached_ns is None
    assert record.timing.hold_failing_endpoints == 31
    assert record.observations == ()


def test_slacks_of_an_unrouted_design_confirm_no_clock() -> None:
    record = parse("timing_clocks.rpt", "State      : Routed", "State      : Synthesized")
    assert record.timing is not None and record.timing.provenance == "unrouted"
    assert record.observations == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("constraints are met.", "constraints are.", "neither"),
        (
            "All user specified timing constraints are met.",
            "Timing constraints are not met.",
            "the verdict contradicts the slacks",
        ),
        ("250.000", "240.000", "4.0 ns is not 240.0 MHz"),
        ("slow       7.100", "slow       0.100", "worst slack of all groups is 0.1"),
        ("| Clock Summary", "| Clocks", "'Clock Summary' is missing"),
        ("| Design            : toy\n", "", "no line 'Design'"),
    ],
)
def test_damaged_timing(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse("timing_clocks.rpt", old, new)


def test_nothing_constrained_is_unknown() -> None:
    text = (SAMPLES / "timing_clocks.rpt").read_text()
    for row in (
        "  0.312    0.000                      0                 4000",
        "  7.100    0.000                      0                   40",
    ):
        text = text.replace(row, "     NA       NA                     NA                   NA")
    text = text.replace("All user specified timing constraints are met.\n", "")
    text = text.replace(
        "   0.021    0.000                      0                 4000",
        "      NA       NA                     NA                   NA",
    )
    record = parse_report(text.encode(), "t.rpt")
    assert record.timing is not None and record.timing.met is None
    assert record.observations == ()


def test_loops_in_xml() -> None:
    record = read_report(SAMPLES / "loops_csynth.xml")
    assert values(record)["uram"] == 2
    assert record.modules[:2] == (
        Module(
            name="rows",
            kind="loop",
            latency_cycles=1024,
            pipeline_depth=32,
            trip_count=32,
        ),
        Module(
            name="columns",
            kind="loop",
            depth=2,
            latency_cycles=30,
            ii_cycles=1,
            pipeline_depth=5,
            trip_count=32,
        ),
    )
    conv, pixels = record.modules[2:]
    assert (conv.latency_cycles, conv.ii_cycles, conv.resources["lut"]) == (None, 77, 3000)
    assert (pixels.depth, pixels.ii_cycles, pixels.pipeline_depth) == (2, 4, 13)


def test_loops_and_unknown_latency_in_text() -> None:
    record = read_report(SAMPLES / "loops_csynth.rpt")
    assert (record.tool, record.version, record.design) == ("vitis_hls", "2022.2", "conv")
    assert "latency_cycles" not in values(record)  # "?" is absent, never zero
    assert values(record)["bram_18k"] == 7
    rows, columns = record.modules
    assert (rows.latency_cycles, rows.trip_count) == (None, None)
    assert (columns.depth, columns.ii_cycles, columns.pipeline_depth) == (1, 1, 5)


def test_the_summary_of_vitis_2025() -> None:
    record = read_report(SAMPLES / "summary_csynth.rpt")
    assert (record.version, record.design) == ("2025.1", "toy")
    assert values(record)["latency_cycles"] == 1044
    conv, pixels = record.modules
    assert (conv.name, conv.latency_cycles, conv.resources["bram_18k"]) == ("conv", None, 7)
    assert (pixels.kind, pixels.ii_cycles, pixels.trip_count) == ("loop", 4, 16)
    with pytest.raises(InputError, match="lut of the modules adds up to 4001, more than"):
        parse("summary_csynth.rpt", " 3000 (~0%)", " 4001 (~0%)")


def test_export_of_vivado_hls_fails_timing() -> None:
    record = read_report(SAMPLES / "toy_export.rpt")
    assert values(record)["lut"] == 1500 and provenances(record) == {"post-route", "routed"}
    assert record.timing is not None and record.timing.met is False
    assert values(record)["clock_period_ns"] == 5.21
    with pytest.raises(InputError, match="contradicts"):
        parse("toy_export.rpt", "Timing not met", "Timing met")


def test_route_status() -> None:
    assert read_report(SAMPLES / "route_status.rpt").facts["nets_unrouted"] == 0
    open_nets = parse(
        "route_status.rpt",
        "fully routed nets............. :         100",
        "fully routed nets............. :          90",
    )
    assert open_nets.facts["nets_unrouted"] == 10
    with pytest.raises(InputError, match="do not add up"):
        parse("route_status.rpt", ":          20 :", ":          21 :")


def test_cosimulation() -> None:
    record = read_report(SAMPLES / "toy_cosim.rpt")
    assert values(record) == {"latency_cycles": 1046, "ii_cycles": 1029}
    assert provenances(record) == {"cosim"}
    failed = parse("toy_cosim.rpt", "Pass", "Fail")
    assert failed.observations == () and failed.facts["passed"] is False
    lone = parse(
        "toy_cosim.rpt",
        "1028|           1028|           1029",
        "  NA|             NA|             NA",
    )
    assert values(lone) == {"latency_cycles": 1046}
    with pytest.raises(InputError, match="out of order"):
        parse(
            "toy_cosim.rpt",
            "1041|           1043|           1046",
            "1046|           1043|           1041",
        )
    log = read_report(SAMPLES / "cosim.log")
    assert log.facts == {"passed": True, "transactions": 10}


@pytest.mark.parametrize("name", ["yosys_old.stat", "yosys_new.stat", "yosys.json"])
def test_yosys(name: str) -> None:
    record = read_report(SAMPLES / name)
    assert values(record) == {"lut": 33, "ff": 20, "dsp": 2, "bram_18k": 5, "uram": 0}
    assert provenances(record) == {"logic-synthesis"}
    with pytest.raises(InputError, match="the cells add up to 61, the total is 62"):
        text = (SAMPLES / name).read_text()
        for old in ("LUT2                           10", "10   LUT2", '"LUT2": 10'):
            text = text.replace(old, old.replace("10", "9"))
        parse_report(text.encode(), name)
    with pytest.raises(InputError, match="no cell of a Xilinx device"):
        parse(name, "LUT2", "SB_LUT4")


def test_our_rtl_simulation() -> None:
    record = read_report(SAMPLES / "rtl_sim.json")
    assert values(record) == {"latency_cycles": 13, "ii_cycles": 1}
    wrong = parse("rtl_sim.json", '"mismatches": 0', '"mismatches": 3')
    assert wrong.observations == () and wrong.facts["passed"] is False
    with pytest.raises(InputError, match="latency_cyles"):
        parse("rtl_sim.json", "latency_cycles", "latency_cyles")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("nothing of interest\n")
    with pytest.raises(InputError, match="not a report that trigforge reads"):
        read_report(path)
