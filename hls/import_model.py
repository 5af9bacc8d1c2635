"""``trigforge import``: somebody else's quantised network becomes a recipe, or a sentence why not.

The file is validated, read, lowered and compared with itself before anything is written; the model
and its recipe then appear together.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trigforge.hls.budget import Budget, load_budget
from trigforge.hls.formats import Format
from trigforge.hls.graph import Graph
from trigforge.hls.recipe import RECIPES
from trigforge.train.artifacts import atomic_path, sha256_file
from trigforge.train.errors import InputError, UnsupportedError

# What the vendor's tools call the devices of our budgets.
PARTS = {
    "xcu250": "xcu250-figd2104-2L-e",
    "xcvu9p": "xcvu9p-flga2104-2L-e",
    "xcvu13p": "xcvu13p-flga2577-2-e",
}
# Vectors of the first comparison; `trigforge hls` takes more, and C-simulation.
PROOF_VECTORS = 64
# Share of the granted interval that reuse factors may fill.
INTERVAL_SHARE = 0.9


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the command line says beside the file.

    Attributes:
        input: format of the input, where the file does not quantise it.
        output: tensor to cut at.
        force: replace a recipe of this name.
    """

    name: str
    input: str | None = None
    output: str | None = None
    budget: str = "hlt"
    force: bool = False


def import_model(source: Path, options: ImportOptions, recipes: Path = RECIPES) -> list[str]:
    """Write ``<recipes>/<name>.yaml`` and ``<name>.onnx``; returns what to tell.

    Raises:
        InputError: a bad name or format, a recipe that exists, a file that is not ONNX.
        UnsupportedError: the network cannot be exact, or hls4ml cannot build it.
    """
    from trigforge.hls.backends.hls4ml_project import layer_list
    from trigforge.hls.passes import lower
    from trigforge.hls.read_qonnx import read_qonnx
    from trigforge.hls.stages.imported import against_oracle, vectors

    target, recipe = (recipes / f"{options.name}.{kind}" for kind in ("onnx", "yaml"))
    _check_target(options, recipes, (target, recipe))
    budget = load_budget(options.budget)
    source_graph = read_qonnx(source, input_format=_format(options.input), output=options.output)
    graph = lower(source_graph.graph)
    layer_list(graph)
    compared = 0
    for kind, x in vectors(graph, PROOF_VECTORS).items():
        found = against_oracle(source_graph, graph, source, kind, x)
        if found.mismatches:
            raise UnsupportedError(
                f"{source}: the file and the exact graph differ in {found.mismatches} of "
                f"{found.values} integers on {kind} inputs, first in {found.first_layer}; please "
                "report this file"
            )
        compared += found.values
    reuse, reason = _reuse(graph, budget)
    text = _recipe(source, options, budget, reuse)
    recipes.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as model, atomic_path(recipe) as written:
        shutil.copyfile(source, model)
        written.write_text(text, encoding="utf-8")
    (start,), (end,) = graph.inputs.values(), graph.outputs
    edge = graph.edges[end]
    return [
        f"input {start.format} {start.shape}, output {edge.format} {edge.shape}",
        *(f"{n.name:16} {n.op:12} {graph.edges[n.output].format}" for n in graph.nodes),
        *source_graph.notes,
        f"the file and the exact graph agree on {compared} integers (random and extreme inputs)",
        *([reason] if reason else []),
        f"wrote {recipe} and {target}; next: make hls MODEL={options.name}",
    ]


def _check_target(options: ImportOptions, recipes: Path, files: tuple[Path, ...]) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,59}", options.name):
        raise InputError(
            f"--name is {options.name!r}, expected a letter and then letters, digits and _"
        )
    for path in files:
        if path.exists() and not options.force:
            raise InputError(f"{path}: exists already; take another --name or replace it: --force")
    recipe = recipes / f"{options.name}.yaml"
    if recipe.is_file() and "architecture: imported" not in recipe.read_text(encoding="utf-8"):
        raise InputError(
            f"{recipe}: is the recipe of a model that is trained here; take another --name"
        )


def _format(text: str | None) -> Format | None:
    try:
        return None if text is None else Format.parse(text)
    except ValueError as error:
        raise InputError(f"--input: {error}") from None


def _reuse(graph: Graph, budget: Budget) -> tuple[dict[str, int], str]:
    """Reuse factors, where one multiplier per product does not fit the device."""
    from trigforge.hls.backends.estimate import estimate, propose_reuse
    from trigforge.hls.backends.reuse import by_stage

    device = budget.fpga()
    try:
        found = {o.quantity: o.value for o in estimate(graph, {}, device).observations}
        too_large = [
            quantity
            for quantity, percent in budget.limits.percent().items()
            if found[quantity] > percent / 100 * (device.available(quantity) or 0)
        ]
        if not too_large:
            return {}, ""
        shares = {quantity: p / 100 for quantity, p in budget.limits.percent().items()}
        cycles = int(budget.ii_cycles * INTERVAL_SHARE)
        proposed = by_stage(propose_reuse(graph, cycles, device, shares))
        return proposed, f"reuse factors proposed: {', '.join(too_large)} would not fit without"
    except UnsupportedError as error:
        return {}, f"latency and resources are not estimated: {error}"


def _recipe(source: Path, options: ImportOptions, budget: Budget, reuse: Mapping[str, int]) -> str:
    lines = [
        f"# Imported from {source.name} by trigforge import: no events, no training.",
        "network:",
        "  architecture: imported",
        f"  file: {options.name}.onnx",
        f"  sha256: {sha256_file(source)}",
    ]
    if options.input is not None:
        lines.append(f"  input: {Format.parse(options.input)!s}")
    if options.output is not None:
        lines.append(f'  output: "{options.output}"')
    lines += ["hls:", f"  part: {PARTS.get(budget.device, budget.device)}"]
    if reuse:
        lines += ["  reuse:", *(f"    {layer}: {factor}" for layer, factor in reuse.items())]
    lines += ["budget:", f"  name: {budget.name}"]
    return "\n".join(lines) + "\n"
