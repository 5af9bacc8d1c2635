from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_files import tiny
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from trigforge.hls.emulator import Emulator
from trigforge.hls.formats import Format
from trigforge.hls.ops import Conv, LeakyRelu, MaxPool
from trigforge.hls.passes import lower
from trigforge.hls.read_qonnx import read_qonnx
from trigforge.hls.vectors import extreme_masks, random_masks
from trigforge.train.errors import InputError, UnsupportedError


def test_the_file_and_the_exact_graph_give_the_same_integers(tmp_path: Path) -> None:
    path = tiny(tmp_path / "tiny.onnx")
    source = read_qonnx(path)
    graph = lower(source.graph)
    masks = np.concatenate([extreme_masks(6, 5), random_masks(np.random.default_rng(0), 30, 6, 5)])
    model = ModelWrapper(onnx.load(str(path))).transform(InferShapes())
    got = Emulator(graph).run(masks[..., None].astype(np.int64))["dense"]
    scale = 2.0 ** graph.edges["dense"].fraction
    for mask, integers in zip(masks, got, strict=True):
        expected = execute_onnx(model, {"x": mask[None, None].astype(np.float32)})["z"]
        assert np.array_equal(expected[0] * scale, integers)


def test_formats_pads_slopes_and_names_are_read(tmp_path: Path) -> None:
    source = read_qonnx(tiny(tmp_path / "tiny.onnx", slope=0.1875))
    graph = source.graph
    conv, leaky, _, pool, _, _ = graph.nodes
    names = [node.name for node in graph.nodes]
    assert names == ["conv1", "leaky1", "quant1", "pool1", "flatten", "dense"]
    assert isinstance(conv, Conv) and conv.pads == (1, 1, 1, 1)
    assert (conv.weight_fraction, conv.bias_fraction) == (3, 5)
    assert isinstance(leaky, LeakyRelu) and (leaky.slope, leaky.slope_fraction) == (3, 4)
    assert graph.edges["quant1"].format == Format(5, 3, True)
    assert isinstance(pool, MaxPool) and pool.pads == (0, 1, 1, 1)
    assert graph.inputs["x"].format == Format(1, 1, False)
    assert source.tensors["pool1"].name == "m" and source.tensors["pool1"].order == "BCHW"
    assert source.tensors["dense"].order == "BC"


@pytest.mark.parametrize(
    ("defect", "sentence"),
    [
        ({"scale": 0.3}, r"node q: has the scale 0\.3, which is not a power of two"),
        ({"zero": 1.0}, r"node q: has the zero point 1\.0; use a symmetric"),
        ({"bits": 4.5}, r"node q: has the bit width 4\.5; use one whole number"),
        ({"mode": "CEIL"}, r"node q: rounds with CEIL; known are FLOOR and ROUND"),
        ({"slope": 0.2}, r"node l: has the slope 0\.2, which is not a multiple .* such as 0\.25"),
        ({"fill": 1.0}, r"node p: pads with another value than minus infinity or zero"),
        ({"fill": 0.0}, r"node m: reads an image framed with zeros; only Conv may"),
        ({"quantise_weights": False}, r"node c: w is floating point; quantise it"),
        ({"perm": (0, 3, 1, 2)}, r"node t: brings the axes into the order BWCH"),
        ({"last": "Softmax"}, r"node last: operation Softmax has no exact form; use the logits"),
        ({"shape": (1, 1, 0, 5)}, r"input x has the shape \(1, 1, 0, 5\), expected .*fixed sizes"),
    ],
)
def test_what_cannot_be_exact_is_refused_by_node(
    tmp_path: Path, defect: dict[str, Any], sentence: str
) -> None:
    path = tiny(tmp_path / "tiny.onnx", **defect)
    with pytest.raises(UnsupportedError, match=rf"tiny\.onnx: {sentence}"):
        read_qonnx(path)


def test_a_missing_or_foreign_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_qonnx(tmp_path / "none.onnx")
    path = tmp_path / "text.onnx"
    path.write_text("not a network")
    with pytest.raises(InputError, match="not a readable ONNX file"):
        read_qonnx(path)
