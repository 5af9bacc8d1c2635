"""Which reports belong to one build, and what they say together.

A folder may hold several builds: other projects, other solutions, or one file name per variant.
Reports belong together when they lie in one project and agree on the design; where two of a kind
contradict each other, folder and file name tell the builds apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from trigforge.hls.devices import find_device
from trigforge.hls.reports.tools.record import Record

# folders that a tool makes below a project
_TOOL_FOLDERS = re.compile(
    r"syn|impl|sim|report|reports|verilog|vhdl|solution\d*|hls|tb_data|\w+_prj|\w+\.runs|"
    r"synth_\d+|impl_\d+|logs?"
)
_KIND_WORDS = {
    *("csynth", "synth", "syn", "synthesis", "impl", "export", "vivado", "hls4ml", "rtl", "cosim"),
    *("utilization", "utilisation", "util", "hierarchical", "hier", "timing", "summary", "power"),
    *("route", "routed", "placed", "status", "design", "size", "results", "post", "report", "stat"),
    *("physopt", "opted", "synthesized", "final", "rpt", "xml", "bd", "wrapper", "yosys", "sim"),
}
# block designs around the exported core
_WRAPPER = re.compile(r"(bd|design)_\d+(_wrapper)?")


@dataclass(frozen=True)
class Build:
    """Reports of one build.

    Attributes:
        name: project and variant, for people; ``design`` the top function where known.
        records: strongest sources first; the XML form before the text form of the same report.
        inside: name of the build whose top contains this one, absent for a top.
    """

    name: str
    design: str | None
    part: str | None
    records: tuple[Record, ...]
    inside: str | None = None


def stem_of(name: str) -> str:
    """What remains of a file name without the words that name its kind."""
    words = re.split(r"[._-]+", PurePosixPath(name).name.lower())
    return "_".join(word for word in words if word not in _KIND_WORDS)


def project_of(name: str) -> str:
    """Folder of the project: the path without what tools append to it."""
    parts = list(PurePosixPath(name).parts[:-1])
    while parts and _TOOL_FOLDERS.fullmatch(parts[-1].lower()):
        parts.pop()
    return "/".join(parts)


def group(records: Iterable[Record]) -> list[Build]:
    """Reports of several builds apart; every record is in exactly one build."""
    projects: dict[str, list[Record]] = {}
    for record in records:
        projects.setdefault(project_of(record.source_file), []).append(record)
    builds = [
        _build(project, part) for project, found in projects.items() for part in _split(found)
    ]
    return _nest(builds)


def _split(records: Sequence[Record]) -> list[list[Record]]:
    """Reports of one project by design, then, where they contradict, by folder and name."""
    groups: list[list[Record]] = []
    named: dict[tuple[str, str], list[Record]] = {}
    unnamed: list[Record] = []
    for record in records:
        if record.design is None or _WRAPPER.fullmatch(record.design):
            unnamed.append(record)
        else:
            named.setdefault((record.design, _chip(record)), []).append(record)
    for found in named.values():
        groups += _apart(found)
    for record in unnamed:
        _adopt(record, groups)
    return groups


def _chip(record: Record) -> str:
    device = find_device(record.part) if record.part else None
    return device.name if device else (record.part or "").split("-")[0].lower()


def _apart(records: Sequence[Record]) -> list[list[Record]]:
    if not _contradict(records):
        return [list(records)]
    for key in (_folder, _stem, _file):
        parts: dict[str, list[Record]] = {}
        for record in records:
            parts.setdefault(key(record), []).append(record)
        if len(parts) > 1:
            return [piece for part in parts.values() for piece in _apart(part)]
    return [list(records)]


def _folder(record: Record) -> str:
    return str(PurePosixPath(record.source_file).parent)


def _stem(record: Record) -> str:
    return stem_of(record.source_file)


def _file(record: Record) -> str:
    return PurePosixPath(record.source_file).stem


def _contradict(records: Sequence[Record]) -> bool:
    """Whether two reports give one quantity two values of the same provenance."""
    seen: dict[tuple[str, str, str], float] = {}
    return any(
        seen.setdefault((r.kind, o.quantity, o.provenance), o.value) != o.value
        for r in records
        for o in r.observations
    )


def _adopt(record: Record, groups: list[list[Record]]) -> None:
    """Add a report without a design to the group that it fits, or make one of its own.

    Shared file names decide first, then the folder; a lone group takes what does not contradict it.
    """
    stem = stem_of(record.source_file)
    fitting = [g for g in groups if not _contradict([*g, record]) and _same_chip(g, record)]
    same = [g for g in fitting if any(stem_of(r.source_file) == stem for r in g)]
    near = [g for g in fitting if any(_folder(r) == _folder(record) for r in g)]
    for chosen in (same, near, fitting):
        if len(chosen) == 1:
            chosen[0].append(record)
            return
    groups.append([record])


def _same_chip(records: Sequence[Record], record: Record) -> bool:
    chips = {_chip(r) for r in records if r.part}
    return not chips or not record.part or _chip(record) in chips


_ORDER = (
    *("timing", "route-status", "utilisation", "hierarchy", "export", "rtl-sim", "cosim"),
    *("cosim-log", "logic-synthesis", "csynth", "power", "design-size", "cosim-values"),
)


def _build(project: str, records: Sequence[Record]) -> Build:
    ordered = sorted(
        records,
        key=lambda r: (_ORDER.index(r.kind), not r.source_file.endswith("xml"), r.source_file),
    )
    designs = [r.design for r in ordered if r.design and not _WRAPPER.fullmatch(r.design)]
    parts = [r.part for r in ordered if r.part]
    design = designs[0] if designs else None
    stems = sorted({stem_of(r.source_file) for r in ordered} - {""})
    variant = design or (stems[0] if stems else "")
    if len(stems) == 1 and design and stems[0] != design.lower():
        variant = f"{design} ({stems[0]})"
    name = "/".join(piece for piece in (project, variant) if piece)
    longest = max(parts, key=len) if parts else None
    return Build(name or ordered[0].source_file, design, longest, tuple(ordered))


def _nest(builds: Sequence[Build]) -> list[Build]:
    """C-synthesis writes a report per function: those of submodules are part of their top."""
    found = []
    for build in builds:
        kinds = {record.kind for record in build.records}
        parent = next(
            (
                other.name
                for other in builds
                if other is not build
                and kinds == {"csynth"}
                and project_of(other.records[0].source_file)
                == project_of(build.records[0].source_file)
                and any(m.name == build.design for r in other.records for m in r.modules)
            ),
            None,
        )
        found.append(Build(build.name, build.design, build.part, build.records, inside=parent))
    return found
