from dataclasses import replace

import pytest
import torch
from networks import CONFIG, NETWORK, float_encoder, masks, tensor

from trigforge.quantize.quantisers import holding_exponent, quantizers, scale_exponent
from trigforge.quantize.twin import build_twin, layers_in_order, merge_norm
from trigforge.train.codae import MaskEncoder
from trigforge.train.layers import FloatLayers


def test_merging_keeps_the_function() -> None:
    """In float64, so that only a wrong formula could make a difference."""
    encoder = float_encoder().double()
    merged = float_encoder(seed=2).double()
    for block in merged.blocks:
        block.norm = torch.nn.Identity()
    merged.load_state_dict(merge_norm(encoder))
    x = tensor(masks(16, 5)).double()
    with torch.no_grad():
        torch.testing.assert_close(merged(x), encoder(x), rtol=1e-12, atol=1e-12)


def test_instance_norm_is_refused() -> None:
    network = replace(NETWORK, normalization="instance")
    with pytest.raises(ValueError, match="block 0 has InstanceNorm, expected BatchNorm2d"):
        merge_norm(MaskEncoder(network, FloatLayers()))


def test_the_twin_follows_the_float_encoder() -> None:
    encoder, x = float_encoder(), tensor(masks(200, 6))
    for bits, error in ((8, 0.15), (12, 0.02)):
        config = replace(CONFIG, weight_bits=(bits,) * 5, activation_bits=(bits,) * 4)
        twin = build_twin(encoder, NETWORK, config, x).eval()
        with torch.no_grad():
            expected, found = encoder(x), twin(x)
        assert float((found - expected).std() / expected.std()) < error


def test_every_scale_is_a_frozen_power_of_two() -> None:
    twin = build_twin(float_encoder(), NETWORK, CONFIG, tensor(masks(64, 6)))
    exponents = [
        scale_exponent(getattr(holder, f"{kind}_quant")) for holder, kind, _ in quantizers(twin)
    ]
    assert len(exponents) == 14
    trained = {name for name, p in twin.named_parameters() if p.requires_grad}
    assert trained == set(merge_norm(float_encoder()))


def test_biases_carry_the_half_step() -> None:
    """Truncation would lower every activation by half a step on average; the bias undoes it."""
    encoder, x = float_encoder(), tensor(masks(64, 6))
    twin = build_twin(encoder, NETWORK, CONFIG, x)
    merged = merge_norm(encoder)
    for index, block in enumerate(twin.blocks):
        half = 2.0 ** (scale_exponent(block.activation.quantizer.act_quant) - 1)
        difference = block.conv.bias - merged[f"blocks.{index}.conv.bias"]
        torch.testing.assert_close(
            difference.detach(), torch.full_like(difference, half), atol=1e-6, rtol=0
        )
    torch.testing.assert_close(twin.dense.bias.double(), merged["dense.bias"])


def test_biases_fit_their_grid_and_are_no_finer_than_needed() -> None:
    twin = build_twin(float_encoder(), NETWORK, CONFIG, tensor(masks(64, 6)))
    grid = 0
    for layer, activation in layers_in_order(twin):
        exponent = scale_exponent(layer.bias_quant)
        step = 2.0**exponent
        assert bool(((layer.quant_bias().value - layer.bias).abs() <= step / 2).all())
        finest = grid + scale_exponent(layer.weight_quant)
        if activation is not None:
            grid = scale_exponent(activation.quantizer.act_quant)
            finest = min(finest, grid - 1)
        assert exponent >= finest


@pytest.mark.parametrize(
    ("largest", "bits", "exponent"),
    [(1.0, 8, -6), (127 / 128, 8, -7), (0.9999, 8, -6), (100.0, 8, 0), (0.0, 8, -7), (3.0, 3, 0)],
)
def test_holding_exponent(largest: float, bits: int, exponent: int) -> None:
    assert holding_exponent(largest, bits) == exponent
    assert largest <= (2 ** (bits - 1) - 1) * 2.0**exponent
