from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from trigforge.train.errors import InputError
from trigforge.train.schema import parse, read_yaml


@dataclass(frozen=True, kw_only=True)
class Inner:
    epochs: int = 1


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    rate: float = 0.5
    mode: Literal["a", "b"] = "a"
    bits: tuple[int, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    released: str | None = None
    inner: Inner = Inner()

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise ValueError(f"rate is {self.rate}, expected at least 0")


def test_yaml_becomes_a_dataclass() -> None:
    value = {
        "name": "x",
        "rate": 1,
        "bits": [1, 2],
        "limits": {"a": 2},
        "released": None,
        "inner": {"epochs": 3},
    }
    expected = Outer(name="x", rate=1.0, bits=(1, 2), limits={"a": 2.0}, inner=Inner(epochs=3))
    assert parse(Outer, value, "f.yaml") == expected


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"nme": "x"}, r"f\.yaml: unknown key 'nme', known are .*did you mean 'name'\?"),
        ({}, r"f\.yaml: name is missing, expected a text"),
        ({"name": 3}, r"f\.yaml: name is 3, expected a text"),
        ({"name": "x", "rate": "fast"}, r"rate is 'fast', expected a number"),
        ({"name": "x", "rate": True}, r"rate is True, expected a number"),
        ({"name": "x", "rate": -1}, r"f\.yaml: rate is -1\.0, expected at least 0"),
        ({"name": "x", "mode": "c"}, r"mode is 'c', expected one of a, b"),
        ({"name": "x", "bits": [1, "2"]}, r"bits\[1\] is '2', expected an integer"),
        ({"name": "x", "limits": {"a": "b"}}, r"limits\.a is 'b', expected a number"),
        ({"name": "x", "inner": {"epoch": 1}}, r"f\.yaml: inner: unknown key 'epoch'"),
        ({"name": "x", "inner": 3}, r"f\.yaml: inner: expected a mapping, got 3"),
        ([1], r"f\.yaml: expected a mapping"),
    ],
)
def test_what_does_not_fit_names_file_and_field(value: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse(Outer, value, "f.yaml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [1", "line 2: not valid YAML"),
        ("- 1\n", "expected a mapping of sections, got list"),
        ("", "expected a mapping of sections, got NoneType"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_bad_yaml_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text + ("\n" if text.startswith("a") else ""))
    with pytest.raises(InputError, match=sentence):
        read_yaml(path)


def test_a_missing_or_binary_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_yaml(tmp_path / "none.yaml")
    path = tmp_path / "b.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_yaml(path)
