import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from trigforge.train.layers import LayerFactory
from trigforge.train.nae.chain import ChainConfig
from trigforge.train.nae.losses import LossConfig, normalisation_loss
from trigforge.train.nae.network import Autoencoder, DenseAutoencoder, JetAutoencoder, energy
from trigforge.train.nae.sampler import PAPER_SAMPLER, Sampler, SamplerConfig

SMALL = SamplerConfig(
    latent=ChainConfig(steps=3, step_size=1.0, noise=0.1),
    input=ChainConfig(steps=3, step_size=1.0, noise=0.01, annealing=True),
    buffer=20,
)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Shrinking(Autoencoder):
    """Reconstructs x / 2: the energy of D components is sum of (x / 2)^2 / D."""

    spherical = False
    latents = 2

    def __init__(self) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(0.5))

    def encode(self, x: Tensor) -> Tensor:
        return self.factor * x

    def decode(self, z: Tensor) -> Tensor:
        return z

    def rebuilt(self, layers: LayerFactory) -> "Shrinking":
        return Shrinking()


def test_samples_of_a_known_energy_have_its_distribution() -> None:
    """E = |x|^2 / 8 in two dimensions: at T the components have variance 4 T."""
    temperature, step = 0.5, 0.8
    chain = ChainConfig(
        steps=60, step_size=step, noise=math.sqrt(2 * step * temperature), metropolis=True
    )
    model = Shrinking()
    sampler = Sampler(model, SamplerConfig(latent=None, input=chain, buffer=4000), (2,))
    source = generator()
    for _ in range(2):  # the second from the buffer
        found = sampler.draw(model, 4000, source)
    values = found.x.flatten().double()
    assert float(values.var()) == pytest.approx(4 * temperature, rel=5 * math.sqrt(2 / len(values)))
    assert abs(float(values.mean())) < 5 * math.sqrt(4 * temperature / len(values))
    assert 0.5 < found.input_acceptance < 1
    assert found.z is None and found.latent_acceptance == 1


def test_on_manifold_samples_begin_at_the_decoder() -> None:
    torch.manual_seed(1)
    model = JetAutoencoder(size=12)
    still = replace(SMALL, input=replace(SMALL.input, steps=0))
    sampler = Sampler(model, still, (1, 12, 12))
    found = sampler.draw(model, 5, generator())
    assert found.z is not None
    assert torch.allclose(found.z.norm(dim=1), torch.ones(5), atol=1e-6)
    with torch.no_grad():
        assert torch.allclose(found.x, model.decode(found.z), atol=1e-6)


def test_chains_without_noise_go_downhill() -> None:
    torch.manual_seed(1)
    model = JetAutoencoder(size=12)
    # without room for replay all three begin at the same fresh points
    quiet = SamplerConfig(
        latent=ChainConfig(steps=0, step_size=1.0, noise=1e-9),
        input=ChainConfig(steps=0, step_size=1.0, noise=1e-9),
        replay=0.0,
    )
    means = []
    for latent, steps in ((0, 0), (8, 0), (8, 8)):
        assert quiet.latent is not None
        config = replace(
            quiet,
            latent=replace(quiet.latent, steps=latent),
            input=replace(quiet.input, steps=steps),
        )
        x = Sampler(model, config, (1, 12, 12)).draw(model, 32, generator()).x
        means.append(float(energy(model, x).mean().detach()))
    assert means[0] > means[1] > means[2]


def test_the_buffer_holds_ends_of_latent_chains_and_their_ages() -> None:
    model = JetAutoencoder(size=12)
    sampler = Sampler(model, replace(SMALL, replay=1.0), (1, 12, 12))
    source = generator()
    for age in (1, 2, 3):
        found = sampler.draw(model, 20, source)
        assert sampler.buffer.mean_age == age
    assert found.z is not None
    drawn = sampler.buffer.draw(200, source).points
    assert bool((drawn[:, None] == found.z).all(-1).any(1).all())


def test_a_restored_sampler_goes_on_alike() -> None:
    model = JetAutoencoder(size=12)
    samplers = [Sampler(model, SMALL, (1, 12, 12)) for _ in range(2)]
    samplers[0].draw(model, 16, generator())
    samplers[1].load_state(samplers[0].state())
    a, b = (sampler.draw(model, 16, generator(2)).x for sampler in samplers)
    assert torch.equal(a, b)


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ValueError, match="not on a sphere; one goes with the other"):
        Sampler(DenseAutoencoder(), SMALL, (8,))
    with pytest.raises(ValueError, match="expected 'float32' with metropolis"):
        replace(SMALL, precision="bfloat16", input=replace(SMALL.input, metropolis=True))


def test_the_papers_temperatures() -> None:
    assert PAPER_SAMPLER.latent is not None
    assert PAPER_SAMPLER.latent.temperature == pytest.approx(5e-7)  # "about 1e-6"
    assert PAPER_SAMPLER.input.temperature == pytest.approx(1e-10)


def test_losses() -> None:
    positive, negative = torch.tensor([1.0, 3.0]), torch.tensor([4.0, 6.0])
    paper = LossConfig(gamma=0.5)
    assert float(normalisation_loss(positive, negative, paper)) == pytest.approx(2 - 5 + 0.5 * 26)
    cosh = LossConfig(name="log_cosh", alpha=0.1)
    expected = math.log(math.cosh(3.0)) + 0.2
    assert float(normalisation_loss(positive, negative, cosh)) == pytest.approx(expected)
    scaled = float(normalisation_loss(positive, negative, replace(cosh, scale=100)))
    assert scaled == pytest.approx(300 - math.log(2) + 20)
    with pytest.raises(ValueError, match="expected one of regularised, log_cosh"):
        LossConfig(name="huber")  # type: ignore[arg-type]
