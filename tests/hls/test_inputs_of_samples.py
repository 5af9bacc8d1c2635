"""What models are judged on: integers of a format, jets and events alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from jet_recipes import FOLDER, VARIABLES, written
from numpy.typing import NDArray

from trigforge.hls.formats import Format
from trigforge.hls.samples import Samples, on_format, values_of
from trigforge.hls.session import Options, Session
from trigforge.train.jets.jet_file import save_jets
from trigforge.train.jets.sample import load_shipped_jets
from trigforge.train.metrics import auc


@pytest.mark.parametrize("text", ["ufixed<12,0>", "fixed<10,3>", "ufixed<10,-2>", "fixed<5,5>"])
def test_values_are_truncated_and_saturate(text: str) -> None:
    format = Format.parse(text)
    step = 2.0**-format.fraction
    rng = np.random.default_rng(1)
    values = rng.normal(0, 2.0**format.integer, (200, 4)).astype(np.float32)
    found = on_format(values, format)
    for value, integer in zip(values.ravel().tolist(), found.ravel().tolist(), strict=True):
        if integer == format.min_int:
            assert value < (integer + 1) * step
        elif integer == format.max_int:
            assert value >= integer * step
        else:
            assert integer * step <= value < (integer + 1) * step
    assert {format.min_int, format.max_int} <= set(found.ravel().tolist())
    assert np.array_equal(values_of(found, format.fraction), found * step)


def samples(folder: Path, model: str, recipes: Path = FOLDER) -> Samples:
    return Session(Options(model=model, preset="smoke"), recipes, folder).samples


def above(samples: Samples, baseline: str, signal: str) -> float:
    scores: list[NDArray[np.float64]] = [
        part.baselines[baseline] for part in (samples.signals[signal], samples.test)
    ]
    return auc(*scores).value


def test_images_have_a_coarse_form_and_baselines(tmp_path: Path) -> None:
    direct, reverse = samples(tmp_path, "nae"), samples(tmp_path, "nae_reverse")
    assert direct.truncated and str(direct.format) == "ufixed<12,0>"
    floats, integers = direct.test.floats, direct.test.integers
    assert floats.shape == integers.shape == (256, 40, 40) and integers.dtype == np.uint16
    assert np.allclose(floats.sum((1, 2)), 1, atol=0.05)
    lost = floats - values_of(integers, direct.format.fraction)
    assert lost.min() >= 0 and lost.max() < 2.0**-12
    assert above(direct, "jet_mass", "top") > 0.85
    assert above(reverse, "low_jet_mass", "qcd") > 0.85
    assert above(direct, "low_brightness", "top") == pytest.approx(
        above(reverse, "brightness", "qcd"), abs=0.1
    )
    assert "upstream of the firmware: centred" in direct.preselection
    assert direct.info is not None and direct.info.name == "qcd"


def test_a_file_of_jets_takes_the_place_of_the_shipped_sample(tmp_path: Path) -> None:
    shipped = load_shipped_jets("top_tagging")
    names = ("qcd/train", "qcd/validation", "qcd/test", "top/test")
    save_jets(
        tmp_path / "mine.npz",
        {name: shipped.parts[name].head(30 + len(name)) for name in names},
        info={name: shipped.info[name] for name in names},
        selection="the first few",
        seed=0,
    )
    options = Options(model="nae", data=str(tmp_path / "mine.npz"))
    session = Session(options, FOLDER, tmp_path)
    found = session.samples
    assert (found.source, len(found.test), len(found.signals["top"])) == ("file", 38, 38)
    assert found.preselection.startswith("the first few; upstream")
    assert session.variant.startswith("demo-mine-")
    assert np.array_equal(found.test.baselines["jet_mass"], shipped.part("test", "qcd").mass[:38])
    assert session.data_key != Session(Options(model="nae"), FOLDER, tmp_path).data_key


def test_variables_are_equal_citizens(tmp_path: Path) -> None:
    found = samples(tmp_path, "svj", written(tmp_path / "recipes", "svj", VARIABLES))
    assert found.test.floats.shape == (256, 8) and found.format.signed
    assert found.test.integers.min() < 0 < found.test.integers.max()
    assert abs(found.test.floats.mean()) < 0.2
    assert set(found.test.baselines) == {"jet_mass", "jet_pt", "tau3_permille"}
    assert above(found, "jet_pt", "svj_4000_30") > 0.9


def test_level_one_sees_coarse_integers_and_comes_in_at_a_known_rate(tmp_path: Path) -> None:
    regions, objects = samples(tmp_path, "l1_regions"), samples(tmp_path, "l1_objects")
    for found, shape in ((regions, (18, 14)), (objects, (19,))):
        assert str(found.format) == "ufixed<5,5>" and not found.truncated
        assert found.test.integers.shape == (512, *shape)
        assert found.test.integers.max() <= 31
        assert found.input_rate_hz == pytest.approx(2544 * 11245.5)
        assert found.luminosity_per_cm2_s == pytest.approx(1.83e34, rel=0.01)
    for found, name in ((regions, "region_sum"), (objects, "object_sum")):
        seen = found.signals["suep_700"]
        expected = [int(one.sum()) for one in seen.integers]
        assert seen.baselines[name].tolist() == expected


def test_masks_are_the_same_for_all(tmp_path: Path) -> None:
    found = samples(tmp_path, "mask_sum")
    assert not found.truncated and found.test.integers is found.test.floats
    assert values_of(found.test.integers, found.format.fraction) is found.test.integers
