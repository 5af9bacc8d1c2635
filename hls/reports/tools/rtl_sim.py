"""Our own RTL simulation: a JSON file beside the simulated design.

    {"trigforge": "rtl-sim", "schema": 1, "tool": "verilator", "version": "5.48", "design": "top",
     "part": null, "latency_cycles": 13, "ii_cycles": 1, "vectors": 1000, "mismatches": 0}

Cycles of a simulation whose outputs were wrong say nothing and are not observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trigforge.hls.reports.tools.record import Record, observations
from trigforge.train.errors import InputError
from trigforge.train.schema import parse


@dataclass(frozen=True, kw_only=True)
class RtlSim:
    """The file; ``vectors`` events were simulated and ``mismatches`` integers were wrong."""

    trigforge: Literal["rtl-sim"]
    schema: int
    tool: str
    version: str
    design: str
    part: str | None
    latency_cycles: int
    ii_cycles: int
    vectors: int
    mismatches: int


def read_rtl_sim(data: Mapping[str, Any], name: str) -> Record:
    """Read a simulation result.

    Raises:
        InputError: an unknown, missing or impossible entry.
    """
    found = parse(RtlSim, data, name)
    if found.schema != 1:
        raise InputError(f"{name}: schema is {found.schema}, this version of trigforge reads 1")
    if found.vectors < 1 or found.mismatches < 0:
        raise InputError(f"{name}: {found.mismatches} mismatches of {found.vectors} vectors")
    passed = found.mismatches == 0
    return Record(
        kind="rtl-sim",
        tool=found.tool,
        version=found.version,
        source_file=name,
        design=found.design,
        part=found.part,
        observations=observations(
            {"latency_cycles": found.latency_cycles, "ii_cycles": found.ii_cycles}
            if passed
            else {},
            {},
            {"cycles": "rtl-sim"},
            found.tool,
            found.version,
            name,
        ),
        facts={"passed": passed, "vectors": found.vectors, "mismatches": found.mismatches},
    )
