import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from trigforge.train import weights
from trigforge.train.errors import InputError, StorageError
from trigforge.train.weights import (
    load_released,
    load_weights,
    save_released,
    save_weights,
)

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "steps": torch.tensor(4)}
CONFIG = {"filters": (2, 3), "negative_slope": 0.25}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    turned = STATE["a.weight"].T.contiguous().T
    save_weights(path, {**STATE, "a.weight": turned})
    loaded = load_weights(path, STATE)
    assert all(torch.equal(loaded[name], STATE[name]) for name in STATE)
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a.weight": None}, "tensor 'a.weight' is missing"),
        ({"b": torch.ones(1)}, "tensor 'b' has no place in the network"),
        (
            {"a.weight": torch.ones(3, 2)},
            r"tensor 'a.weight' is float32 \[3, 2\], the network expects float32 \[2, 3\]",
        ),
        ({"steps": torch.tensor(4.0)}, r"tensor 'steps' is float32 \[\], .* int64 \[\]"),
        ({"a.weight": torch.full((2, 3), float("inf"))}, "values that are not finite"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, Tensor | None], message: str
) -> None:
    path = tmp_path / "w.safetensors"
    changed = {name: tensor for name, tensor in {**STATE, **change}.items() if tensor is not None}
    save_file(changed, path)
    with pytest.raises(InputError, match=message):
        load_weights(path, STATE)


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 64])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not readable as safetensors"):
        load_weights(path, STATE)
    save_weights(path, STATE)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match="not readable as safetensors"):
        load_weights(path, STATE)
    with pytest.raises(InputError, match="no such file"):
        load_weights(tmp_path / "none.safetensors", STATE)


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(tensors: dict[str, Tensor], path: Path) -> None:
        path.write_bytes(b"half")
        raise weights.SafetensorError("Error while serializing: No space left (os error 28)")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(StorageError, match="the disk is full"):
        save_weights(tmp_path / "w.safetensors", STATE)
    assert list(tmp_path.iterdir()) == []


def test_released_weights_know_what_they_are_for(tmp_path: Path) -> None:
    save_released(tmp_path, "net_v1", STATE, {"config": CONFIG, "metrics": {"ssim": 0.5}})
    released = load_released(tmp_path, "net_v1", STATE, CONFIG)
    assert torch.equal(released.state["a.weight"], STATE["a.weight"])
    assert released.manifest["metrics"] == {"ssim": 0.5}
    with pytest.raises(InputError, match=r"made for negative_slope = 0.25, the recipe has 0.5"):
        load_released(tmp_path, "net_v1", STATE, {**CONFIG, "negative_slope": 0.5})
    with pytest.raises(InputError, match=r"unknown released weights 'net_v2'.*net_v1"):
        load_released(tmp_path, "net_v2", STATE, CONFIG)


def test_released_weights_are_the_manifests(tmp_path: Path) -> None:
    save_released(tmp_path, "net_v1", STATE, {"config": CONFIG})
    save_weights(tmp_path / "net_v1.safetensors", {**STATE, "a.weight": STATE["a.weight"] + 1})
    with pytest.raises(InputError, match="the bytes are not those of its manifest"):
        load_released(tmp_path, "net_v1", STATE, CONFIG)
    manifest = tmp_path / "net_v1.json"
    manifest.write_text(json.dumps([1]))
    with pytest.raises(InputError, match="made for filters = None"):
        load_released(tmp_path, "net_v1", STATE, CONFIG)
    manifest.unlink()
    with pytest.raises(InputError, match="no such file"):
        load_released(tmp_path, "net_v1", STATE, CONFIG)
