"""RTL of the exact graph: written, simulated on every test event, synthesised."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trigforge.hls.budget import Budget, load_budget
from trigforge.hls.devices import device
from trigforge.hls.reports.report import BitAccuracy, Hardware, Inputs, Layer, Verdict, plain
from trigforge.hls.session import Session
from trigforge.hls.stages.firmware import MODEL, export, lowered
from trigforge.train.artifacts import StageResult, read_json, sha256_json, write_json
from trigforge.train.schema import parse

if TYPE_CHECKING:
    from trigforge.hls.graph import Graph, Ints
    from trigforge.hls.reports.observations import Observation
    from trigforge.hls.rtl.bench import Measured
    from trigforge.hls.rtl.blocks import Design
    from trigforge.hls.rtl.synthesis import Synthesised

BACKEND = "rtl"
RESULT = "rtl.json"
# what a firmware engineer takes away: Verilog, test bench, port map, synthesis script
DESIGN = "design"
SIMULATION = "rtl_sim.json"


@dataclass(frozen=True, kw_only=True)
class Rtl:
    """What the stage found.

    Attributes:
        notes: sentences for the verdict.
    """

    accuracy: tuple[BitAccuracy, ...]
    hardware: Hardware
    notes: tuple[str, ...]


def rtl(session: Session) -> StageResult:
    """Write, simulate and synthesise the unrolled network, for the budget's clock.

    Yosys counts cells always; with Vivado on the PATH the design is placed and routed as well,
    where the recipe's part is of the budget's device.
    """
    from trigforge.hls.rtl.vivado import find_vivado, place_and_route

    budget, part = _budget(session), session.deployable.hls.part
    vivado = find_vivado() if device(part).name == device(budget.device).name else None

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.hls.rtl.blocks import build
        from trigforge.hls.rtl.simulate import write_design
        from trigforge.hls.rtl.synthesis import synthesise

        graph = lowered(session)
        design = build(graph, budget.clock_period_ns, session.options.model)
        write_design(design, folder / DESIGN)
        accuracy, measured = _simulated(session, design, graph, folder, work)
        cells = synthesise(design, folder / DESIGN)
        routed = vivado and place_and_route(vivado, design, part, folder / DESIGN)
        observations = _observations(folder, budget, design, accuracy, measured)
        found = Rtl(
            accuracy=accuracy,
            hardware=Hardware(
                device=budget.device,
                compute_units=1,
                observations=(*observations, *(routed.observations if routed else ())),
                layers=_layers(design, cells),
            ),
            notes=(*_notes(design, cells, measured), *((routed.note,) if routed else ())),
        )
        write_json(folder / RESULT, plain(found))

    events = {} if session.imported is not None else {"events": session.data_key}
    return session.stage(
        "rtl",
        [session.deployable.hls, budget],
        {
            "model": export(session).manifest.outputs[MODEL],
            "vivado": sha256_json(str(vivado)),
            **events,
        },
        ("train", "quantize", "hls"),
        run,
    )


def load_rtl(session: Session) -> Rtl:
    """What the finished stage found."""
    path = rtl(session).folder / RESULT
    return parse(Rtl, read_json(path), str(path))


def judge_rtl(session: Session) -> Verdict:
    """The RTL alone against its budget: cycles, resources, and bits against the emulator."""
    from trigforge.hls.reports.verdict import judge

    found = load_rtl(session)
    kinds: Sequence[Inputs] = tuple(dict.fromkeys(entry.inputs for entry in found.accuracy))
    return judge(
        _budget(session),
        session.deployable.budget,
        observations=found.hardware.observations,
        compute_units=found.hardware.compute_units,
        physics=None,
        bit_accuracy=found.accuracy,
        required={kind: ("emulator", "rtl") for kind in kinds},
        remarks=found.notes,
    )


def _budget(session: Session) -> Budget:
    """The recipe's budget, or the one that the command line names."""
    name = session.options.budget
    return session.budget if name is None else load_budget(name)


def _inputs(session: Session, graph: Graph) -> dict[Inputs, Ints]:
    """Every test event and extremes; random integers for networks without events."""
    if session.imported is not None:
        from trigforge.hls.stages.imported import vectors

        return vectors(graph)
    from trigforge.hls.stages.comparison import extremes
    from trigforge.hls.vectors import to_input

    data = session.samples
    (edge,) = graph.inputs.values()
    events = np.concatenate([sample.integers for sample in data.all.values()])
    return {
        "events": to_input(events, edge, data.format.fraction),
        "extreme": to_input(extremes(session), edge, data.format.fraction),
    }


def _simulated(
    session: Session, design: Design, graph: Graph, folder: Path, work: Path
) -> tuple[tuple[BitAccuracy, ...], dict[Inputs, Measured]]:
    """The simulated integers against the emulator's, kind by kind."""
    from trigforge.hls import accuracy
    from trigforge.hls.coverage import CoverageObserver
    from trigforge.hls.emulator import Emulator
    from trigforge.hls.rtl.simulate import (
        compile_bench,
        cut_edges,
        simulate,
        write_bench,
        write_vectors,
    )

    inputs = _inputs(session, graph)
    kept = len(inputs["extreme"])
    write_bench(design, folder / DESIGN, max(len(x) for x in inputs.values()), kept)
    program = compile_bench(design, folder / DESIGN, work)
    found: list[BitAccuracy] = []
    cycles: dict[Inputs, Measured] = {}
    for kind, x in inputs.items():
        observer = CoverageObserver(graph)
        edges = Emulator(graph, cut_edges(design), observe=observer).run(x, f"{kind}: emulator")
        write_vectors(design, x, edges, work / kind)
        measured, results = simulate(design, program, work / kind, len(x))
        expected = design.outputs.flat(edges)
        compared = accuracy.compare(
            "emulator",
            "rtl",
            kind,
            np.concatenate([expected, expected]),
            results,
            first_layer=measured.first,
            coverage=observer.result(),
        )
        found.append(replace(compared, vectors=len(x)))
        cycles[kind] = measured
        if kind == "extreme":
            # small enough to travel with the design
            for path in (work / kind).glob("cut*.hex"):
                shutil.copy2(path, folder / DESIGN)
    return tuple(found), cycles


def _observations(
    folder: Path,
    budget: Budget,
    design: Design,
    accuracy: Sequence[BitAccuracy],
    measured: Mapping[Inputs, Measured],
) -> tuple[Observation, ...]:
    """Cycles of the simulation and cells of the synthesis, each read back from its report."""
    from trigforge.hls.reports.tools.rtl_sim import read_rtl_sim
    from trigforge.hls.reports.tools.yosys import read_yosys_json
    from trigforge.hls.rtl.simulate import verilator_version
    from trigforge.hls.rtl.synthesis import STATISTICS

    result = {
        "trigforge": "rtl-sim",
        "schema": 1,
        "tool": "verilator",
        "version": verilator_version(),
        "design": design.name,
        "part": None,
        "latency_cycles": max(m.latency_cycles for m in measured.values()),
        "ii_cycles": max(m.ii_cycles for m in measured.values()),
        "vectors": sum(entry.vectors for entry in accuracy),
        "mismatches": sum(entry.mismatches for entry in accuracy),
    }
    write_json(folder / SIMULATION, result)
    simulated = read_rtl_sim(result, SIMULATION)
    cells = read_yosys_json(read_json(folder / DESIGN / STATISTICS), f"{DESIGN}/{STATISTICS}")
    device = budget.fpga()
    return tuple(
        replace(entry, available=device.available(entry.quantity))
        for record in (simulated, cells)
        for entry in record.observations
    )


def _layers(design: Design, cells: Synthesised) -> tuple[Layer, ...]:
    """A row per module."""
    rows = []
    for block in design.blocks:
        found = cells.modules[block.name]
        outputs = [str(edge.format) for edge in block.outputs.edges.values()]
        rows.append(
            Layer(
                name=block.name,
                op=", ".join(dict.fromkeys(node.op for node in block.nodes)),
                in_format=None,
                out_format=None if len(outputs) != 1 else outputs[0],
                latency_cycles=block.schedule.stages,
                ii_cycles=1,
                lut=found["lut"],
                ff=found["ff"],
                dsp=found["dsp"],
                bram_18k=found["bram_18k"],
            )
        )
    return tuple(rows)


def _notes(
    design: Design, cells: Synthesised, measured: Mapping[Inputs, Measured]
) -> tuple[str, ...]:
    from trigforge.hls.rtl.synthesis import SENTENCE

    levels = [level for block in design.blocks for level in block.schedule.levels]
    slowest = max(max(block.schedule.delays_ps) for block in design.blocks) / 1000
    total = cells.total
    modelled = (
        f"RTL of {len(levels)} stages with {min(levels)} to {max(levels)} levels of LUTs and carry "
        f"blocks; the longest takes {slowest:.2f} ns in the delay model, for a clock of "
        f"{design.period_ns:.3f} ns (assumed)."
    )
    synthesised = (
        f"RTL occupies {total['lut']:,} LUT, {total['ff']:,} FF, {total['carry4']:,} carry blocks "
        f"of four bits, {total['dsp']} DSP and {total['bram_18k']} BRAM: {SENTENCE} "
        f"(Yosys {cells.version})."
    )
    interval = max(m.ii_cycles for m in measured.values())
    every = "in every cycle" if interval == 1 else f"every {interval} cycles"
    simulated = (
        f"In simulation events entered {every} and once more with gaps; the latency was "
        f"{max(m.latency_cycles for m in measured.values())} cycles for all of them."
    )
    return (modelled, synthesised, simulated)
