"""The shipped sample: whole, disjoint, and plausible physics."""

from __future__ import annotations

import numpy as np
import pytest

from trigforge.train.event_file import SHIPPED
from trigforge.train.events import EventDataset, Events, load_shipped, pack_masks
from trigforge.train.generation.processes import SIGNALS

PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def shipped() -> EventDataset:
    return load_shipped()


def test_shipped_sample_has_the_promised_size(shipped: EventDataset) -> None:
    assert SHIPPED.stat().st_size <= 10_000_000
    assert (len(shipped.train), len(shipped.validation), len(shipped.test)) == (
        18_000,
        2_000,
        10_000,
    )
    assert set(shipped.signals) == set(SIGNALS)
    assert {len(events) for events in shipped.signals.values()} == {1_000}
    assert shipped.source == "shipped"
    assert len(shipped.sha256) == 64


def test_shipped_events_are_whole(shipped: EventDataset) -> None:
    parts = {name: getattr(shipped, name) for name in PARTS} | shipped.signals
    for name, events in parts.items():
        count = len(events)
        assert events.masks.shape == (count, 72, 58), name
        assert events.masks.dtype == np.uint8
        assert events.masks.max() == 1
        assert (events.ht > 500).all(), name
        assert (events.weight == 1).all(), name
        pixels = events.masks.sum(axis=(1, 2), dtype=np.int64)
        assert pixels.min() > 0, name
        # a track lights at most one pixel
        assert (pixels <= events.n_tracks).all(), name


def test_shipped_masks_are_the_ones_that_weights_were_trained_on(shipped: EventDataset) -> None:
    """Those of the first shipped file, events_v1.npz, of which the manifests hold the digest."""
    assert shipped.masks_sha256 == (
        "12c7cfa96380fb9ed72025301b61730f555119db64ffd31321090a079300fbe1"
    )


def test_shipped_level1_inputs_are_whole(shipped: EventDataset) -> None:
    assert shipped.train.level1 is None and shipped.validation.level1 is None
    for events in (shipped.test, *shipped.signals.values()):
        assert events.level1 is not None and events.calorimeters is None
        assert len(events.level1) == len(events)
        assert events.level1.regions.max() <= 1023
    assert {name: len(part) for name, part in shipped.zero_bias.items()} == {
        "train": 4_600,
        "test": 20_400,
    }
    natural, stratified = shipped.zero_bias["train"], shipped.zero_bias["test"]
    total = [part.level1.regions.sum(axis=(1, 2)) @ part.weight for part in (natural, stratified)]
    assert total[0] == pytest.approx(total[1], rel=0.02)
    # the preselected events stand out
    assert shipped.test.level1 is not None
    jets = shipped.test.level1.kind("jet")[:, 0, 0]
    assert np.median(jets) > 4 * np.median(natural.level1.kind("jet")[:, 0, 0])


def test_shipped_background_parts_share_no_event(shipped: EventDataset) -> None:
    packed = np.concatenate([pack_masks(getattr(shipped, name).masks) for name in PARTS])
    assert len(np.unique(packed, axis=0)) == len(packed) == 30_000


def test_shipped_sample_looks_like_physics(shipped: EventDataset) -> None:
    """Multiplicity grows with the mass; the background has no preferred azimuth or eta sign."""

    def mean_pixels(events: Events) -> float:
        return float(events.masks.sum(axis=(1, 2), dtype=np.int64).mean())

    background = mean_pixels(shipped.test)
    for family in ("suep_", "svj_"):
        names = sorted(
            (n for n in SIGNALS if n.startswith(family)), key=lambda n: int(n[len(family) :])
        )
        means = [background, *(mean_pixels(shipped.signals[n]) for n in names)]
        assert means == sorted(means)
    assert mean_pixels(shipped.train) == pytest.approx(background, rel=0.01)
    rows = shipped.train.masks.mean(axis=(0, 2))
    assert rows.std() / rows.mean() < 0.02
    columns = shipped.train.masks.mean(axis=(0, 1))
    np.testing.assert_allclose(columns, columns[::-1], rtol=0.06)


def test_shipped_numbers_agree_with_each_other(shipped: EventDataset) -> None:
    """Efficiency times generated events covers what was kept; the splits agree on the process."""
    for name, sample in shipped.info.items():
        assert sample.cross_section_pb and sample.cross_section_pb > 0, name
        assert sample.cross_section_err_pb is not None
        assert 0 < sample.cross_section_err_pb < 0.05 * sample.cross_section_pb, name
        assert sample.n_generated and sample.preselection_efficiency
        assert sample.preselection_efficiency * sample.n_generated >= sample.n_accepted - 1e-6
    train, test = shipped.info["qcd/train"], shipped.info["qcd/test"]
    assert train.cross_section_pb == pytest.approx(test.cross_section_pb, rel=0.05)
    assert train.preselection_efficiency == pytest.approx(test.preselection_efficiency, rel=0.05)
