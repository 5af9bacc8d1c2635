from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from networks import CONFIG, HEIGHT, NETWORK, WIDTH, float_encoder, masks, tensor
from onnx import numpy_helper
from torch import nn

from trigforge.quantize.export import export_qonnx
from trigforge.quantize.twin import build_twin
from trigforge.train.errors import StorageError


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> onnx.ModelProto:
    twin = build_twin(float_encoder(), NETWORK, CONFIG, tensor(masks(64, 1)))
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    twin.train()
    export_qonnx(twin, path, HEIGHT, WIDTH)
    assert twin.training
    assert [p.name for p in path.parent.iterdir()] == ["model.onnx"]
    return onnx.load(str(path))


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def constants(model: onnx.ModelProto) -> dict[str, Any]:
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def test_nodes_are_those_of_the_network(exported: onnx.ModelProto) -> None:
    block = ["Quant", "Quant", "Conv", "LeakyRelu", "Quant", "Pad", "MaxPool"]
    dense = ["Transpose", "Flatten", "Quant", "Quant", "Gemm"]
    assert [node.op_type for node in exported.graph.node] == ["Quant", *(4 * block), *dense]
    versions = {o.domain: o.version for o in exported.opset_import}
    assert versions[""] == 17
    onnx.checker.check_model(exported)


def test_inputs_outputs_and_shapes(exported: onnx.ModelProto) -> None:
    def shapes(values: Any) -> dict[str, list[int]]:
        return {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}

    assert shapes(exported.graph.input) == {"masks": [1, 1, HEIGHT, WIDTH]}
    assert shapes(exported.graph.output) == {"latents": [1, 2]}
    known = shapes(exported.graph.value_info) | shapes(exported.graph.output)
    for node in exported.graph.node:
        assert all(known[name] and 0 not in known[name] for name in node.output), node.name


def test_quantisers_say_what_the_recipe_says(exported: onnx.ModelProto) -> None:
    known = constants(exported)
    found = []
    for node in exported.graph.node:
        if node.op_type == "Quant":
            scale, zero, bits = (float(known[name]) for name in node.input[1:])
            assert zero == 0
            assert np.log2(scale).is_integer()
            a = attributes(node)
            found.append((int(bits), a["signed"], a["narrow"], a["rounding_mode"].decode()))
    weight, bias, activation = (6, 1, 1, "ROUND"), (12, 1, 0, "ROUND"), (8, 1, 0, "FLOOR")
    assert found == [
        (1, 0, 0, "ROUND"),
        *(4 * [weight, bias, activation]),
        (8, 1, 1, "ROUND"),
        bias,
    ]


def test_pools_are_padded_with_minus_infinity_by_constants(exported: onnx.ModelProto) -> None:
    known = constants(exported)
    pads = []
    for node in exported.graph.node:
        if node.op_type == "Pad":
            pads.append(known[node.input[1]].tolist())
            assert known[node.input[2]] == -np.inf
        if node.op_type == "MaxPool":
            a = attributes(node)
            assert (a["kernel_shape"], a["strides"], a["pads"]) == ([3, 3], [2, 2], [0] * 4)
    # 24 x 18, 12 x 9, 6 x 5, 3 x 3: zeros before for even sizes.
    assert pads == [
        [0, 0, 0, 0, 0, 0, 1, 1],
        [0, 0, 0, 1, 0, 0, 1, 1],
        [0, 0, 0, 1, 0, 0, 1, 1],
        [0, 0, 1, 1, 0, 0, 1, 1],
    ]


def test_features_are_transposed_to_channels_last(exported: onnx.ModelProto) -> None:
    (transpose,) = [n for n in exported.graph.node if n.op_type == "Transpose"]
    assert attributes(transpose)["perm"] == [0, 2, 3, 1]


def test_an_unwritable_path_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    twin = build_twin(float_encoder(), NETWORK, CONFIG, tensor(masks(8, 1)))
    with pytest.raises(StorageError, match="cannot be written"):
        export_qonnx(twin, tmp_path / "file" / "sub" / "model.onnx", HEIGHT, WIDTH)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        twin = build_twin(float_encoder(), NETWORK, CONFIG, tensor(masks(64, 1)))
        export_qonnx(twin, tmp_path / name, HEIGHT, WIDTH)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_a_failing_export_leaves_nothing(tmp_path: Path) -> None:
    class Failing(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        export_qonnx(Failing(), tmp_path / "model.onnx", HEIGHT, WIDTH)
    assert list(tmp_path.iterdir()) == []
