"""From weights to compiled firmware: QONNX file, exact graph, hls4ml project, library."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigforge.hls.session import Session
from trigforge.hls.stages.models import WEIGHTS, architecture, load_quantised, quantised_model
from trigforge.train.artifacts import StageResult, sha256_file, sha256_json, write_json
from trigforge.train.errors import InputError

if TYPE_CHECKING:
    from trigforge.hls.backends.hls4ml_project import Project
    from trigforge.hls.graph import Graph
    from trigforge.hls.read_qonnx import QonnxGraph
    from trigforge.hls.recipe import ImportedConfig

MODEL = "model.onnx"
LIBRARY = "firmware.so"
ACCURACY = "accuracy.json"


def export(session: Session) -> StageResult:
    """The unlowered QONNX file: of the quantised network, or the imported one as it came."""
    if session.imported is not None:
        return _imported(session, session.imported)
    recipe, row = session.recipe, architecture(session)
    shape, format = row.input_shape(recipe), row.input_format(recipe)
    output = "scores" if recipe.network.export == "full" else "latents"
    before = quantised_model(session)

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        from trigforge.quantize.export import export_network
        from trigforge.quantize.input_grid import InputGrid

        grid = InputGrid(format.width, format.fraction, format.signed)
        whole = (1, *shape) if len(shape) == 2 else shape
        export_network(load_quantised(session), folder / MODEL, whole, grid, output)

    return session.stage(
        "export",
        [recipe.quantize, output, row.score_name(recipe), shape, format],
        {"weights": before.manifest.outputs[WEIGHTS]},
        ("train", "quantize"),
        run,
    )


def _imported(session: Session, config: ImportedConfig) -> StageResult:
    source = session.recipes / config.file
    if not source.is_file():
        raise InputError(f"{source}: no such file; import the model again")
    found = sha256_file(source)
    if found != config.sha256:
        raise InputError(
            f"{source}: has the sha256 {found[:12]}, the recipe says {config.sha256[:12]}; import "
            "the changed file again"
        )

    def run(folder: Path, work: Path, info: dict[str, Any]) -> None:
        shutil.copy2(source, folder / MODEL)

    return session.stage("export", config, {"file": found}, ("hls",), run)


def read_model(session: Session) -> QonnxGraph:
    """The exact graph as exported, before lowering."""
    from trigforge.hls.read_qonnx import read_qonnx

    path, imported = export(session).folder / MODEL, session.imported
    if imported is None:
        return read_qonnx(path)
    return read_qonnx(path, input_format=imported.input_format, output=imported.output)


def lowered(session: Session) -> Graph:
    """The exact graph that firmware implements."""
    from trigforge.hls.passes import lower

    return lower(read_model(session).graph)


def library(session: Session) -> StageResult:
    """The hls4ml project, written to ``firmware_projects``, and its compiled library."""
    before, hls = export(session), session.deployable.hls

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
        part=session.deployable.hls.part,
        clock_period_ns=session.budget.clock_period_ns,
        io_type=session.deployable.hls.io_type,
        reuse=resolve_reuse(graph, session.deployable.hls.reuse),
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
