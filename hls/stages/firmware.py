"""From weights to compiled firmware: QONNX file, exact graph, hls4ml project, library."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigforge.hls.session import Session
from trigforge.hls.stages.models import WEIGHTS, load_quantised, quantised_model
from trigforge.train.artifacts import StageResult, sha256_json, write_json

if TYPE_CHECKING:
    from trigforge.hls.backends.hls4ml_project import Project
    from trigforge.hls.graph import Graph
    from trigforge.hls.read_qonnx import QonnxGraph

MODEL = "model.onnx"
LIBRARY = "firmware.so"


def export(session: Session) -> StageResult:
    """The unlowered QONNX file of the quantised network."""
    network = session.recipe.network
    before = quantised_model(session)

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.quantize.export import export_qonnx

        export_qonnx(load_quantised(session), folder / MODEL, network.height, network.width)

    return session.stage(
        "export",
        session.recipe.quantize,
        {"weights": before.manifest.outputs[WEIGHTS]},
        ("train", "quantize"),
        run,
    )


def read_model(session: Session) -> QonnxGraph:
    """The exact graph as exported, before lowering."""
    from trigforge.hls.read_qonnx import read_qonnx

    return read_qonnx(export(session).folder / MODEL)


def lowered(session: Session) -> Graph:
    """The exact graph that firmware implements."""
    from trigforge.hls.passes import lower

    return lower(read_model(session).graph)


def library(session: Session) -> StageResult:
    """The hls4ml project, written to ``firmware_projects``, and its compiled library."""
    before, hls = export(session), session.recipe.hls

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.hls.backends.csim import compile_project, compiler_version

        project = write_project(session)
        info["compiler"] = f"g++ {compiler_version()}"
        shutil.copy2(compile_project(project), folder / LIBRARY)
        write_json(
            folder / "project.json",
            {"folder": str(project.folder), "name": project.name, "traced": project.traced},
        )

    if not session.project_folder.is_dir():
        # whoever deletes the project gets it back
        shutil.rmtree(session.root / "library", ignore_errors=True)
    return session.stage(
        "library",
        [hls.part, hls.io_type, hls.reuse, session.budget.clock_period_ns],
        {
            "model": before.manifest.outputs[MODEL],
            "project": sha256_json(str(session.project_folder.resolve())),
        },
        ("train", "quantize", "hls"),
        run,
    )


def write_project(session: Session) -> Project:
    """Write the hls4ml project, replacing an older one."""
    from trigforge.hls.backends.hls4ml_project import ProjectConfig, build_project
    from trigforge.hls.backends.reuse import resolve_reuse

    graph = lowered(session)
    config = ProjectConfig(
        part=session.recipe.hls.part,
        clock_period_ns=session.budget.clock_period_ns,
        io_type=session.recipe.hls.io_type,
        reuse=resolve_reuse(graph, session.recipe.hls.reuse),
    )
    return build_project(graph, config, session.project_folder)


def load_project(session: Session) -> tuple[Project, Path]:
    """The written project and its library."""
    from trigforge.hls.backends.hls4ml_project import Project
    from trigforge.train.artifacts import read_json

    folder = library(session).folder
    stored = read_json(folder / "project.json")
    project = Project(Path(stored["folder"]), stored["name"], stored["traced"])
    return project, folder / LIBRARY
