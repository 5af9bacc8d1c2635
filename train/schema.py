"""Strict parsing: a YAML mapping becomes a frozen dataclass, or one sentence says why not.

Supported field types: ``int``, ``float``, ``bool``, ``str``, ``Literal``, ``X | None``,
``tuple[X, ...]``, ``Mapping[str, X]`` and nested dataclasses. Unknown keys, missing keys and wrong
types are errors that name the file and the dotted path of the field.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import yaml

from trigforge.train.errors import InputError, unknown_name

T = TypeVar("T")


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        InputError: the file is missing, unreadable, not YAML, or not a mapping.
    """
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}{line}: not valid YAML; check indentation and colons") from None
    if not isinstance(loaded, dict):
        raise InputError(f"{path}: expected a mapping of sections, got {type(loaded).__name__}")
    return loaded


def parse(cls: type[T], value: Any, file: str, path: str = "") -> T:
    """Turn ``value`` (plain YAML data) into ``cls``.

    Args:
        cls: a dataclass.
        value: what YAML gave for it.
        file: named in errors.
        path: dotted path of ``value`` in the file, empty at the top.

    Raises:
        InputError: unknown or missing key, wrong type, or a range check of the dataclass failed.
    """
    place = f"{file}: {path}" if path else file
    if not isinstance(value, dict):
        raise InputError(f"{place}: expected a mapping, got {_shown(value)}")
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    for key in value:
        if key not in fields:
            raise unknown_name("key", str(key), fields, place)
    arguments: dict[str, Any] = {}
    for name, field in fields.items():
        inner = f"{path}.{name}" if path else name
        if name in value:
            arguments[name] = _convert(hints[name], value[name], file, inner)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InputError(f"{file}: {inner} is missing, expected {_named(hints[name])}")
    try:
        return cls(**arguments)
    except ValueError as error:
        raise InputError(f"{place}: {error}") from None


def _convert(hint: Any, value: Any, file: str, path: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        return parse(typing.cast(type, hint), value, file, path)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        inner = [arg for arg in args if arg is not type(None)]
        return _convert(inner[0], value, file, path)
    if origin is Literal:
        if value not in args:
            raise InputError(
                f"{file}: {path} is {_shown(value)}, expected one of {', '.join(map(str, args))}"
            )
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(args[0], v, file, f"{path}[{i}]") for i, v in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        return {str(k): _convert(args[1], v, file, f"{path}.{k}") for k, v in value.items()}
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint in (str, bool) and isinstance(value, hint):
        return value
    raise InputError(f"{file}: {path} is {_shown(value)}, expected {_named(hint)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _named(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is tuple:
        return f"a list of {_named(args[0])}"
    if origin is Mapping:
        return f"a mapping to {_named(args[1])}"
    if origin is Literal:
        return f"one of {', '.join(map(str, args))}"
    if origin in (Union, types.UnionType):
        return " or ".join("nothing" if a is type(None) else _named(a) for a in args)
    names = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}
    return names.get(hint, "a mapping")
