"""The whole CoDAE, quantised: calibration, straight-through gradients, a training that helps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import DATASET, NETWORK, masks, tensor
from torch import Tensor
from torch.nn import functional

from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.full import build_codae_twin, codae_from_state, empty_codae
from trigforge.quantize.full_qat import quantize_codae
from trigforge.quantize.lookup import QuantFunction, table
from trigforge.quantize.norms import QuantInstanceNorm, QuantSphere
from trigforge.quantize.quantisers import quantizers, scale_exponent, set_exponent
from trigforge.quantize.reciprocal_root import RELATIVE_ERROR
from trigforge.train.codae import CoDAE, build_codae
from trigforge.train.layers import NORM_EPSILON

FULL = replace(
    NETWORK,
    export="full",
    filters=(4, 4),
    groups=(1, 2),
    normalization="instance",
    residual_filters=(4, 8),
    residual_groups=2,
    bottleneck=4,
)
CONFIG = QuantizeConfig(
    weight_bits=(4, 4, 6),
    activation_bits=(5, 5),
    full_weight_bits=4,
    full_activation_bits=5,
    grid_bits=6,
    epochs=3,
    batch_size=16,
    learning_rate=2e-2,
)


@pytest.fixture(scope="module")
def model() -> CoDAE:
    return build_codae(FULL, seed=3).eval()


def test_training_the_twin_lowers_the_loss(tmp_path: Path, model: CoDAE) -> None:
    found = quantize_codae(FULL, CONFIG, model, DATASET, tmp_path, progress=False)
    losses = [epoch["loss"] for epoch in found.history]
    assert len(losses) == CONFIG.epochs
    assert losses == sorted(losses, reverse=True)
    assert found.metrics["bce"] < 0.8 * found.metrics["calibrated_bce"]
    twin = codae_from_state(FULL, CONFIG, found.state)
    for holder, kind, _ in quantizers(twin):
        scale_exponent(getattr(holder, f"{kind}_quant"))


def test_more_bits_follow_the_float_network_closer(model: CoDAE) -> None:
    x = tensor(masks(48, 5))
    errors = []
    for bits in (6, 12):
        config = QuantizeConfig(
            weight_bits=(bits,) * 3,
            activation_bits=(bits,) * 2,
            full_weight_bits=bits,
            full_activation_bits=bits,
            grid_bits=bits,
            norm_bits=12,
            bias_bits=14,
        )
        twin = build_codae_twin(model, FULL, config, x).eval()
        with torch.no_grad():
            expected, found = model(x)[0], twin(x)[0]
        errors.append(float((found - expected).std() / expected.std()))
    assert errors[1] < 0.25 * errors[0] < 0.25


def test_the_mask_encoder_has_the_widths_of_the_encoder() -> None:
    config = replace(CONFIG, weight_bits=(2, 3, 7), activation_bits=(9, 10))
    twin = empty_codae(FULL, config)
    encoder = twin.mask_encoder
    found = [int(block.conv.weight_quant.bit_width()) for block in encoder.blocks]
    assert [*found, int(encoder.dense.weight_quant.bit_width())] == [2, 3, 7]
    assert [block.activation.bits for block in encoder.blocks] == [9, 10]
    others = [
        int(module.weight_quant.bit_width())
        for part in (twin.residual_encoder, twin.decoder)
        for name, module in part.named_modules()
        if hasattr(module, "weight_quant") and not name.endswith("affine")
    ]
    assert len(others) == 7 + 9 and set(others) == {4}


def instance_norm(bits: int, step: int, fraction: int) -> QuantInstanceNorm:
    norm = QuantInstanceNorm(3, bits, 12)
    norm.input.set_exponent(step)
    norm.set_fraction(fraction)
    set_exponent(norm.affine.weight_quant, bits, 2 - bits)
    set_exponent(norm.affine.bias_quant, 12, -10)
    return norm.train()


def float_norm(x: Tensor) -> Tensor:
    return functional.group_norm(x, x.shape[1], eps=NORM_EPSILON)


def test_instance_norm_and_its_gradient_follow_the_float_one() -> None:
    generator = torch.Generator().manual_seed(2)
    images = 2 * torch.randn(4, 3, 7, 10, generator=generator) + 0.7
    weights = torch.randn(images.shape, generator=generator)
    norm = instance_norm(14, -9, 11)
    x, y = images.clone().requires_grad_(), images.clone().requires_grad_()
    found, expected = norm(x), float_norm(y)
    tolerance = RELATIVE_ERROR * float(expected.detach().abs().max()) + 2.0**-8
    assert float((found - expected).detach().abs().max()) < tolerance
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    assert x.grad is not None and y.grad is not None
    assert float((x.grad - y.grad).abs().max()) < 0.01 * float(y.grad.abs().max())


def test_saturated_pixels_get_no_gradient() -> None:
    images = torch.linspace(-1.9, 1.7, 70).reshape(1, 1, 7, 10).expand(1, 3, 7, 10)
    x = images.clone().requires_grad_()
    y = (torch.floor(images * 4) / 4).requires_grad_()  # where the input quantiser puts them
    found = instance_norm(4, -2, 3)(x)
    assert (float(found.min().detach()), float(found.max().detach())) == (-1, 7 / 8)
    found.sum().backward()
    float_norm(y).clamp(-1, 1).sum().backward()
    assert x.grad is not None and y.grad is not None
    # without saturation the sum over pixels would be constant and the gradient zero
    assert float(x.grad.abs().max()) > 0.1
    torch.testing.assert_close(x.grad, y.grad)


def test_the_sphere_keeps_directions_and_their_gradient() -> None:
    sphere = QuantSphere(12)
    sphere.input.set_exponent(-9)
    vectors = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    x, y = vectors.clone().requires_grad_(), vectors.clone().requires_grad_()
    found, expected = sphere.train()(x), functional.normalize(y)
    assert float((found - expected).detach().abs().max()) < 0.02
    (found[:, 0] * found[:, 1]).sum().backward()
    (expected[:, 0] * expected[:, 1]).sum().backward()
    assert x.grad is not None and y.grad is not None
    assert float((x.grad - y.grad).abs().max()) < 0.1 * float(y.grad.abs().max())


@pytest.mark.parametrize(("name", "fraction"), [("sigmoid", 8), ("tanh", 7), ("softplus", 4)])
def test_tables_are_nearest_and_have_the_gradient_of_their_function(
    name: str, fraction: int
) -> None:
    entries, exponent = table(name, 8, -3, 8)
    assert exponent == -fraction
    smooth = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "softplus": functional.softplus}[name]
    grid = torch.arange(-128, 128) / 8
    inside = np.abs(entries.numpy() - smooth(grid.double()).numpy() * 2.0**fraction)
    assert inside.max() <= (0.5 if name == "softplus" else 1.0)
    function = QuantFunction(name, 8, 8)
    function.input.set_exponent(-3)
    x = grid[64:192].clone().requires_grad_()
    y = grid[64:192].clone().requires_grad_()
    found = function.train()(x)
    assert torch.equal(found.detach() * 2.0**fraction, entries[64:192].float())
    found.sum().backward()
    smooth(y).sum().backward()
    assert x.grad is not None and y.grad is not None
    torch.testing.assert_close(x.grad, y.grad)
