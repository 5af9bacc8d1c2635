"""A written hls4ml project as a shared library with a C interface that needs nothing at run time.

The project's own sources are compiled, with three changes to the copies. Weights become integers in
the code, where the project reads text files. Static variables of functions (line buffers, counters)
become ``thread_local``. Only the C interface is visible, so that several models fit in one program.
"""

from __future__ import annotations

import json
import math
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trigforge.hls.backends.csim import COMPILER, require_compiler, why_not_compiled
from trigforge.hls.backends.hls4ml_project import Project
from trigforge.hls.backends.standalone_weights import Weights, read_weights, weight_header
from trigforge.hls.graph import Edge, Graph
from trigforge.train.errors import ToolError, UnsupportedError

SOURCES = Path(__file__).with_name("emulator_sources")
# integers travel through doubles at hls4ml's own interface
DOUBLE_BITS = 53

ARGUMENT = re.compile(r"\s*(?:hls::stream<(\w+)>\s*&\s*|(\w+)\s+)\w+(?:\[[^\]]*\])?\s*")
# a variable, not a function: the first bracket or sign behind its name is none of a parameter list
STATIC = re.compile(r"(?<!const )\bstatic (?!const\b|constexpr\b|inline\b)(?=[^;=\[({]*[;=\[])")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose emulator it is: what its functions ``_model``, ``_version`` and ``_recipe`` say."""

    model: str
    version: str
    recipe_sha256: str

    @property
    def prefix(self) -> str:
        """The model's name as the beginning of C identifiers and file names."""
        word = re.sub(r"\W", "_", self.model, flags=re.ASCII)
        return word if word[:1].isalpha() else f"model_{word}"

    @property
    def library(self) -> str:
        """File name of the shared library."""
        return f"lib{self.prefix}_emulator.so"


@dataclass(frozen=True)
class Tensor:
    """An input or output of an event, and where it begins among the others."""

    name: str
    edge: Edge
    offset: int

    @property
    def values(self) -> int:
        """Numbers in it."""
        return math.prod(self.edge.shape)


@dataclass(frozen=True)
class Argument:
    """One of the project's top function.

    Attributes:
        type: of a number, or of a pixel on its stream.
        name: in the code that calls it.
    """

    type: str
    name: str
    tensor: Tensor
    is_input: bool


def write_standalone(project: Project, graph: Graph, who: Identity, folder: Path) -> None:
    """Write everything but the library itself into ``folder``, which must be empty.

    Raises:
        UnsupportedError: an input or output is wider than a double is exact.
    """
    inputs, outputs = tensors(graph, graph.inputs), tensors(graph, graph.outputs)
    firmware = project.folder / "firmware"
    weights = read_weights(firmware, project.name)
    target = folder / "firmware"
    shutil.copytree(firmware / "ap_types", target / "ap_types")
    for name in ("defines.h", "parameters.h", f"{project.name}.h", f"{project.name}.cpp"):
        shutil.copy2(firmware / name, target)
    (target / "nnet_utils").mkdir()
    for header in sorted((firmware / "nnet_utils").glob("*.h")):
        text = per_thread(header.read_text(encoding="utf-8"))
        (target / "nnet_utils" / header.name).write_text(text, encoding="utf-8")
    (target / "weights").mkdir()
    for array in weights:
        path = target / "weights" / f"{array.name}.h"
        path.write_text(weight_header(array), encoding="utf-8")
    prototype = (firmware / f"{project.name}.h").read_text(encoding="utf-8")
    arguments = _arguments(prototype, project.name, inputs, outputs)
    written = texts(
        who, project.name, inputs, outputs, weights, arguments, "hls::stream" in prototype
    )
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copy2(_licence(), folder / "LICENSE")


def compile_standalone(who: Identity, folder: Path, log: Path, *, optimise: int = 3) -> Path:
    """Compile the library as the Makefile in ``folder`` does; the compiler's words go to ``log``.

    Args:
        optimise: g++'s level, 0 to 3.

    Raises:
        ToolError: no compiler, it failed, or it was killed.
    """
    require_compiler()
    command = [COMPILER, *flags(who, optimise), "emulator.cpp", "-o", who.library]
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(command, cwd=folder, stdout=stream, stderr=subprocess.STDOUT)
    if done.returncode:
        raise ToolError(why_not_compiled(done.returncode, log))
    return folder / who.library


def flags(who: Identity, optimise: int = 3) -> list[str]:
    """The compiler's arguments before the source."""
    return [
        *(f"-O{optimise}", "-std=c++17", "-fPIC", "-shared", "-fvisibility=hidden"),
        *("-Ifirmware", "-Ifirmware/ap_types", f"-Wl,-soname,{who.library}"),
        *("-Wl,--version-script=exports.map", "-Wl,--no-undefined"),
    ]


def tensors(graph: Graph, names: Iterable[str]) -> tuple[Tensor, ...]:
    """Inputs or outputs of a graph, one behind another.

    Raises:
        UnsupportedError: one of them is wider than a double is exact.
    """
    found, offset = [], 0
    for name in names:
        edge = graph.edges[name]
        if edge.format.width > DOUBLE_BITS:
            raise UnsupportedError(
                f"{graph.name}: {name} is {edge.format}, a standalone emulator carries "
                f"{DOUBLE_BITS} bits: quantise it to fewer"
            )
        found.append(Tensor(name, edge, offset))
        offset += found[-1].values
    return tuple(found)


def texts(
    who: Identity,
    top: str,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    weights: Sequence[Weights],
    arguments: Sequence[Argument],
    stream: bool,
) -> dict[str, str]:
    """File name -> text of what is not copied from the project.

    Args:
        top: the project's top function.
        arguments: of that function, in order.
        stream: whether they are streams, else arrays.
    """
    environment = Environment(  # noqa: S701 - C and plain text, not HTML
        loader=FileSystemLoader(SOURCES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["quoted"] = json.dumps
    environment.filters["tensor"] = _initialiser
    values = {
        "x": who.prefix,
        "upper": who.prefix.upper(),
        "model": who.model,
        "version": who.version,
        "recipe": who.recipe_sha256,
        "library": who.library,
        "flags": shlex.join(flags(who)),
        "hls4ml": metadata.version("hls4ml"),
        "top": top,
        "inputs": inputs,
        "outputs": outputs,
        "in_values": sum(t.values for t in inputs),
        "out_values": sum(t.values for t in outputs),
        "weights": weights,
        "arguments": arguments,
        "stream": stream,
    }
    templates = {path.stem: path.name for path in sorted(SOURCES.glob("*.jinja"))}
    names = {"emulator.h": f"{who.prefix}_emulator.h"}
    return {
        names.get(name, name): environment.get_template(template).render(values)
        for name, template in templates.items()
    }


def per_thread(text: str) -> str:
    """C++ in which static variables of functions are ``thread_local``; constants stay shared."""
    return STATIC.sub("static thread_local ", text)


def _arguments(
    header: str, top: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> list[Argument]:
    """Of the top function, in order."""
    prototype = re.search(rf"void {top}\((.*?)\);", header, re.DOTALL)
    found = [ARGUMENT.fullmatch(a) for a in prototype[1].split(",")] if prototype else []
    types = [match[1] or match[2] for match in found if match is not None]
    ends = [*((True, t) for t in inputs), *((False, t) for t in outputs)]
    if len(types) != len(ends) or len(found) != len(ends):
        raise ToolError(f"{top}.h: the top function does not have {len(ends)} arguments; write the "
                        "project anew")  # fmt: skip
    return [
        Argument(kind, f"{'in' if is_input else 'out'}{i}", tensor, is_input)
        for i, (kind, (is_input, tensor)) in enumerate(zip(types, ends, strict=True))
    ]


def _initialiser(tensor: Tensor) -> str:
    fmt, shape = tensor.edge.format, tensor.edge.shape
    numbers = (fmt.width, fmt.integer, fmt.fraction, int(fmt.signed), fmt.min_int, fmt.max_int)
    sizes = ", ".join(str(n) for n in shape)
    return (
        f"{{{json.dumps(tensor.name)}, {', '.join(map(str, numbers))}, "
        f"{len(shape)}, {{{sizes}}}, {tensor.values}}}"
    )


def _licence() -> Path:
    files = metadata.files("hls4ml") or []
    return next(
        Path(str(f.locate())) for f in files if f.name == "LICENSE" and "dist-info" in str(f)
    )
