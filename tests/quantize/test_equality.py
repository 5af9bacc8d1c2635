from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from networks import CONFIG, HEIGHT, NETWORK, WIDTH, float_encoder, masks, tensor
from onnx import numpy_helper

from trigforge.quantize.equality import run_brevitas, run_qonnx, sum_bounds
from trigforge.quantize.export import export_qonnx
from trigforge.quantize.quantisers import scale_exponent, set_exponent
from trigforge.quantize.twin import build_twin
from trigforge.train.codae import MaskEncoder
from trigforge.train.errors import InputError, UnsupportedError

Masks = npt.NDArray[np.uint8]


def extremes(height: int, width: int) -> Masks:
    """All zero, all one, single pixels (corners and centre) and both checkerboards."""
    images = np.zeros((9, height, width), np.uint8)
    images[1] = 1
    for index, (row, column) in enumerate(
        [(0, 0), (0, -1), (-1, 0), (-1, -1), (height // 2, width // 2)], start=2
    ):
        images[index, row, column] = 1
    images[7] = np.indices((height, width)).sum(0) % 2
    images[8] = 1 - images[7]
    return images


def random_masks(count: int, height: int, width: int) -> Masks:
    rng = np.random.default_rng(8)
    return (rng.random((count, height, width)) < rng.random((count, 1, 1))).astype(np.uint8)


def exported(tmp_path: Path, twin: MaskEncoder, height: int, width: int) -> Path:
    path = tmp_path / "model.onnx"
    export_qonnx(twin, path, height, width)
    return path


@pytest.fixture(scope="module")
def twin() -> MaskEncoder:
    return build_twin(float_encoder(), NETWORK, CONFIG, tensor(masks(64, 1)))


@pytest.mark.parametrize("network", [NETWORK, replace(NETWORK, height=23, width=31)])
def test_brevitas_and_qonnx_agree_on_every_event(tmp_path: Path, network: object) -> None:
    assert isinstance(network, type(NETWORK))
    encoder = float_encoder(network=network)
    height, width = network.height, network.width
    images = np.concatenate([random_masks(150, height, width), extremes(height, width)])
    twin = build_twin(encoder, network, CONFIG, tensor(images[:64]))
    path = exported(tmp_path, twin, height, width)
    torch_side, onnx_side = run_brevitas(twin, images, 40), run_qonnx(path, images, 64)
    assert torch_side.dtype == onnx_side.dtype == np.float64
    assert torch_side.shape == (159, 2)
    assert np.count_nonzero(torch_side != onnx_side) == 0
    assert len(np.unique(torch_side[:, 0])) > 140


def test_the_comparison_sees_one_changed_weight(tmp_path: Path, twin: MaskEncoder) -> None:
    path = exported(tmp_path, twin, HEIGHT, WIDTH)
    proto = onnx.load(str(path))
    step = 2.0 ** scale_exponent(twin.blocks[2].conv.weight_quant)
    for tensor_proto in proto.graph.initializer:
        if tensor_proto.name == "blocks.2.conv.weight":
            values = numpy_helper.to_array(tensor_proto).copy()
            smallest = np.unravel_index(np.abs(values).argmin(), values.shape)
            values[smallest] += step
            tensor_proto.CopyFrom(numpy_helper.from_array(values, tensor_proto.name))
    onnx.save(proto, str(path))
    images = random_masks(60, HEIGHT, WIDTH)
    assert np.count_nonzero(run_brevitas(twin, images) != run_qonnx(path, images)) > 0


def test_the_result_does_not_depend_on_the_batch(tmp_path: Path, twin: MaskEncoder) -> None:
    path = exported(tmp_path, twin, HEIGHT, WIDTH)
    images = random_masks(11, HEIGHT, WIDTH)
    assert np.array_equal(run_qonnx(path, images, 4), run_qonnx(path, images, 11))
    assert np.array_equal(run_brevitas(twin, images, 4), run_brevitas(twin, images, 11))


def test_latents_are_integers_on_the_accumulator_grid(twin: MaskEncoder) -> None:
    last = twin.blocks[-1].activation.quantizer.act_quant
    grid = scale_exponent(last) + scale_exponent(twin.dense.weight_quant)
    grid = min(grid, scale_exponent(twin.dense.bias_quant))
    steps = run_brevitas(twin, random_masks(40, HEIGHT, WIDTH)) / 2.0**grid
    assert np.array_equal(steps, np.round(steps))


def test_bounds_hold_and_are_reached_by_the_first_layer(twin: MaskEncoder) -> None:
    """A 3 x 3 pattern that lights the positive weights of one filter, all others dark."""
    bounds = sum_bounds(twin)
    conv = twin.blocks[0].conv
    weight = conv.quant_weight().value.detach()
    bias = conv.quant_bias().value.detach()
    step = min(float(conv.quant_weight().scale), float(conv.quant_bias().scale))
    sums = weight.clamp(min=0).sum((1, 2, 3)) + bias, weight.clamp(max=0).sum((1, 2, 3)) + bias
    reached = float(torch.stack(sums).abs().max()) / step
    assert 0.4 * bounds[0] < reached <= bounds[0]
    features = tensor(random_masks(60, HEIGHT, WIDTH))
    grid = 1.0
    twin.eval()
    with torch.no_grad():
        for index, (block, pool) in enumerate(zip(twin.blocks, twin.pools, strict=True)):
            layer = block.conv
            step = min(grid * float(layer.quant_weight().scale), float(layer.quant_bias().scale))
            assert float(layer(features).abs().max()) / step <= bounds[index]
            grid = float(block.activation.quantizer.act_quant.scale())
            features = pool(block(features))


def test_sums_beyond_float32_are_refused() -> None:
    config = replace(CONFIG, weight_bits=(16,) * 5, activation_bits=(16,) * 4, bias_bits=16)
    wide = build_twin(float_encoder(), NETWORK, config, tensor(masks(64, 1)))
    with pytest.raises(UnsupportedError, match=r"convolution 1: sums reach .* take fewer weight"):
        run_brevitas(wide, random_masks(2, HEIGHT, WIDTH))


def test_dense_sums_beyond_float32_are_exact(tmp_path: Path) -> None:
    """A fine bias puts the last sums far above 2^24 steps; integers show the true value."""
    twin = build_twin(float_encoder(), NETWORK, CONFIG, tensor(masks(64, 1)))
    set_exponent(twin.dense.bias_quant, 12, -30)
    with torch.no_grad():
        twin.dense.bias.copy_(torch.tensor([3 * 2.0**-30, -5 * 2.0**-30]))
    assert sum_bounds(twin)[-1] > 2**24
    images = random_masks(40, HEIGHT, WIDTH)
    found = run_brevitas(twin, images)
    assert np.array_equal(found, run_qonnx(exported(tmp_path, twin, HEIGHT, WIDTH), images))
    steps = found * 2.0**30
    assert set(np.unique(steps[:, 0] % 16)) == {3}
    assert set(np.unique(steps[:, 1] % 16)) == {11}


def test_files_that_are_no_model_are_one_sentence(tmp_path: Path, twin: MaskEncoder) -> None:
    images = random_masks(2, HEIGHT, WIDTH)
    with pytest.raises(InputError, match="no such file; run the export stage"):
        run_qonnx(tmp_path / "none.onnx", images)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\xff not a model")
    with pytest.raises(InputError, match="not readable as ONNX"):
        run_qonnx(broken, images)
    path = exported(tmp_path, twin, HEIGHT, WIDTH)
    with pytest.raises(InputError, match=r"expects images \[24, 18\], got \[72, 58\]"):
        run_qonnx(path, random_masks(2, 72, 58))
