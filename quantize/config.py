"""The part of a recipe that concerns quantisation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QuantizeConfig:
    """Bit widths and the quantisation-aware training that makes up for them.

    All quantisers have power-of-two scales; activations truncate (FLOOR), weights and biases are
    rounded once, at export. Lists run over the layers with weights, input to output.

    Attributes:
        weight_bits: per layer with weights (convolutions, then the dense layer).
        activation_bits: per activation, one behind each convolution.
        bias_bits: of every bias; the scale is a power of two of its own.
        full_weight_bits: of every convolution of ``full`` outside the mask encoder.
        full_activation_bits: of every activation there.
        grid_bits: of sums, products, means and logits of ``full``.
        norm_bits: around and inside normalisations: inputs, normalised values, factors.
        table_bits: of the entries of tables (probabilities, cross-entropies).
        epochs: of distillation towards the float latents.
        released: name of committed quantised weights, if any.
    """

    weight_bits: tuple[int, ...] = (6, 6, 6, 6, 8)
    activation_bits: tuple[int, ...] = (8, 8, 8, 8)
    bias_bits: int = 12
    full_weight_bits: int = 6
    full_activation_bits: int = 8
    grid_bits: int = 8
    norm_bits: int = 10
    table_bits: int = 8
    epochs: int = 2
    batch_size: int = 64
    learning_rate: float = 3e-4
    seed: int = 1
    released: str | None = None

    def __post_init__(self) -> None:
        for name, bits in (
            ("weight_bits", self.weight_bits),
            ("activation_bits", self.activation_bits),
            ("bias_bits", (self.bias_bits,)),
            ("full_weight_bits", (self.full_weight_bits,)),
            ("full_activation_bits", (self.full_activation_bits,)),
            ("grid_bits", (self.grid_bits,)),
            ("norm_bits", (self.norm_bits,)),
            ("table_bits", (self.table_bits,)),
        ):
            if any(not 2 <= b <= 16 for b in bits):
                raise ValueError(f"{name} is {list(bits)}, expected widths from 2 to 16 bits")
        if len(self.weight_bits) != len(self.activation_bits) + 1:
            raise ValueError(
                f"weight_bits has {len(self.weight_bits)} entries, expected one more than "
                f"activation_bits ({len(self.activation_bits)}): the last layer has no activation"
            )
