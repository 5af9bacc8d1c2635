"""Generated code that dies takes only its own process with it, and the user reads one sentence."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from trigforge.hls.backends.csim import run_csim
from trigforge.hls.backends.hls4ml_project import Project
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Quantise
from trigforge.train.errors import ToolError

FORMAT = Format(4, 4, True)


def compiled(folder: Path, body: str) -> Path:
    """A library with the function that the simulation calls."""
    source, library = folder / "bridge.cpp", folder / "bridge.so"
    function = f'extern "C" void model_double(double *x, double *y) {{ {body} }}'
    source.write_text(f"#include <cassert>\n#include <cstdlib>\n{function}\n")
    subprocess.run(["g++", "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    return library


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("assert(x[0] == 2);", r"ended with SIGABRT: .*Assertion .x\[0\] == 2. failed"),
        ("*(volatile int *)8 = 1;", "ended with SIGSEGV: no message; the generated C"),
        ("exit(3);", "ended with status 3"),
    ],
    ids=["assert", "overrun", "exit"],
)
def test_a_crash_is_one_sentence(tmp_path: Path, body: str, words: str) -> None:
    node = Quantise(name="q", inputs=("x",), output="y", format=FORMAT)
    graph = Graph.build("g", {"x": Edge.full((1,), FORMAT)}, [node], ["y"])
    project = Project(tmp_path, "model", {})
    with pytest.raises(ToolError, match=words):
        run_csim(project, compiled(tmp_path, body), graph, np.ones((3, 1), np.int64))
    # the caller lives on, and code that behaves still runs
    copy = compiled(tmp_path, "y[0] = x[0];")
    assert (run_csim(project, copy, graph, np.ones((3, 1), np.int64))["y"] == 1).all()
