import math

import numpy as np
import pytest
import torch

from trigforge.quantize.activations import QuantLeaky
from trigforge.quantize.config import QuantizeConfig
from trigforge.quantize.layers import QuantLayers
from trigforge.quantize.quantisers import (
    best_exponent,
    grid_error,
    quantizers,
    scale_exponent,
    set_exponent,
)


def layers(weight_bits: int = 5, activation_bits: int = 4, bias_bits: int = 6) -> QuantLayers:
    return QuantLayers(
        QuantizeConfig(
            weight_bits=(weight_bits, weight_bits),
            activation_bits=(activation_bits,),
            bias_bits=bias_bits,
        )
    )


@pytest.mark.parametrize("exponent", [-5, -2, 0, 1])
def test_activations_truncate_and_saturate(exponent: int) -> None:
    activation = layers().activation(0.25)
    assert isinstance(activation, QuantLeaky)
    set_exponent(activation.quantizer.act_quant, 4, exponent)
    step = 2.0**exponent
    values = torch.arange(-200, 200) * step / 8
    expected = []
    for value in values.tolist():
        leaky = value if value > 0 else value / 4
        expected.append(max(-8, min(7, math.floor(leaky / step))) * step)
    assert activation(values).tolist() == expected
    assert min(expected) == -7 * step and max(expected) == 7 * step
    assert scale_exponent(activation.quantizer.act_quant) == exponent


@pytest.mark.parametrize("exponent", [-4, 0])
def test_training_computes_what_evaluation_computes(exponent: int) -> None:
    """Values and gradients of the fused training function are Brevitas' own."""
    activation = layers(activation_bits=5).activation(0.25)
    assert isinstance(activation, QuantLeaky)
    set_exponent(activation.quantizer.act_quant, 5, exponent)
    step = 2.0**exponent
    torch.manual_seed(1)
    on_grid = torch.arange(-100, 100) * step
    between = 30 * step * torch.randn(2000)
    for values, same_gradient in ((on_grid, False), (between, True)):
        fused = values.clone().requires_grad_()
        plain = values.clone().requires_grad_()
        weights = torch.randn(len(values))
        found = activation.train()(fused)
        expected = activation.eval()(plain)
        assert torch.equal(found, expected)
        (found * weights).sum().backward()
        (expected * weights).sum().backward()
        assert fused.grad is not None and plain.grad is not None
        if same_gradient:
            assert torch.equal(fused.grad, plain.grad)
            assert 0 < int((fused.grad == 0).sum()) < len(values)


def test_the_lowest_activation_code_is_used() -> None:
    activation = layers().activation(0.5)
    assert isinstance(activation, QuantLeaky)
    set_exponent(activation.quantizer.act_quant, 4, 0)
    assert float(activation(torch.tensor([-100.0]))) == -8


def test_weights_round_and_stay_symmetric_biases_have_their_own_grid() -> None:
    linear = layers(weight_bits=4, bias_bits=5).linear(6, 1)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[-9.0, -0.5, 0.4, 1.5, 2.5, 6.9]]) / 4)
        linear.bias.copy_(torch.tensor([0.30]))
    set_exponent(linear.weight_quant, 4, -2)
    set_exponent(linear.bias_quant, 5, -4)
    assert (4 * linear.quant_weight().value).tolist() == [[-7, 0, 0, 2, 2, 7]]
    assert (16 * linear.quant_bias().value).tolist() == [5]
    found = linear(torch.ones(1, 6))
    assert float(found.detach()) == (-7 + 0 + 0 + 2 + 2 + 7) / 4 + 5 / 16


def test_scales_do_not_train() -> None:
    linear = layers().linear(3, 2)
    frozen = [name for name, p in linear.named_parameters() if "scaling" in name]
    assert len(frozen) == 2
    set_exponent(linear.weight_quant, 5, -3)
    set_exponent(linear.bias_quant, 6, -3)
    assert [name for name, p in linear.named_parameters() if p.requires_grad] == ["weight", "bias"]


def test_widths_are_taken_in_order() -> None:
    factory = QuantLayers(
        QuantizeConfig(weight_bits=(3, 5, 7), activation_bits=(4, 6), bias_bits=9)
    )
    network = torch.nn.Sequential(
        factory.conv(1, 2, 3),
        factory.activation(0.25),
        factory.conv(2, 4, 3, groups=2),
        factory.activation(0.25),
        factory.linear(4, 2),
    )
    found = [(kind, bits) for _, kind, bits in quantizers(network)]
    assert found == [
        ("weight", 3), ("bias", 9), ("act", 4),
        ("weight", 5), ("bias", 9), ("act", 6),
        ("weight", 7), ("bias", 9),
    ]  # fmt: skip


@pytest.mark.parametrize("slope", [0.0, 1.0, -0.25, 0.98])
def test_slopes_outside_the_grid_are_refused(slope: float) -> None:
    with pytest.raises(ValueError, match="expected between 1/16 and 15/16"):
        layers().activation(slope)


def test_the_slope_of_the_paper_becomes_three_sixteenths() -> None:
    activation = layers().activation(0.2)
    assert isinstance(activation, QuantLeaky)
    assert activation.leaky.negative_slope == activation.slope == 3 / 16


def test_scale_off_a_power_of_two_is_noticed() -> None:
    class Odd:
        def scale(self) -> torch.Tensor:
            return torch.tensor(0.3)

        def parameters(self) -> list[torch.nn.Parameter]:
            return []

    with pytest.raises(ValueError, match="not a power of two"):
        scale_exponent(Odd())  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", [3, 6, 8])
def test_best_exponent_is_the_best_of_all(rng: np.random.Generator, bits: int) -> None:
    """Heavy tails, so that letting the largest value saturate pays."""
    for values in (rng.standard_t(3, 4000), rng.uniform(-3, 3, 4000), 1e-3 * rng.normal(size=4000)):
        sample = torch.from_numpy(values)
        errors = {e: grid_error(sample, bits, e) for e in range(-30, 10)}
        assert best_exponent(sample, bits) == min(errors, key=lambda e: errors[e])


def test_exponent_of_nothing() -> None:
    assert best_exponent(torch.zeros(4), 8) == -7
