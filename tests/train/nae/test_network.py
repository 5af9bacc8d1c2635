import numpy as np
import pytest
import torch

from trigforge.train.nae.network import DenseAutoencoder, JetAutoencoder, energy, energy_sums


def test_published_parameter_counts() -> None:
    model = JetAutoencoder()
    encoder, decoder = (
        sum(p.numel() for p in part.parameters()) for part in (model.encoder, model.decoder)
    )
    assert (encoder, decoder) == (42_315, 42_127)


def test_image_shapes_and_ranges() -> None:
    torch.manual_seed(1)
    model = JetAutoencoder()
    images = torch.rand(3, 1, 40, 40)
    logits, latents = model(images)
    assert logits.shape == images.shape and latents.shape == (3, 3)
    assert torch.allclose(latents.norm(dim=1), torch.ones(3), atol=1e-6)
    found = model.decode(latents)
    assert torch.allclose(found, torch.sigmoid(logits))
    assert bool(((found > 0) & (found < 1)).all())


def test_the_dense_network_has_the_widths_of_the_note() -> None:
    model = DenseAutoencoder()
    shapes = [tuple(p.shape) for p in model.parameters() if p.ndim == 2]
    assert shapes == [(10, 8), (10, 10), (6, 10), (10, 6), (10, 10), (8, 10)]
    found, latents = model(torch.randn(5, 8))
    assert found.shape == (5, 8) and latents.shape == (5, 6)


@pytest.mark.parametrize("model", [JetAutoencoder(), DenseAutoencoder()])
def test_energies_are_means_and_sums_of_squared_errors(
    model: JetAutoencoder | DenseAutoencoder,
) -> None:
    torch.manual_seed(1)
    x = torch.rand(5, 1, 40, 40) if model.spherical else torch.randn(5, 8)
    with torch.no_grad():
        found = model.decode(model.encode(x))
    errors = (x.numpy().astype(np.float64) - found.numpy()) ** 2
    slow = [float(np.sum(e)) for e in errors]
    assert torch.allclose(energy(model, x), torch.tensor(slow) * len(x) / x.numel())
    assert energy_sums(model, x, batch_size=2).tolist() == pytest.approx(slow, rel=1e-5)
