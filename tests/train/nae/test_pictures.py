from pathlib import Path

import numpy as np
import pytest
import torch

from trigforge.train.nae.network import build_jet_autoencoder, energy
from trigforge.train.nae.pictures import (
    ACCEPTANCES,
    from_angles,
    landscape,
    never_rejecting,
    save_history,
    save_landscape,
    save_samples,
    shown_curves,
    to_angles,
)

PAIR = ("history", "off")
PNG = b"\x89PNG"


def test_angles_come_back() -> None:
    angles = np.random.default_rng(1).uniform((-1.5, -3.1), (1.5, 3.1), (50, 2))
    points = from_angles(angles)
    assert np.linalg.norm(points, axis=1) == pytest.approx(1.0)
    assert to_angles(points) == pytest.approx(angles)
    assert from_angles(np.array([[0.0, 0.0], [np.pi / 2, 0.0]])) == pytest.approx(
        np.array([[1.0, 0, 0], [0, 0, 1.0]])
    )


def test_a_point_of_the_landscape_is_the_energy_there() -> None:
    model = build_jet_autoencoder(1, size=8).eval()
    found = landscape(model, latitudes=4)
    assert found.shape == (4, 8)
    # row 0 is the southernmost band, column 6 the second but one of the east
    point = from_angles(np.array([[-3 / 8 * np.pi, 5 / 8 * np.pi]]))
    with torch.no_grad():
        expected = energy(model, model.decode(torch.from_numpy(point).float()))
    assert found[0, 6] == pytest.approx(float(expected), rel=1e-3)
    assert np.abs(found - float(expected)).argmin() == 6


def test_acceptance_is_shown_only_where_something_was_rejected() -> None:
    """Without an acceptance step it is 1 in every epoch, which says nothing about the chains."""
    off = [{"epoch": n, "latent_acceptance": 1.0, "input_acceptance": 1.0} for n in range(3)]
    assert never_rejecting(off) == {"latent_acceptance", "input_acceptance"}
    assert list(shown_curves(off)) == [
        "energies",
        "energy mover's distance",
        "chains behind a kept point",
    ]
    on = [*off, {**off[0], "input_acceptance": 0.9}]
    assert shown_curves(on)["acceptance"] == ("input_acceptance",)
    assert len(shown_curves(on)) == 4


def test_pictures_are_written(tmp_path: Path) -> None:
    names = ("energy", "sample_energy", "movers_distance", "latent_acceptance", "input_acceptance")
    history = [{"epoch": n, "buffer_age": 1.0, **dict.fromkeys(names, 0.5)} for n in range(2)]
    save_history(tmp_path / "history.png", history, 1)
    off = [{**epoch, **dict.fromkeys(ACCEPTANCES, 1.0)} for epoch in history]
    save_history(tmp_path / "off.png", off, 0)
    save_samples(tmp_path / "samples.png", torch.rand(3, 1, 8, 8), torch.randn(9, 1, 8, 8))
    model = build_jet_autoencoder(1, size=8).eval()
    save_landscape(tmp_path / "landscape.png", model, {"jets": from_angles(np.zeros((2, 2)))})
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == [
        "history.png",
        "landscape.png",
        "off.png",
        "samples.png",
    ]
    wide, narrow = (int.from_bytes((tmp_path / f"{n}.png").read_bytes()[16:20]) for n in PAIR)
    assert wide * 3 == narrow * 4, "a panel less"
    assert all(path.read_bytes()[:4] == PNG for path in files)
