"""Standalone emulators, compiled: against the integer emulator, in C, in threads, two at once."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chains
import graphs
import numpy as np
import pytest
from samples import random_values

from trigforge.hls.backends.hls4ml_project import ProjectConfig, build_project
from trigforge.hls.backends.layer_list import IoType
from trigforge.hls.backends.standalone import Identity, compile_standalone, write_standalone
from trigforge.hls.emulator import Emulator
from trigforge.hls.graph import Graph, Ints
from trigforge.hls.passes import lower
from trigforge.hls.stages.standalone import evaluate

ROOT = Path(__file__).resolve().parents[2]
EVENTS = 1000
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
HERE = "-Wl,-rpath,$ORIGIN"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Built:
    graph: Graph
    who: Identity
    library: Path
    x: Ints
    expected: Ints

    @property
    def folder(self) -> Path:
        return self.library.parent


def build(folder: Path, model: str, graph: Graph, io_type: IoType) -> Built:
    """A library whose project is gone; x (N, ...) and what the integer emulator makes of it."""
    config = ProjectConfig(part="xcu250-figd2104-2L-e", clock_period_ns=4, io_type=io_type)
    project = build_project(graph, config, folder / "project")
    who = Identity(model=model, version="1.2", recipe_sha256="0123abcd")
    target = folder / "emulator"
    target.mkdir()
    write_standalone(project, graph, who, target)
    library = compile_standalone(who, target, folder / "compile.log", optimise=1)
    shutil.rmtree(project.folder)
    x = random_values(np.random.default_rng(3), next(iter(graph.inputs.values())), EVENTS)
    emulated = Emulator(graph).run(x)
    expected = np.concatenate([emulated[y].reshape(EVENTS, -1) for y in graph.outputs], axis=1)
    return Built(graph, who, library, x, expected)


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Every operation that there is."""
    graph = chains.every_operation(np.random.default_rng(10))
    return build(tmp_path_factory.mktemp("streamed"), "all operations", graph, "io_stream")


@pytest.fixture(scope="module")
def parallel(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A small mask encoder, whose layers and weights share their names with the other's."""
    rng = np.random.default_rng(7)
    graph = lower(graphs.mask_encoder(rng, filters=(2, 2), groups=(1, 1)))
    return build(tmp_path_factory.mktemp("parallel"), "encoder", graph, "io_parallel")


@pytest.fixture(scope="module", params=("streamed", "parallel"))
def built(request: pytest.FixtureRequest) -> Built:
    found: Built = request.getfixturevalue(request.param)
    return found


def run_c(source: str, folder: Path, libraries: list[Built], stdin: str) -> list[int]:
    """Integers that a C program prints, in a folder with the libraries and nothing else."""
    (folder / "main.c").write_text(source)
    for b in libraries:
        shutil.copy(b.library, folder)
        shutil.copy(b.folder / f"{b.who.prefix}_emulator.h", folder)
    links = [f"-l{b.who.prefix}_emulator" for b in libraries]
    command = ["cc", *STRICT, "main.c", "-L.", *links, HERE, "-o", "main"]
    subprocess.run(command, cwd=folder, check=True)
    for header in folder.glob("*.h"):
        header.unlink()
    done = subprocess.run(
        [folder / "main"], cwd="/", input=stdin, capture_output=True, text=True, check=True
    )
    return [int(word) for word in done.stdout.split()]


def words(x: Ints) -> str:
    return " ".join(str(i) for i in x.ravel())


@pytest.mark.parametrize("threads", [1, 4])
def test_a_thousand_events_give_the_same_integers(
    built: Built, threads: int, tmp_path: Path
) -> None:
    found, _ = evaluate(built.who, built.library, built.x, built.graph, threads, tmp_path)
    assert len(np.unique(built.expected)) > 20
    assert np.array_equal(found, built.expected)


def test_the_example_prints_the_same_integers(built: Built, tmp_path: Path) -> None:
    source = (built.folder / "example.c").read_text()
    assert run_c(source, tmp_path, [built], words(built.x[5])) == built.expected[5].tolist()


def test_two_libraries_in_one_program(streamed: Built, parallel: Built, tmp_path: Path) -> None:
    a, b = streamed.who.prefix, parallel.who.prefix
    source = f"""
#include "{a}_emulator.h"
#include "{b}_emulator.h"
#include <inttypes.h>
#include <stdio.h>

int main(void) {{
    static int64_t in[2000], out[100];
    for (int turn = 0; turn < 6; turn++) {{
        size_t ins = turn % 2 ? {b.upper()}_IN : {a.upper()}_IN;
        size_t outs = turn % 2 ? {b.upper()}_OUT : {a.upper()}_OUT;
        for (size_t i = 0; i < ins; i++)
            if (scanf("%" SCNd64, &in[i]) != 1) return 1;
        if (turn % 2 ? {b}_evaluate(in, 1, out) : {a}_evaluate(in, 1, out)) return 2;
        for (size_t i = 0; i < outs; i++) printf("%" PRId64 "\\n", out[i]);
    }}
    return 0;
}}
"""
    order = [(built, i) for i in range(3) for built in (streamed, parallel)]
    stdin = " ".join(words(built.x[i]) for built, i in order)
    expected = [int(y) for built, i in order for y in built.expected[i]]
    assert run_c(source, tmp_path, [streamed, parallel], stdin) == expected


def loaded(built: Built) -> Any:
    """The library in this process, with types for the functions that tests call."""
    code, x = ctypes.CDLL(str(built.library)), built.who.prefix
    for name in ("model", "version", "recipe", "message"):
        getattr(code, f"{x}_{name}").restype = ctypes.c_char_p
    integers, doubles = (np.ctypeslib.ndpointer(t) for t in (np.int64, np.float64))
    getattr(code, f"{x}_evaluate").argtypes = [integers, ctypes.c_size_t, integers]
    getattr(code, f"{x}_evaluate_values").argtypes = [doubles, ctypes.c_size_t, doubles]
    return code


class Tensor(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        *((name, ctypes.c_int32) for name in ("width", "integer", "fraction", "is_signed")),
        *((name, ctypes.c_int64) for name in ("min", "max")),
        *(("rank", ctypes.c_size_t), ("shape", ctypes.c_size_t * 4), ("values", ctypes.c_size_t)),
    ]


def test_a_library_says_what_it_is(built: Built) -> None:
    code, x = loaded(built), built.who.prefix
    said = [getattr(code, f"{x}_{name}")().decode() for name in ("model", "version", "recipe")]
    assert said == [built.who.model, "1.2", "0123abcd"]
    for side, names in (("input", built.graph.inputs), ("output", built.graph.outputs)):
        assert getattr(code, f"{x}_{side}s")() == len(names)
        get = getattr(code, f"{x}_{side}")
        get.restype = ctypes.POINTER(Tensor)
        assert not get(len(names))
        for index, name in enumerate(names):
            tensor, edge = get(index).contents, built.graph.edges[name]
            fmt = edge.format
            assert tensor.name.decode() == name
            assert (tensor.width, tensor.integer, tensor.fraction, bool(tensor.is_signed)) == (
                *(fmt.width, fmt.integer, fmt.fraction, fmt.signed),
            )
            assert (tensor.min, tensor.max) == (fmt.min_int, fmt.max_int)
            assert tuple(tensor.shape[: tensor.rank]) == edge.shape
            assert tensor.values == np.prod(edge.shape)


def test_values_are_integers_on_their_grids(built: Built) -> None:
    code, x = loaded(built), built.who.prefix
    (start,), (end,) = built.graph.inputs.values(), built.graph.outputs
    values = built.x[:20] * 2.0**-start.fraction
    found = np.zeros((20, built.expected.shape[1]))
    assert getattr(code, f"{x}_evaluate_values")(values, 20, found) == 0
    assert np.array_equal(found * 2.0 ** built.graph.edges[end].fraction, built.expected[:20])


def test_what_the_input_does_not_hold_is_refused(built: Built) -> None:
    code, x = loaded(built), built.who.prefix
    ((name, start),) = built.graph.inputs.items()
    message, unit = getattr(code, f"{x}_message"), 2.0**-start.fraction
    inputs = built.x[:3].reshape(3, -1).astype(np.int64)
    outputs = np.full((3, built.expected.shape[1]), -7)
    for wrong in (start.format.max_int + 1, start.format.min_int - 1, 2**62, -(2**62)):
        bad = inputs.copy()
        bad[2, 4] = wrong
        assert getattr(code, f"{x}_evaluate")(bad, 3, outputs) == 1
        ends = f"{start.format.min_int} to {start.format.max_int}"
        assert message().decode() == f"event 2, {name}[4]: {wrong} is outside {ends}"
    values, found = inputs * unit, np.full(outputs.shape, -7.0)
    for off, expected in (
        *((unit / 2, 2), (np.nan, 2), (1e-300, 2)),
        *((np.inf, 1), (-np.inf, 1), (unit * (start.format.max_int + 1), 1), (1e300, 1)),
    ):
        bad_values = values.copy()
        bad_values[1, 0] = off
        assert getattr(code, f"{x}_evaluate_values")(bad_values, 3, found) == expected, off
        assert message().decode().startswith(f"event 1, {name}[0]: ")
    call = getattr(ctypes.CDLL(str(built.library)), f"{x}_evaluate")
    assert call(None, ctypes.c_size_t(1), outputs.ctypes.data_as(ctypes.c_void_p)) == 3
    assert message().decode() == "inputs is a null pointer"
    assert call(None, ctypes.c_size_t(0), None) == 0
    assert (outputs == -7).all() and (found == -7).all()
    assert getattr(code, f"{x}_evaluate")(inputs, 3, outputs) == 0
    assert np.array_equal(outputs, built.expected[:3])


def lines(*command: str) -> list[list[str]]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def test_only_the_interface_is_visible(built: Built) -> None:
    visible = [line[-1] for line in lines("nm", "-D", "--defined-only", str(built.library))]
    assert visible and all(name.startswith(f"{built.who.prefix}_") for name in visible)


def test_every_line_buffer_belongs_to_a_thread(streamed: Built) -> None:
    # columns of a symbol: number, value, size, type, binding, visibility, section, name
    symbols = [line for line in lines("readelf", "-sW", str(streamed.library)) if len(line) > 7]
    # what begins like this is a static variable of one of hls4ml's or our functions
    statics = [line for line in symbols if line[7].startswith(("_ZZN4nnet", "_ZGVZN4nnet"))]
    names = {line[7] for line in statics if line[3] == "TLS"}
    assert any("line_buffer" in name for name in names) and any("pX" in name for name in names)
    constant = lines("nm", str(streamed.library))
    read_only = {line[2] for line in constant if len(line) == 3 and line[1] in "rR"}
    assert {line[7] for line in statics if line[3] == "OBJECT"} <= read_only


EMULATOR = [sys.executable, "-m", "trigforge.hls.cli", "emulator", "mask_sum", "--preset", "smoke"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recipe, where the command was interrupted once and then run."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "firmware_projects").mkdir()
    shutil.copy(ROOT / "firmware_projects" / "mask_sum.yaml", folder / "firmware_projects")
    with subprocess.Popen(EMULATOR, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.strip() == "[emulator]":
                time.sleep(0.3)
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130 and "Traceback" not in rest, rest
    root = folder / "build/mask_sum/smoke"
    assert not (root / "emulator").exists() and not (root / "emulator.partial").exists()
    done = subprocess.run(EMULATOR, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "23 vectors, 0 differ from the integer emulator" in done.stdout
    return folder


def test_the_command_resumes_and_does_nothing_twice(clone: Path) -> None:
    done = subprocess.run(EMULATOR, cwd=clone, capture_output=True, text=True, check=True)
    assert "[" not in done.stderr
    assert "build/mask_sum/smoke/emulator/libmask_sum_emulator.so" in done.stdout


def test_it_is_rebuilt_without_trigforge_and_counts_pixels(clone: Path, tmp_path: Path) -> None:
    source = clone / "build/mask_sum/smoke/emulator"
    recipe = json.loads((source / "manifest.json").read_text())["config"][0]["recipe_sha256"]
    assert recipe in (source / "README.txt").read_text()
    assert "Apache License" in (source / "LICENSE").read_text()
    assert "Xilinx" in (source / "firmware/ap_types/ap_fixed.h").read_text()
    folder = tmp_path / "elsewhere"
    shutil.copytree(source, folder)
    (folder / "libmask_sum_emulator.so").unlink()
    environment = {"PATH": os.environ["PATH"]}
    subprocess.run(["make"], cwd=folder, env=environment, capture_output=True, check=True)
    command = ["cc", *STRICT, "example.c", "-L.", "-lmask_sum_emulator", HERE, "-o", "example"]
    subprocess.run(command, cwd=folder, check=True)
    mask = np.random.default_rng(1).random(72 * 58) < 0.3
    done = subprocess.run(
        [folder / "example"], input=words(mask.astype(int)), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"{mask.sum()}\n")
    refused = subprocess.run(
        [folder / "example"], input=words(mask * 2), capture_output=True, text=True
    )
    first = int(np.flatnonzero(mask)[0])
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"event 0, masks[{first}]: 2 is outside 0 to 1\n"
