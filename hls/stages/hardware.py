"""What the firmware costs: our estimate always, the vendor's C-synthesis where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trigforge.hls.backends.vitis import find_vitis, run_csynth
from trigforge.hls.reports.observations import Observation
from trigforge.hls.reports.report import Hardware, plain
from trigforge.hls.session import Session
from trigforge.hls.stages.firmware import MODEL, export, library, lowered
from trigforge.train.artifacts import StageResult, read_json, sha256_json, write_json
from trigforge.train.schema import parse

HARDWARE = "hardware.json"
BACKEND = "hls4ml"


def hardware(session: Session) -> StageResult:
    """Observations and layers of the hls4ml project."""
    tool = find_vitis()
    hls, budget = session.deployable.hls, session.budget

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.hls.backends.estimate import estimate
        from trigforge.hls.backends.parallel import estimate_parallel

        model = estimate if hls.io_type == "io_stream" else estimate_parallel
        found = model(lowered(session), hls.reuse, budget.fpga())
        observations: tuple[Observation, ...] = found.observations
        info |= {"slowest": found.slowest, "result_cycles": found.result_cycles}
        if tool is not None:
            library(session)
            synthesis = run_csynth(tool, session.project_folder, folder / "csynth.log")
            observations = (*synthesis.observations, *observations)
        block = Hardware(
            device=budget.device,
            compute_units=hls.compute_units,
            observations=observations,
            layers=found.layers,
        )
        write_json(folder / HARDWARE, plain(block))

    return session.stage(
        "hardware",
        [hls, budget],
        {
            "model": export(session).manifest.outputs[MODEL],
            "tool": sha256_json(str(tool)),
        },
        ("train", "quantize", "hls"),
        run,
    )


def load_hardware(session: Session) -> Hardware:
    """The block of the finished stage."""
    path = hardware(session).folder / HARDWARE
    return parse(Hardware, read_json(path), str(path))
