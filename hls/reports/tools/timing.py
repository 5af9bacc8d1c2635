"""Vivado's ``report_timing_summary``: slacks of the design, of every clock, and the verdict.

The shortest period of a design is its target minus the worst setup slack, as Vitis HLS reports its
"achieved" period. It confirms a clock only after routing; a design that fails hold or pulse width
works at no period.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from trigforge.hls.reports.tools.numbers import real, real_or_none, whole_or_none
from trigforge.hls.reports.tools.record import Clock, Fact, Record, Timing, observations
from trigforge.hls.reports.tools.slacks import has_table, read_slacks
from trigforge.hls.reports.tools.vivado import Header, read_header
from trigforge.train.errors import InputError

_MET = "All user specified timing constraints are met."
_FAILED = "Timing constraints are not met."
_TITLES = ("Design Timing Summary", "Clock Summary", "Intra Clock Table", "Inter Clock Table")
_GROUPS = {
    "Intra Clock Table": ("Clock", "WNS(ns)"),
    "Inter Clock Table": ("From Clock", "To Clock", "WNS(ns)"),
    "Other Path Groups Table": ("Path Group", "WNS(ns)"),
}


def read_timing(text: str, name: str) -> Record:
    """Read a timing summary.

    Raises:
        InputError: incomplete, contradictory or damaged.
    """
    lines = text.split("\n")
    header = read_header(lines, name)
    sections = _sections(lines, name)
    for title in _TITLES:
        if title not in sections:
            raise InputError(f"{name}: the part {title!r} is missing; cut short?")
    rows = read_slacks(sections[_TITLES[0]], f"{name}, {_TITLES[0]}")
    if not rows or any(row != rows[0] for row in rows):
        raise InputError(f"{name}: {len(rows)} rows in {_TITLES[0]}, expected one; damaged")
    design = _Slacks(rows[0], f"{name}, {_TITLES[0]}")
    groups = {
        title: read_slacks(sections[title], f"{name}, {title}", needed)
        for title, needed in _GROUPS.items()
        if title in sections and has_table(sections[title])
    }
    _check_groups(design, groups, name)
    met = _verdict(sections[_TITLES[0]], design, name)
    clocks = _clocks(sections["Clock Summary"], groups.get("Intra Clock Table", []), name)
    paths = _paths(lines, name)
    if paths and design.wns is not None and min(slack for slack, _ in paths) != design.wns:
        raise InputError(
            f"{name}: the worst path has a slack of {min(s for s, _ in paths)} ns, the summary "
            f"{design.wns} ns; damaged"
        )
    target = _target(design, clocks, paths, name)
    provenance = _provenance(header, lines, name)
    reached = None
    works = not design.hold_failing and not design.pulse_failing
    if target is not None and design.wns is not None and works:
        reached = round(target - design.wns, 3)
    timing = Timing(
        provenance=provenance,
        met=met,
        target_ns=target,
        reached_ns=reached,
        wns_ns=design.wns,
        tns_ns=design.tns,
        failing_endpoints=design.failing,
        whs_ns=design.whs,
        hold_failing_endpoints=design.hold_failing,
        pulse_width_failing_endpoints=design.pulse_failing,
        clocks=clocks,
    )
    facts: dict[str, Fact] = {"state": provenance}
    return Record(
        kind="timing",
        tool="vivado",
        version=header.version,
        source_file=name,
        design=header.design,
        part=header.part,
        observations=observations(
            {"clock_period_ns": reached if provenance == "routed" else None},
            {},
            {"clock": "routed"},
            "vivado",
            header.version,
            name,
        ),
        timing=timing,
        facts=facts,
    )


class _Slacks:
    """Numbers of one row; absent ones are ``NA`` or empty."""

    def __init__(self, row: Mapping[str, str], place: str) -> None:
        def number(column: str) -> float | None:
            return real_or_none(row.get(column, ""), f"{place}, {column}")

        def count(column: str) -> int | None:
            return whole_or_none(row.get(column, ""), f"{place}, {column}")

        if "WNS(ns)" not in row or "TNS Failing Endpoints" not in row:
            raise InputError(f"{place}: no column WNS(ns) or TNS Failing Endpoints; damaged")
        self.wns, self.tns, self.whs = number("WNS(ns)"), number("TNS(ns)"), number("WHS(ns)")
        self.failing = count("TNS Failing Endpoints")
        self.total = count("TNS Total Endpoints")
        self.ths, self.hold_failing = number("THS(ns)"), count("THS Failing Endpoints")
        self.wpws, self.tpws = number("WPWS(ns)"), number("TPWS(ns)")
        self.pulse_failing = count("TPWS Failing Endpoints")
        for worst, total, failing in (
            (self.wns, self.tns, self.failing),
            (self.whs, self.ths, self.hold_failing),
            (self.wpws, self.tpws, self.pulse_failing),
        ):
            if worst is None:
                continue
            if (worst < 0) != bool(failing) or (total is not None and (total < 0) != bool(failing)):
                raise InputError(
                    f"{place}: slack {worst}, total {total} and {failing} failing endpoints "
                    "contradict each other; damaged"
                )
            if total is not None and total < 0 and total > worst:
                raise InputError(f"{place}: total slack {total} above the worst {worst}; damaged")
        if self.total is not None and (self.failing or 0) > self.total:
            raise InputError(f"{place}: {self.failing} of {self.total} endpoints fail; damaged")


def _sections(lines: Sequence[str], name: str) -> dict[str, Sequence[str]]:
    """Parts under a boxed title; the box must be whole."""
    starts = [
        index
        for index in range(len(lines) - 1)
        if re.fullmatch(r"\| [A-Z][A-Za-z ]+", lines[index].rstrip())
        and re.fullmatch(r"\| -+", lines[index + 1].rstrip())
    ]
    titles = [lines[index][2:].strip() for index in starts]
    for title in titles:
        if titles.count(title) > 1:
            raise InputError(f"{name}: {title!r} occurs twice; two reports in one file? Split them")
    ends = [*starts, len(lines)][1:]
    return {
        title: lines[start + 3 : end]
        for title, start, end in zip(titles, starts, ends, strict=True)
    }


def _verdict(lines: Sequence[str], design: _Slacks, name: str) -> bool | None:
    said = {_MET: True, _FAILED: False}
    found = {said[line.strip()] for line in lines if line.strip() in said}
    fails = any((design.failing, design.hold_failing, design.pulse_failing))
    if len(found) > 1 or (found and found != {not fails}):
        raise InputError(f"{name}: the verdict contradicts the slacks above it; damaged")
    if design.wns is None:  # nothing was constrained
        return False if fails else None
    if not found:
        raise InputError(f"{name}: neither {_MET!r} nor {_FAILED!r}; cut short?")
    return not fails


def _check_groups(
    design: _Slacks, groups: Mapping[str, Sequence[Mapping[str, str]]], name: str
) -> None:
    """The worst slack of all groups is the design's."""
    slacks = [
        real(row["WNS(ns)"], f"{name}, {title}")
        for title, rows in groups.items()
        for row in rows
        if real_or_none(row.get("WNS(ns)", ""), f"{name}, {title}") is not None
    ]
    if slacks and min(slacks) != design.wns:
        raise InputError(
            f"{name}: the worst slack of all groups is {min(slacks)} ns, of the design "
            f"{design.wns} ns; damaged"
        )
    if not slacks and design.wns is not None:
        raise InputError(f"{name}: no group of paths has the slack {design.wns} ns; damaged")


def _clocks(
    lines: Sequence[str], intra: Sequence[Mapping[str, str]], name: str
) -> tuple[Clock, ...]:
    place = f"{name}, Clock Summary"
    periods: dict[str, float] = {}
    if has_table(lines):
        for row in read_slacks(lines, place, ("Clock", "Period(ns)", "Frequency(MHz)")):
            period = real(row["Period(ns)"], place)
            frequency = real(row["Frequency(MHz)"], place)
            if abs(frequency * period - 1000) > 0.51e-3 * max(period, frequency) + 1e-6:
                raise InputError(f"{place}: {period} ns is not {frequency} MHz; damaged")
            if periods.setdefault(row["Clock"], period) != period:
                raise InputError(f"{place}: {row['Clock']} has two periods; damaged")
    slacks = {row["Clock"]: _Slacks(row, f"{name}, Intra Clock Table") for row in intra}
    unknown = set(slacks) - set(periods)
    if unknown:
        raise InputError(f"{place}: no period of {', '.join(sorted(unknown))}; damaged")
    return tuple(
        Clock(
            name=clock,
            period_ns=period,
            wns_ns=slacks[clock].wns if clock in slacks else None,
            failing_endpoints=slacks[clock].failing if clock in slacks else None,
        )
        for clock, period in periods.items()
    )


def _paths(lines: Sequence[str], name: str) -> list[tuple[float, float | None]]:
    """Slack and requirement of the setup paths in the details."""
    found: list[tuple[float, float | None]] = []
    setup = False
    for line in lines:
        if line.strip() in ("Max Delay Paths", "Min Delay Paths"):
            setup = line.strip() == "Max Delay Paths"
        slack = re.match(r"Slack \((MET|VIOLATED)\) *: +(-?[\d.]+)ns", line)
        if slack and setup:
            value = real(slack[2], f"{name}, Slack")
            if (value < 0) != (slack[1] == "VIOLATED"):
                raise InputError(f"{name}: a slack of {value} ns is not {slack[1]}; damaged")
            found.append((value, None))
        requirement = re.match(r"  Requirement: +([\d.]+)ns", line)
        if requirement and setup and found and found[-1][1] is None:
            found[-1] = (found[-1][0], real(requirement[1], f"{name}, Requirement"))
    for slack_ns, required in found:
        if required is None:
            raise InputError(f"{name}: the path with slack {slack_ns} ns lacks its requirement")
    return found


def _target(
    design: _Slacks,
    clocks: Sequence[Clock],
    paths: Sequence[tuple[float, float | None]],
    name: str,
) -> float | None:
    """What the worst path must keep; absent where several clocks leave no single answer."""
    timed = [clock for clock in clocks if clock.wns_ns is not None]
    if len(timed) > 1:
        timed = [clock for clock in timed if clock.name == "ap_clk" and clock.wns_ns == design.wns]
    required = {r for slack, r in paths if slack == design.wns and r is not None}
    if len(timed) == 1 and timed[0].wns_ns == design.wns:
        period = timed[0].period_ns
        return period if not required or required == {period} else None
    if not clocks and design.wns is not None:  # combinational, constrained by a maximal delay
        if not required:
            raise InputError(
                f"{name}: neither a clock nor a path says what the slack of {design.wns} ns "
                "belongs to; cut short, or written with -no_detailed_paths?"
            )
        return required.pop() if len(required) == 1 else None
    return None


def _provenance(header: Header, lines: Sequence[str], name: str) -> Literal["routed", "unrouted"]:
    """Routed when the header says so, or, without that line, when no net is estimated."""
    if header.state is not None:
        routed = header.state.lower() in ("routed", "fully routed", "physopt postroute")
        return "routed" if routed else "unrouted"
    if not any(line.strip() == "| Timing Details" for line in lines):
        raise InputError(
            f"{name}: neither a design state nor timing details, so that nobody can tell whether "
            "the design was routed; cut short?"
        )
    nets = [m for m in (re.search(r" net \(fo=\d+, ([a-z]+)", line) for line in lines) if m]
    if not nets:
        raise InputError(f"{name}: no path in the timing details; cut short?")
    strange = {net[1] for net in nets} - {"routed", "unset", "estimated", "unplaced"}
    if strange:
        raise InputError(f"{name}: a net is {strange.pop()!r}, neither routed nor estimated")
    routed = not any(net[1] in ("estimated", "unplaced") for net in nets)
    return "routed" if routed else "unrouted"
