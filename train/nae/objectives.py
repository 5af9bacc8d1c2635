"""What the two phases of a training make small: errors of jets, then energies against samples."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from trigforge.train.nae.collapse import CollapseConfig, CollapseWatch, spread
from trigforge.train.nae.distance import has_risen, movers_distance
from trigforge.train.nae.losses import LossConfig, normalisation_loss
from trigforge.train.nae.network import Autoencoder, energy, energy_sums
from trigforge.train.nae.sampler import Sampler, SamplerConfig
from trigforge.train.nae.spectral import squared_weights

Stopping = Literal["movers_distance", "loss"]

SELECTION: dict[Stopping, str] = {
    "movers_distance": "negative_movers_distance",
    "loss": "nearness_of_loss_to_zero",
}


@dataclass(frozen=True)
class JetInputs:
    """Background to learn from and to compare epochs by, (N, ...) and (M, ...) float32."""

    train: Tensor
    validation: Tensor

    @property
    def key(self) -> list[str]:
        """Hashes of both."""
        return [_digest(self.train), _digest(self.validation)]


@dataclass(frozen=True, kw_only=True)
class NormalisationConfig:
    """The second phase.

    Attributes:
        epoch_jets: jets of one epoch, at most all there are; epochs are what is compared and saved.
        stopping: ``movers_distance`` ends before it rises (CMS); ``loss`` keeps the epoch whose
            energies are closest to each other and stable (arXiv:2206.14225).
        distance_inputs: samples and jets that the distance is taken between.
        rise: fraction by which the distance may exceed its minimum; ``patience``: epochs in a row.
    """

    sampler: SamplerConfig
    loss: LossConfig
    collapse: CollapseConfig = field(default_factory=CollapseConfig)
    epoch_jets: int = 12_800
    stopping: Stopping = "movers_distance"
    distance_inputs: int = 512
    rise: float = 0.1
    patience: int = 3


class JetReconstruction:
    """Phase one: the mean squared error of jets, summed over pixels or variables.

    The sum is the paper's mean times the number of pixels, penalty included: gradients of a mean of
    1e-5 are so small that Adam's own 1e-8 would matter.
    """

    selection = "negative_energy"

    def __init__(self, inputs: JetInputs, weight_penalty: float, device: torch.device) -> None:
        self._inputs, self._penalty, self._device = inputs, weight_penalty, device
        self._size = inputs.train[0].numel()
        self.key = {"objective": "reconstruction", "inputs": inputs.key, "penalty": weight_penalty}

    @property
    def events(self) -> int:
        """Number of training jets."""
        return len(self._inputs.train)

    def start_epoch(self, generator: torch.Generator) -> None:
        """Nothing to prepare."""

    def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
        """Mean over the batch of the summed squared error, and the penalty."""
        assert isinstance(model, Autoencoder)  # noqa: S101
        x = _batch(self._inputs.train[index], self._device)
        penalty = self._penalty * squared_weights(model)
        return self._size * (energy(model, x).mean() + penalty)

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """Mean energy of validation jets."""
        assert isinstance(model, Autoencoder)  # noqa: S101
        found = mean_energy(model, self._inputs.validation, self._device)
        return {"energy": found, "negative_energy": -found}


class Normalisation:
    """Phase two: energies of jets fall, energies of samples of the model rise.

    Args:
        model: as the first phase left it; the collapse watch measures energies against it.
    """

    def __init__(
        self,
        inputs: JetInputs,
        config: NormalisationConfig,
        model: Autoencoder,
        device: torch.device,
    ) -> None:
        self._inputs, self._config, self._device = inputs, config, device
        self._sampler = Sampler(model, config.sampler, inputs.train.shape[1:])
        self._noise = torch.Generator(device)
        head = inputs.validation[: config.distance_inputs]
        start = mean_energy(model, inputs.validation, device)
        self._watch = CollapseWatch(config.collapse, start, spread(head))
        self._before: list[float] = []
        self.samples: deque[Tensor] = deque()
        """Latest samples of the epoch, enough for the distance."""
        self.selection = SELECTION[config.stopping]
        weights = torch.cat([value.double().flatten() for value in model.state_dict().values()])
        self.key = {
            "objective": "normalisation",
            "inputs": inputs.key,
            "config": asdict(config),
            "start": _digest(weights),
        }

    @property
    def events(self) -> int:
        """Jets of one epoch."""
        return min(self._config.epoch_jets, len(self._inputs.train))

    def start_epoch(self, generator: torch.Generator) -> None:
        """Draw the jets of the epoch and the seed of its chains."""
        self._chosen = torch.randperm(len(self._inputs.train), generator=generator)
        seed = int(torch.randint(2**62, (), generator=generator))
        self._noise.manual_seed(seed)
        self._watch.start_epoch()
        self.samples.clear()
        self._sums = dict.fromkeys(
            ("positive", "negative", "latent_acceptance", "input_acceptance", "batches"), 0.0
        )

    def loss(self, model: nn.Module, index: Tensor, generator: torch.Generator) -> Tensor:
        """Loss of a batch of jets and as many samples; a scalar.

        Raises:
            CollapseError: the samples are none any more.
        """
        assert isinstance(model, Autoencoder)  # noqa: S101
        x = _batch(self._inputs.train[self._chosen[index]], self._device)
        found = self._sampler.draw(model, len(x), self._noise)
        positive, negative = torch.split(
            energy(model, torch.cat([x, found.x])), [len(x), len(found.x)]
        )
        seen = float(negative.detach().mean())
        self._watch.check(found.x, seen)
        self._keep(found.x)
        for name, value in (
            ("positive", float(positive.detach().mean())),
            ("negative", seen),
            ("latent_acceptance", float(found.latent_acceptance)),
            ("input_acceptance", float(found.input_acceptance)),
            ("batches", 1.0),
        ):
            self._sums[name] += value
        config = self._config.loss
        loss = normalisation_loss(positive, negative, config)
        return loss + config.scale * config.weight_penalty * squared_weights(model)

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """Energies, distance between samples and jets, acceptances, age of the buffer."""
        assert isinstance(model, Autoencoder)  # noqa: S101
        count = self._sums["batches"]
        means = {name: value / count for name, value in self._sums.items() if name != "batches"}
        samples = torch.cat(list(self.samples))
        jets = self._inputs.validation[: self._config.distance_inputs]
        distance = movers_distance(samples, jets)
        energies = [means["positive"], means["negative"]]
        stable = all(
            abs(now - before) <= 0.5 * before
            for now, before in zip(energies, self._before or energies, strict=True)
        )
        self._before = energies
        apart = abs(energies[0] - energies[1]) / max(energies[0], np.finfo(float).tiny)
        return {
            "energy": mean_energy(model, self._inputs.validation, self._device),
            "training_energy": energies[0],
            "sample_energy": energies[1],
            "movers_distance": distance,
            "sample_spread": spread(samples),
            "latent_acceptance": means["latent_acceptance"],
            "input_acceptance": means["input_acceptance"],
            "buffer_age": self._sampler.buffer.mean_age,
            "negative_movers_distance": -distance,
            "nearness_of_loss_to_zero": 1 / (1 + apart) if stable else 0.0,
        }

    def ended(self, history: list[dict[str, float]]) -> str:
        """Whether the distance has risen, where that is the rule."""
        if self._config.stopping != "movers_distance":
            return ""
        distances = [epoch["movers_distance"] for epoch in history]
        if not has_risen(distances, self._config.rise, self._config.patience):
            return ""
        return f"the distance between samples and jets has risen from {min(distances):.4g}"

    def state(self) -> dict[str, Any]:
        """Replay buffer and the energies of the last epoch."""
        return {"sampler": self._sampler.state(), "before": list(self._before)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._sampler.load_state(state["sampler"], self._device)
        self._before = list(state["before"])

    def _keep(self, samples: Tensor) -> None:
        self.samples.append(samples.detach().cpu())
        while sum(map(len, self.samples)) - len(self.samples[0]) >= self._config.distance_inputs:
            self.samples.popleft()


def mean_energy(model: Autoencoder, inputs: Tensor, device: torch.device) -> float:
    """Mean energy of inputs (N, ...); the model is left in evaluation mode."""
    model.eval()
    sums = [energy_sums(model, _batch(part, device)).sum() for part in torch.split(inputs, 2048)]
    return float(torch.stack(sums).sum()) / inputs.numel()


def _digest(values: Tensor) -> str:
    return hashlib.sha256(values.detach().cpu().contiguous().numpy().tobytes()).hexdigest()


def _batch(inputs: Tensor, device: torch.device) -> Tensor:
    """Inputs on the device; images in channels-last memory."""
    layout = torch.channels_last if inputs.ndim == 4 else torch.contiguous_format
    return inputs.to(device).contiguous(memory_format=layout)
