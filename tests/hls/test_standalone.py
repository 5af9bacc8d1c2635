"""The texts of a standalone emulator: what is generated, and what is changed in the copies."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigforge.hls.backends.standalone import (
    Argument,
    Identity,
    flags,
    per_thread,
    tensors,
    texts,
)
from trigforge.hls.backends.standalone_weights import (
    Weights,
    on_coarsest_grid,
    read_weights,
    weight_header,
)
from trigforge.hls.formats import Format
from trigforge.hls.graph import Edge, Graph
from trigforge.hls.ops import Split
from trigforge.train.errors import ToolError, UnsupportedError

WHO = Identity(model="jets-16 (b)", version="0.1.0", recipe_sha256="0123abcd")


@pytest.fixture
def graph() -> Graph:
    """Two inputs and two outputs of different grids and ranks."""
    inputs = {
        "image": Edge.full((2, 3, 4), Format(8, 3, True)),
        "vector": Edge.full((6,), Format(4, 6, False)),
    }
    nodes = [
        Split(name="a", inputs=("image",), output="left", start=0, stop=1),
        Split(name="b", inputs=("vector",), output="right", start=2, stop=4),
    ]
    return Graph.build("g", inputs, nodes, ["left", "right"])


def written(graph: Graph) -> dict[str, str]:
    inputs, outputs = tensors(graph, graph.inputs), tensors(graph, graph.outputs)
    arguments = [
        Argument("input_t", "in0", inputs[0], True),
        Argument("vector_t", "in1", inputs[1], True),
        Argument("left_t", "out2", outputs[0], False),
        Argument("right_t", "out3", outputs[1], False),
    ]
    weights = [Weights("w2", "weight_t", np.array([1, -3]), 4)]
    return texts(WHO, "top", inputs, outputs, weights, arguments, stream=True)


def test_names_become_c_identifiers() -> None:
    assert (WHO.prefix, WHO.library) == ("jets_16__b_", "libjets_16__b__emulator.so")
    assert Identity(model="8bit", version="", recipe_sha256="").prefix == "model_8bit"
    assert Identity(model="größe", version="", recipe_sha256="").prefix == "gr__e"


def test_the_interface_states_formats_shapes_and_where_tensors_lie(graph: Graph) -> None:
    files = written(graph)
    header, code = files["jets_16__b__emulator.h"], files["emulator.cpp"]
    assert "#define JETS_16__B__IN 30\n#define JETS_16__B__OUT 8\n" in header
    assert '{"image", 8, 3, 5, 1, -128, 127, 3, {2, 3, 4}, 24},' in code
    assert '{"vector", 4, 6, -2, 0, 0, 15, 1, {6}, 6},' in code
    assert "convert_data<double, vector_t, 6>(x + 24, in1);" in code
    assert "convert_data<right_t, double, 2>(out3, y + 6);" in code
    assert "load(w2, w2_integers, 4)," in code
    assert "top(in0, in1, out2, out3);" in code
    assert '{ return "jets-16 (b)"; }' in code and '{ return "0123abcd"; }' in code
    assert "vector: ufixed<4,6>, shape (6,), integers 0 to 15" in files["README.txt"]


def test_the_makefile_compiles_as_trigforge_does(graph: Graph) -> None:
    files = written(graph)
    line = f"\t$(CXX) {' '.join(flags(WHO))} emulator.cpp -o $@\n"
    assert line in files["Makefile"]
    assert files["exports.map"] == "{ global: jets_16__b__*; local: *; };\n"


def test_header_and_example_are_plain_c_and_cpp(graph: Graph, tmp_path: Path) -> None:
    for name, text in written(graph).items():
        (tmp_path / name).write_text(text)
    strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]
    subprocess.run(["g++", "-xc", "-std=c99", *strict, "example.c"], cwd=tmp_path, check=True)
    header = ["-xc++", "-std=c++11", *strict, "jets_16__b__emulator.h"]
    subprocess.run(["g++", *header, "-Wno-pragmas"], cwd=tmp_path, check=True)
    example = (tmp_path / "example.c").read_text()
    assert example.partition("int main")[2].count("\n") <= 10


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    static int pX = 0; // pixel", "    static thread_local int pX = 0; // pixel"),
        ("static T data[CONFIG_T::n];", "static thread_local T data[CONFIG_T::n];"),
        (
            "static ap_shift_reg<typename T::v, C::w> line[MAX(C::h, 1)]\n    [C::n];",
            "static thread_local ap_shift_reg<typename T::v, C::w> line[MAX(C::h, 1)]\n    [C::n];",
        ),
        ("static const unsigned n = 3;", None),
        ("const static int shift = C::w - 1;", None),
        ("static constexpr bool deep = true;", None),
        ("static void dense(data_T data[C::n], res_T res[C::m]) {", None),
        ("static void\n    dense(data_T data[C::n]) {", None),
        ("static auto product(x_T a, w_T w) -> decltype(-a) { return a; }", None),
        ("template <class T> static void apply(const T &x) { int a = 1; }", None),
    ],
)
def test_static_variables_belong_to_a_thread(before: str, after: str | None) -> None:
    assert per_thread(before) == (before if after is None else after)


@given(st.lists(st.integers(-(2**30), 2**30), min_size=1), st.integers(0, 40))
def test_weights_lie_on_their_coarsest_grid(integers: list[int], fraction: int) -> None:
    values = np.ldexp(np.array(integers, np.float64), -fraction)
    found, coarsest = on_coarsest_grid(values)
    assert coarsest <= fraction
    assert np.array_equal(np.ldexp(found.astype(np.float64), -coarsest), values)
    assert coarsest == 0 or (found % 2).any()


def test_weights_are_written_in_the_narrowest_integers() -> None:
    integers = np.arange(-128, 0)
    text = weight_header(Weights("w2", "weight_t", integers, 4))
    assert "static weight_t w2[128];" in text
    assert "static const int8_t w2_integers[128] = {" in text
    listed = text.partition("{")[2].partition("}")[0]
    assert [int(word) for word in listed.split(",")] == integers.tolist()
    assert "const int16_t w_" in weight_header(Weights("w", "t", np.array([128]), 0))
    assert "const int64_t w_" in weight_header(Weights("w", "t", np.array([-(2**31) - 1]), 0))


def firmware(folder: Path, load: str, declared: str = "weight_t w2[3];") -> Path:
    (folder / "weights").mkdir()
    (folder / "top.cpp").write_text(f"{load}\n")
    (folder / "weights" / "w2.h").write_text(f"#ifndef X\n{declared}\n#endif\n")
    (folder / "weights" / "w2.txt").write_text("0.50, -1.25, 3\n")
    return folder


def test_weights_are_read_as_hls4ml_reads_them(tmp_path: Path) -> None:
    load = 'nnet::load_weights_from_txt<weight_t, 3>(w2, "w2.txt");'
    (found,) = read_weights(firmware(tmp_path, load), "top")
    assert (found.name, found.type, found.fraction) == ("w2", "weight_t", 2)
    assert found.integers.tolist() == [2, -5, 12]


@pytest.mark.parametrize(
    ("load", "declared", "words"),
    [
        ('nnet::load_exponent_weights_from_txt<weight_t, 3>(w2, "w2.txt");', "weight_t w2[3];",
         r"top\.cpp: loads weights in a form"),
        ("nnet::load_weights_from_somewhere(w2);", "weight_t w2[3];", r"top\.cpp: loads weights"),
        ('nnet::load_weights_from_txt<weight_t, 3>(w2, "w2.txt");', "weight_t w2[4];",
         r"w2\.h: does not declare the 3 values of w2\.txt"),
    ],
)  # fmt: skip
def test_other_projects_are_refused(tmp_path: Path, load: str, declared: str, words: str) -> None:
    with pytest.raises(ToolError, match=words):
        read_weights(firmware(tmp_path, load, declared), "top")


def test_what_a_double_cannot_carry_is_refused() -> None:
    inputs = {"x": Edge.full((2,), Format(54, 4, True))}
    split = Split(name="s", inputs=("x",), output="y", start=0, stop=1)
    wide = Graph.build("g", inputs, [split], ["y"])
    with pytest.raises(UnsupportedError, match=r"g: x is fixed<54,4>, .* carries 53 bits"):
        tensors(wide, wide.inputs)
