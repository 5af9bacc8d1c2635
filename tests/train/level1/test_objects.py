"""Coarse momenta of level-1 objects, how crossings are broken, and the training of their score."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from trigforge.train.config import ObjectNetwork, TrainConfig
from trigforge.train.errors import InputError
from trigforge.train.events import EventDataset, load_shipped
from trigforge.train.generation.level1 import Level1
from trigforge.train.level1.object_autoencoder import (
    ObjectReconstruction,
    empty_object_score,
    object_score_from_state,
    train_object_autoencoder,
)
from trigforge.train.level1.objects import (
    coarse_momenta,
    object_breakings,
    object_dataset,
    variables,
)
from trigforge.train.level1.scores import LEVEL1_SCORES

NETWORK = ObjectNetwork(
    architecture="l1_objects",
    export="full",
    height=19,
    width=1,
    filters=(8, 3),
    groups=(1, 1),
    shifts=(5, 3, 0, 5),
    input_bits=5,
)


@pytest.fixture(scope="module")
def shipped() -> EventDataset:
    return load_shipped()


def level1(momenta: list[int], eta: int = 0, phi: int = 0) -> Level1:
    objects = np.zeros((1, 19, 3), np.int16)
    objects[0, :, 0] = momenta
    objects[0, :, 1:] = eta, phi
    return Level1(np.zeros((1, 18, 14), np.uint16), objects)


def test_momenta_lose_the_bits_of_their_kind_and_saturate() -> None:
    momenta = [
        1023,
        255,
        256,
        8,
        7,
        40,
        31,
        1,
        0,
        *(range(0, 320, 32)),
    ]
    expected = [31, 31, 31, 1, 0, 31, 31, 1, 0, *range(10)]
    assert coarse_momenta(level1(momenta), NETWORK)[0, :, 0].tolist() == expected


def test_neither_azimuth_nor_the_half_of_the_detector_matters() -> None:
    momenta = list(range(19, 0, -1))
    seen = coarse_momenta(level1(momenta), NETWORK)
    assert np.array_equal(seen, coarse_momenta(level1(momenta, eta=-40, phi=123), NETWORK))


def test_training_and_background_are_zero_bias(shipped: EventDataset) -> None:
    found = object_dataset(shipped, NETWORK)
    train, validation = variables(found)
    assert train.shape[1:] == validation.shape[1:] == (19,)
    assert len(train) + len(validation) == len(shipped.zero_bias["train"])
    assert "missing_et in steps of 16 GeV" in found.preselection
    with pytest.raises(InputError, match="no zero-bias crossings"):
        object_dataset(replace(shipped, zero_bias={}), NETWORK)


def test_the_sum_of_jets_is_one(shipped: EventDataset) -> None:
    crossings = shipped.zero_bias["train"].level1.take(slice(0, 50))
    expected = [sum(int(pt) for pt in event[9:, 0]) for event in crossings.objects]
    assert LEVEL1_SCORES["object_ht"].of(crossings).tolist() == expected


def test_broken_crossings_are_reproducible_integers_within_range_and_harder(
    shipped: EventDataset,
) -> None:
    train, _ = variables(object_dataset(shipped, NETWORK))
    for name, breaking in object_breakings(31).items():
        found = breaking(train, torch.Generator().manual_seed(1))
        assert torch.equal(found, breaking(train, torch.Generator().manual_seed(1)))
        assert torch.equal(found, found.floor())
        assert found.min() >= 0 and found.max() <= 31
        assert (found != train).any(1).float().mean() > 0.5
        if name != "exchanged":
            assert found.sum() > 1.3 * train.sum()


def test_training_makes_the_error_small_and_goes_on_where_it_stopped(
    shipped: EventDataset, tmp_path: Path
) -> None:
    data = object_dataset(shipped, NETWORK)
    data = replace(data, train=data.train.head(512), validation=data.validation.head(128))
    config = TrainConfig(objective="zero_bias", epochs=3, batch_size=32, learning_rate=3e-3)
    trained = train_object_autoencoder(NETWORK, config, data, tmp_path, progress=False)
    objective = ObjectReconstruction(data)
    fresh = objective.validate(empty_object_score(NETWORK))["minus_error"]
    found = objective.validate(object_score_from_state(NETWORK, trained.state))["minus_error"]
    assert fresh < found < 0
    assert found == trained.metrics["minus_error"]
    again = train_object_autoencoder(NETWORK, config, data, tmp_path, progress=False)
    assert all(torch.equal(again.state[name], value) for name, value in trained.state.items())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shifts": (5, 3, 0)}, "shifts has 3 entries, expected 4"),
        ({"shifts": (5, 3, 0, 12)}, "expected 0 to 9 bits each"),
        ({"input_bits": 9}, "input_bits is 9, expected 2 to 8"),
    ],
)
def test_grids_out_of_range_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(NETWORK, **change)  # type: ignore[arg-type]
