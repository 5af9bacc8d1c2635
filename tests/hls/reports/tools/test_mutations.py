"""A damaged report gives the right numbers or an error, never a wrong number."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from mutations import STRUCTURAL, Mutation, exchanged_numbers
from places import needs_reports, report_files, sample_files

from trigforge.hls.reports.tools.recognise import parse_report
from trigforge.hls.reports.tools.record import Clock, Module, Record
from trigforge.train.errors import InputError

# one event per line without a count of them: a lost or doubled event is still a valid file
UNCOUNTED = {"events"}


def numbers(record: Record) -> tuple[object, ...]:
    """Everything that somebody could quote."""
    facts = {k: v for k, v in record.facts.items() if k not in UNCOUNTED}
    found = sorted((o.quantity, o.provenance, o.value, o.available) for o in record.observations)
    timing = record.timing and dataclasses.replace(record.timing, clocks=())
    return (record.kind, record.tool, record.part, found, timing, facts)


def agrees(part: Module | Clock, whole: Module | Clock) -> bool:
    """Whether a module or clock says nothing else than another; it may say less."""
    said = dataclasses.asdict(part)
    known = dataclasses.asdict(whole)
    said |= said.pop("resources", {})
    known |= known.pop("resources", {})
    return all(value is None or known.get(key) == value for key, value in said.items())


def sweep(path: Path, mutations: Iterable[Mutation], count: int) -> int:
    """Apply mutations in turn; returns how many were noticed as damage."""
    content = path.read_bytes()
    whole = parse_report(content, path.name)
    rng = random.Random(path.name)  # noqa: S311
    text = content.decode()
    ways = tuple(mutations)
    noticed = 0
    for number in range(count):
        mutation = ways[number % len(ways)]
        damaged = mutation(text, rng)
        try:
            record = parse_report(damaged, path.name)
        except InputError:
            noticed += 1
            continue
        assert numbers(record) == numbers(whole), f"{mutation.__name__}, number {number}"
        assert record.version in (whole.version, "unknown")
        for module in record.modules:
            assert any(agrees(module, other) for other in whole.modules), mutation.__name__
        if record.timing and whole.timing:
            for clock in record.timing.clocks:
                assert any(agrees(clock, other) for other in whole.timing.clocks)
    return noticed


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", sample_files(), ids=name_of)
def test_mutations_of_samples(path: Path) -> None:
    assert sweep(path, STRUCTURAL, 160) > 0


@needs_reports
@pytest.mark.parametrize(
    "path", [p for p in report_files() if p.stat().st_size < 30_000], ids=name_of
)
def test_mutations_of_small_reports(path: Path) -> None:
    assert sweep(path, STRUCTURAL, 40) > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs_reports
@pytest.mark.parametrize("path", report_files(), ids=name_of)
def test_a_thousand_mutations_of_every_report(path: Path) -> None:
    assert sweep(path, STRUCTURAL, 1000) > 0


@needs_reports
@pytest.mark.parametrize(
    "path",
    [p for p in report_files() if "util" in p.name or "synth.rpt" in p.name[-9:]],
    ids=name_of,
)
def test_numbers_in_the_wrong_column_of_a_utilisation(path: Path) -> None:
    if "csynth" in path.name:
        pytest.skip("a swapped pair of minima can be as consistent as the true one")
    assert sweep(path, [exchanged_numbers], 60) > 0


@pytest.mark.parametrize(
    "path",
    [*sample_files(), *(p for p in report_files() if p.stat().st_size < 30_000)],
    ids=name_of,
)
def test_encodings_and_line_ends(path: Path) -> None:
    content = path.read_bytes()
    text = content.decode()
    whole = numbers(parse_report(content, path.name))
    for same in (
        text.encode("utf-8-sig"),
        text.encode("utf-16"),
        text.encode("utf-32"),
        text.replace("\n", "\r\n").encode(),
        text.replace("\n", "\r").encode(),
    ):
        assert numbers(parse_report(same, path.name)) == whole
    for broken in (text.encode("utf-16-le"), b"\xff\xfe" + content[:-1], b"\x00" + content, b""):
        with pytest.raises(InputError):
            parse_report(broken, path.name)


@pytest.mark.parametrize("path", sample_files(), ids=name_of)
def test_reports_pasted_together(path: Path) -> None:
    content = path.read_bytes()
    if path.name == "cosim.log":
        return  # a log that says the same twice
    for other in sample_files():
        if other.name != "cosim.log":
            with pytest.raises(InputError):
                parse_report(content + b"\n" + other.read_bytes(), path.name)
