"""Configurations of training: from JSON that anybody may have written to the dataclasses of the trainers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Set
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Config = TypeVar("Config")


def changed(defaults: Config, fields: Mapping[str, Any]) -> Config:
    """`defaults`, a dataclass, with other values in some fields; what JSON has as a list is a tuple.

    Raises:
        TypeError: no fields but something else, an unknown field, or a value of another type.
    """
    if not isinstance(fields, Mapping):
        raise TypeError("settings by their names are wanted")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    kinds = get_type_hints(type(defaults))
    for name, value in values.items():
        if name not in kinds:
            raise TypeError(f"there is no {name:.40} in {type(defaults).__name__}")
        if not _is(value, kinds[name]):
            raise TypeError(f"{name} is {value!r:.40}; it should be {_words(kinds[name])}")
    return dataclasses.replace(defaults, **values)  # type: ignore[type-var]


def check_counts(config: object, may_be_zero: Set[str]) -> None:
    """Every whole number of a configuration counts something; some may count nothing.

    Raises:
        ValueError: one is too small.
    """
    for name, kind in get_type_hints(type(config)).items():
        value, least = getattr(config, name), 0 if name in may_be_zero else 1
        if kind is int and value < least:
            raise ValueError(f"{name} is {value}; it should be {least} or more")


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of an annotation's type; whole numbers are floats, too."""
    outer, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if outer is UnionType:
        return any(_is(value, one) for one in inner)
    if outer is dict:
        return isinstance(value, dict) and all(_is(each, inner[1]) for each in value.values())
    if outer is tuple:
        kinds = [inner[0]] * len(value) if isinstance(value, tuple) and inner[-1] is ... else inner
        return isinstance(value, tuple) and len(value) == len(kinds) and all(map(_is, value, kinds))
    if kind in (int, float):
        is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
        return is_number and value == value    # JSON may say NaN
    return isinstance(value, kind)


def _words(kind: Any) -> str:
    """A type as the author of a JSON file knows it."""
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("tuple", "list")
