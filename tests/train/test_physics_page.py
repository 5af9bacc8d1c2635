"""The physics page, built from tiny networks on few events."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trigforge.hls.cli import main
from trigforge.train.codae import build_codae
from trigforge.train.config import NetworkConfig
from trigforge.train.equal_baseline import auc_at_equal
from trigforge.train.errors import InputError
from trigforge.train.events import load_shipped
from trigforge.train.metrics import auc
from trigforge.train.physics import event_scores, paper, style
from trigforge.train.physics.event_scores import CHUNK, ScoreCache, score_events
from trigforge.train.physics.networks import known_networks, load_networks
from trigforge.train.physics.options import PhysicsOptions
from trigforge.train.physics.run import run_physics
from trigforge.train.scores import evaluate_scores
from trigforge.train.ssim import ssim
from trigforge.train.train_codae import weights_config
from trigforge.train.weights import save_released

SMALL = {
    "filters": (2, 2, 2, 2),
    "groups": (1, 1, 1, 1),
    "residual_filters": (4, 4, 4, 4),
    "bottleneck": 2,
}
EVENTS = 60


def write_network(folder: Path, name: str, seed: int, **changes: Any) -> Path:
    network = NetworkConfig(architecture="codae", export="encoder", **{**SMALL, **changes})
    manifest = {"name": name, "config": weights_config(network), "history": [], "metrics": {}}
    save_released(folder, name, build_codae(network, seed).state_dict(), manifest)
    return folder / f"{name}.safetensors"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the page of two networks was built."""
    here = tmp_path_factory.mktemp("physics")
    paths = [write_network(here / "weights", name, seed) for seed, name in enumerate(("a", "b"))]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        page = run_physics(options([str(path) for path in paths]))
    assert page == Path("build/physics/codae/index.html")
    return here


def options(networks: list[str], **changes: Any) -> PhysicsOptions:
    return PhysicsOptions(
        model="codae", networks=tuple(networks), events=EVENTS, progress=False, **changes
    )


def result(built: Path) -> Any:
    return json.loads((built / "build/physics/codae/physics.json").read_text())


class Page(HTMLParser):
    """What a browser would load, and whether every element is closed."""

    void = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.figures = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.figures += tag == "figure"
        for key, value in attrs:
            if key == "id":
                self.ids.append(str(value))
            if key in ("src", "href", "xlink:href") and not str(value).startswith(("#", "data:")):
                self.loaded.append(str(value))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_one_file_that_loads_nothing(built: Path) -> None:
    text = (built / "build/physics/codae/index.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == [] and page.loaded == []
    assert "@import" not in text and "url(http" not in text and "<script" not in text
    figures = sorted(p.stem for p in (built / "build/physics/codae/figures").glob("*.png"))
    assert len(figures) == page.figures == 6
    assert set(figures) <= set(page.ids)
    assert style.INK not in text.partition("</style>")[2], "ink must follow the colour of the text"


def test_numbers_are_those_of_the_metrics(built: Path) -> None:
    dataset = load_shipped()
    networks = load_networks([str(built / "weights" / "b.safetensors")])
    background = dataset.test.masks[:EVENTS]
    signal = dataset.signals["suep_125"].masks[:100]
    ours, theirs = (evaluate_scores(networks[0].model, m) for m in (signal, background))
    (entry,) = result(built)["datasets"]
    assert entry["events"]["qcd"] == EVENTS and entry["events"]["suep_125"] == 100
    found = entry["networks"][1]["scores"]["dice"]["suep_125"]
    assert found["auc"] == pytest.approx(auc(ours["dice"], theirs["dice"]).value, abs=1e-12)
    equal = auc_at_equal(ours["dice"], theirs["dice"], ours["mask_sum"], theirs["mask_sum"])
    assert found["auc_at_equal"] == pytest.approx(equal.value, abs=1e-12)
    leading = entry["networks"][1]["latents"][0]
    latent = leading["sign"] * ours[f"latent_{leading['index']}"]
    rival = leading["sign"] * theirs[f"latent_{leading['index']}"]
    shown = entry["networks"][1]["scores"]["latent_leading"]["suep_125"]["auc"]
    assert shown == pytest.approx(auc(latent, rival).value, abs=1e-12)
    counts = background.sum((1, 2), dtype=np.int64), signal.sum((1, 2), dtype=np.int64)
    shown = entry["baselines"]["mask_sum"]["suep_125"]["auc"]
    assert shown == pytest.approx(auc(counts[1], counts[0]).value, abs=1e-12)
    assert f"{100 * shown:.1f}" in (built / "build/physics/codae/physics.md").read_text()


def test_a_second_run_computes_only_a_damaged_chunk(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built)
    scored: list[int] = []

    def counted(model: Any, masks: Any) -> Any:
        scored.append(len(masks))
        return score_events(model, masks)

    monkeypatch.setattr(event_scores, "score_events", counted)
    names = [str(built / "weights" / f"{name}.safetensors") for name in ("a", "b")]
    before = result(built)
    chunk = next(Path("build/physics/scores").rglob("svj_2100-0.npz"))
    chunk.write_bytes(chunk.read_bytes()[:200])
    run_physics(options(names))
    assert scored == [100] and result(built) == before


def test_chunks_join_and_longer_ones_are_cut(tmp_path: Path) -> None:
    model = load_networks([str(write_network(tmp_path, "n", 3))])[0].model
    masks = load_shipped().test.masks[: CHUNK + 30]
    store = ScoreCache(tmp_path / "cache", "weights", "events")
    told: list[int] = []
    joined = store.scores(model, "qcd", masks, told.append)
    assert told == [CHUNK, 30]
    whole = score_events(model, masks)
    for key, values in store.scores(model, "qcd", masks[:50]).items():
        np.testing.assert_array_equal(values, joined[key][:50])
        np.testing.assert_allclose(joined[key], whole[key], rtol=1e-5, atol=1e-5)
    other = ScoreCache(tmp_path / "cache", "other weights", "events")
    assert other.folder != store.folder


def test_one_pass_gives_the_scores_and_the_similarity(tmp_path: Path) -> None:
    import torch

    model = load_networks([str(write_network(tmp_path, "n", 3))])[0].model
    masks = load_shipped().test.masks[:20]
    found = score_events(model, masks)
    for key, values in evaluate_scores(model, masks).items():
        np.testing.assert_allclose(found[key], values, rtol=1e-12)
    images = torch.from_numpy(masks[:, None]).float()
    with torch.inference_mode():
        expected = ssim(torch.sigmoid(model(images)[0]), images)
    np.testing.assert_allclose(found["ssim"], expected, rtol=1e-4)


def test_the_paper_has_a_number_for_every_signal() -> None:
    for row in paper.SCORES.values():
        assert len(row.auc) == len(row.fpr40) == len(paper.SIGNALS)
        assert all(0 < value < 100 for value in row.auc)
    assert paper.quoted("bce", "svj_2100") == (pytest.approx(0.8572), pytest.approx(0.03047))
    assert paper.quoted("dice", "suep_1000") == (pytest.approx(0.9998), None)
    assert paper.quoted("sae", "suep_125") == paper.quoted("bce", "zero_bias") == (None, None)


def test_ink_becomes_the_colour_of_the_text(tmp_path: Path) -> None:
    with style.figure(2, 2) as drawing:
        drawing.subplots().plot([0, 1], [0, 1], color="#123456")
        svg = style.save(drawing, tmp_path, "line")
    assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>")
    assert style.INK not in svg and "currentColor" in svg and "#123456" in svg
    assert not re.search(r'id="(figure|axes)_1"', svg)
    assert style.INK in (tmp_path / "line.svg").read_text()
    assert (tmp_path / "line.png").stat().st_size > 1000


def test_released_networks_are_found() -> None:
    assert "codae_v2" in known_networks()


def test_a_network_that_another_one_continues_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("build/imported")
    paths = [write_network(folder, name, seed) for seed, name in enumerate(("a", "b"))]
    assert {str(path) for path in paths} <= set(known_networks())
    first, second = (json.loads(path.with_suffix(".json").read_text()) for path in paths)
    second["continued_from"] = {"weights_sha256": first["weights_sha256"]}
    paths[1].with_suffix(".json").write_text(json.dumps(second))
    assert str(paths[0]) not in known_networks()
    assert str(paths[1]) in known_networks()


WRONG = {
    "model": (["nope"], "unknown model 'nope', known are codae"),
    "network": (["codae", "--network", "codae_v0"], "codae_v0: no such weights"),
    "path": (["codae", "--network", "x/y.safetensors"], "x/y.safetensors: no such weights in x"),
    "events": (["codae", "--events", "3"], "--events is 3, expected at least 50"),
    "data": (["codae", "--data", "nowhere"], "nowhere: no such folder"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_sentence(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = WRONG[case]
    assert main(["physics", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"latents": 3}, "3 latents"), ({"height": 18, "width": 14}, "18 x 14")],
)
def test_other_networks_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write_network(tmp_path, "n", 1, **changes)
    with pytest.raises(InputError, match=message):
        load_networks([str(path)])


def test_a_mask_encoder_alone_is_refused(tmp_path: Path) -> None:
    save_released(tmp_path, "n", {}, {"config": {"filters": [1]}})
    with pytest.raises(InputError, match="describes no CoDAE"):
        load_networks([str(tmp_path / "n.safetensors")])
